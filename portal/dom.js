/* Elements. Text is only ever put into text nodes, so nothing that is shown can become markup. */

/* An element with properties (`class`, `onclick`, `aria-…`, `data-…`, and others as they are) and children. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes("-") && typeof value !== "string") made[name] = value;
    else made.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  // A reader hears a text that arrives in a region, not one that is there already.
  setTimeout(() => { region.textContent = text; }, 50);
}

/* A notice that is read out when it appears. `kind` is info, good, warn, or bad. */
export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, ...children);
}

let ids = 0;
export const newId = (word) => `${word}-${++ids}`;

/* Run an act of a button once at a time. It keeps the focus, so it is not disabled but ignores further presses. */
export async function whileBusy(button, act) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await act();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/* Ask before something that cannot be undone. Resolves to whether the user agreed; `typed` must be typed first. */
export function confirmed({ title, text, agree, typed = "" }) {
  return new Promise((resolve) => {
    const heading = newId("dialog");
    const input = h("input", { id: newId("typed"), autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
    const no = h("button", { type: "button", class: "quiet" }, "Keep as it is");
    const yes = h("button", { type: "submit", class: "danger" }, agree);
    const error = h("p", { class: "field-error", id: newId("error"), role: "alert" });
    const form = h(
      "form", { method: "dialog", noValidate: true },
      h("h2", { id: heading }, title),
      ...text.map((line) => h("p", {}, line)),
      typed && h("div", { class: "field" }, h("label", { for: input.id }, "To confirm, type ", h("b", {}, typed)), input, error),
      h("div", { class: "acts end" }, no, yes),
    );
    const dialog = h("dialog", { "aria-labelledby": heading }, form);
    let agreed = false;
    no.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (typed && input.value.trim().toLowerCase() !== typed.toLowerCase()) {
        error.textContent = `This does not match. Type ${typed}.`;
        input.focus();
        return;
      }
      agreed = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(agreed);
    });
    document.body.append(dialog);
    dialog.showModal();
    (typed ? input : no).focus();
  });
}
