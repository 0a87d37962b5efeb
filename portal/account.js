/* The account: sign out here or everywhere, change the password, delete it all. */

import { ApiError, send } from "./api.js";
import { confirmed, h, notice, whileBusy } from "./dom.js";
import { checkbox } from "./forms.js";
import { email, forget } from "./session.js";
import { address } from "./settings.js";

export const title = "Account";
export const needsUser = true;

export function show(go) {
  const rotate = checkbox("rotate", "Also end my tokens. Programs that use them stop working.");
  return [
    h("p", {}, "You are signed in as ", h("b", {}, email()), "."),
    section("This browser", "You stay signed in until you close this tab, for at most an hour.",
      button("Sign out", async () => {
        forget();
        await go("", {}, notice("good", h("p", {}, "You are signed out.")));
      })),
    section("Password", "We mail you a code, with which you choose a new password.",
      h("a", { class: "button quiet", href: address("password"), "data-route": true }, "Change the password")),
    section("Everywhere", "Ends every session on every device, this one included.", rotate.root,
      button("Sign out everywhere", async () => {
        await send("DELETE", `/v1/sessions${rotate.input.checked ? "?rotate_tokens=true" : ""}`, { signedIn: true });
        forget();
        await go("sign-in", {}, notice("good", h("p", {}, "You are signed out everywhere.")));
      })),
    section("Delete the account", "Ends all access, cancels subscriptions, and removes your address and password.",
      button("Delete the account", async () => {
        const agreed = await confirmed({
          title: "Delete your account for good?", agree: "Delete the account", typed: email(),
          text: ["Your tokens stop working at once. What you have paid for ends without a refund, and subscriptions are cancelled. This cannot be undone."],
        });
        if (!agreed) return;
        await send("DELETE", "/v1/account", { signedIn: true });
        forget();
        await go("", {}, notice("good", h("p", {}, "Your account is deleted.")));
      }, "danger-quiet")),
  ];

  function button(text, act, kind = "quiet") {
    const outcome = h("div", {});
    const made = h("button", { type: "button", class: kind, onclick: () => whileBusy(made, async () => {
      outcome.replaceChildren();
      try {
        await act();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === "sign_in_required") await go("account", {}, notice("warn", h("p", {}, error.message)), true);
        else outcome.replaceChildren(notice("bad", h("p", {}, error.message)));
      }
    }) }, text);
    return h("div", {}, made, outcome);
  }
}

function section(heading, text, ...content) {
  return h("section", { class: "card" }, h("h2", {}, heading), h("p", { class: "soft" }, text), ...content);
}
