/* The token of a solution: show, copy, replace, revoke. It is read only when the user asks for it. */

import { ApiError, post, send } from "./api.js";
import { confirmed, h, newId, notice, whileBusy } from "./dom.js";

export function tokenPanel(go, { solution_id, name }) {
  const heading = newId("token");
  const box = h("code", { class: "token", id: newId("secret") }, "gp1_••••••••••••••••");
  const outcome = h("div", { role: "status" });
  const path = `/v1/tokens/${encodeURIComponent(solution_id)}`;
  let secret = "";

  function display(token) {
    secret = token;
    box.textContent = token || "gp1_••••••••••••••••";
    shower.textContent = token ? "Hide token" : "Show token";
    shower.setAttribute("aria-expanded", String(Boolean(token)));
  }

  const read = async () => secret || (await post("/v1/tokens", { solution_id }, { signedIn: true })).token;

  function button(text, act, kind = "quiet small") {
    const made = h("button", { type: "button", class: kind, "aria-describedby": heading, onclick: () => whileBusy(made, async () => {
      outcome.replaceChildren();
      try {
        const told = await act();
        if (told) outcome.replaceChildren(notice("good", h("p", {}, told)));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === "sign_in_required") await go("sign-in", { next: "my-solutions" }, notice("warn", h("p", {}, error.message)));
        else outcome.replaceChildren(notice("bad", h("p", {}, error.message)));
      }
    }) }, text);
    return made;
  }

  const shower = button("Show token", async () => display(secret ? "" : await read()));
  shower.setAttribute("aria-controls", box.id);
  shower.setAttribute("aria-expanded", "false");
  const copy = button("Copy", async () => {
    const token = await read();
    try {
      await navigator.clipboard.writeText(token);
    } catch {
      display(token);
      getSelection().selectAllChildren(box);
      return "This browser does not let the page copy. The token is selected: copy it with Ctrl+C.";
    }
    return "Copied. Keep it secret: whoever has it uses your plan.";
  });
  const replace = button("Replace", async () => {
    const agreed = await confirmed({
      title: `Replace the token of ${name}?`, agree: "Replace the token",
      text: ["The present token stops working at once, everywhere. Your plan and your usage stay as they are."],
    });
    if (!agreed) return "";
    display((await post("/v1/tokens/rotate", { solution_id }, { signedIn: true })).token);
    return "This is your new token. The previous one no longer works.";
  });
  const revoke = button("Revoke", async () => {
    const agreed = await confirmed({
      title: `Revoke the token of ${name}?`, agree: "Revoke the token",
      text: ["The token stops working at once, everywhere. You keep your plan, and get a new token when you show it or sign in again."],
    });
    if (!agreed) return "";
    await send("DELETE", path, { signedIn: true });
    display("");
    return "The token is revoked. A new one is made when you show it.";
  });
  return h(
    "section", { class: "token-panel", "aria-labelledby": heading },
    h("h3", { id: heading }, "Token", h("span", { class: "unseen" }, ` of ${name}`)),
    h("p", { class: "soft" }, "Send it with each request as ", h("code", {}, "Authorization: Bearer …"), "."),
    box, h("div", { class: "acts" }, shower, copy, replace, revoke), outcome,
  );
}
