/* Forms: labelled fields, with what is wrong beside the field that it is about. */

import { ApiError } from "./api.js";
import { announce, h, newId, notice, whileBusy } from "./dom.js";
import { INBOX } from "./settings.js";

/* A labelled input. `hint` is below it; `missing` is what to say if it is empty. */
export function field(name, label, { hint = "", missing = "", ...attributes }) {
  const id = newId(name);
  const error = h("p", { class: "field-error", id: `${id}-error` });
  const about = [hint && `${id}-hint`, error.id].filter(Boolean).join(" ");
  const input = h("input", { id, name, "aria-describedby": about, required: true, ...attributes });
  const shown = attributes.type === "password" ? h("div", { class: "with-button" }, input, reveal(input)) : input;
  const root = h("div", { class: "field" }, h("label", { for: id }, label), hint && h("p", { class: "hint", id: `${id}-hint` }, hint), shown, error);
  return { root, input, error, missing: missing || `Enter ${label.toLowerCase()}.` };
}

export const emailField = (value = "") => field("email", "Email address", {
  type: "email", autocomplete: "username", value, maxlength: 128, missing: "Enter your email address.",
});
export const passwordField = () => field("password", "Password", {
  type: "password", autocomplete: "current-password", maxlength: 256, missing: "Enter your password.",
});
export const newPasswordField = () => field("password", "New password", {
  type: "password", autocomplete: "new-password", minlength: 12, maxlength: 256, missing: "Enter a new password.",
  hint: "At least 12 characters, with a capital letter, a small letter, and a digit.",
});
export const codeField = (hint) => field("code", "Code from the email", {
  inputmode: "numeric", autocomplete: "one-time-code", maxlength: 64, hint, missing: "Enter the code from the email.",
});

/* On a stack that mails no codes: where they are. */
export const inbox = () => INBOX && notice("info", h("p", {}, "This stack sends no emails. ",
  h("a", { href: INBOX, target: "_blank", rel: "noopener" }, "Open its inbox"), " to read the code."));

export function checkbox(name, label) {
  const id = newId(name);
  const input = h("input", { id, name, type: "checkbox" });
  return { root: h("div", { class: "check" }, input, h("label", { for: id }, label)), input };
}

function reveal(input) {
  return h("button", {
    type: "button", class: "quiet", "aria-pressed": "false", "aria-label": "Show the password",
    onclick: ({ currentTarget }) => {
      const show = input.type === "password";
      input.type = show ? "text" : "password";
      currentTarget.setAttribute("aria-pressed", String(show));
      currentTarget.textContent = show ? "Hide" : "Show";
    },
  }, "Show");
}

/* A form that calls `act` with its values once they are complete, and shows what it throws. */
export function form({ fields, extra = [], submit, act }) {
  const failure = h("div", { class: "failure" });
  const button = h("button", { type: "submit" }, submit);
  const made = h(
    "form", { noValidate: true, onsubmit: (event) => {
      event.preventDefault();
      whileBusy(button, () => run());
    } },
    ...fields.map(({ root }) => root), ...extra, failure, h("div", { class: "acts" }, button),
  );

  async function run() {
    failure.replaceChildren();
    for (const one of fields) tell(one, "");
    const wrong = fields.filter((one) => tell(one, complaint(one)));
    if (wrong.length) return wrong[0].input.focus();
    const values = Object.fromEntries(new FormData(made));
    if (values.email) values.email = values.email.trim();
    if (values.code) values.code = values.code.replaceAll(/\s/g, "");
    try {
      await act(values);
    } catch (error) {
      show(error);
    }
    return undefined;
  }

  function show(error) {
    if (!(error instanceof ApiError)) {
      failure.append(notice("bad", h("p", {}, "Something went wrong on this page. Reload it, then try again.")));
      reportError(error);
      return;
    }
    const faults = { ...error.faults };
    if (error.code === "password_weak") faults.password = error.message;
    if (error.code === "code_invalid") faults.code = error.message;
    const wrong = fields.filter((one) => tell(one, faults[one.input.name] ?? ""));
    if (wrong.length) wrong[0].input.focus();
    else failure.append(notice("bad", h("p", {}, error.message)));
  }

  return made;
}

function complaint({ input, missing }) {
  const { valueMissing, typeMismatch, tooShort } = input.validity;
  if (valueMissing || (input.required && !input.value.trim())) return missing;
  if (typeMismatch) return "Enter an email address such as name@example.com.";
  if (tooShort) return `Use at least ${input.minLength} characters.`;
  return "";
}

function tell({ input, error }, text) {
  error.textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  if (text) announce(text);
  return Boolean(text);
}
