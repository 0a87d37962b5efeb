/* Sign-in. */

import { ApiError } from "./api.js";
import { h, notice, whileBusy } from "./dom.js";
import { emailField, form, passwordField } from "./forms.js";
import { address, visit } from "./settings.js";
import { alternatives, isHeld, onward, signIn, toAccount } from "./welcome.js";

export const title = "Sign in";

export function show(go) {
  const asked = visit();
  const query = { ...asked, next: new URLSearchParams(location.search).get("next") };
  const held = h("div", {});
  return [
    h("div", { class: "narrow card" },
      form({ fields: [emailField(), passwordField()], extra: [held], submit: "Sign in", act: async ({ email, password }) => {
        held.replaceChildren();
        try {
          const welcome = await signIn(email, password, asked);
          await onward(go, welcome, asked, notice("good", h("p", {}, "You are signed in.")));
        } catch (error) {
          if (!isHeld(error)) throw error;
          held.append(kept(go, error, email, password));
        }
      } }),
      alternatives(
        h("a", { href: address("password", query), "data-route": true }, "Forgot the password?"),
        h("span", {}, "New here? ", h("a", { href: address("register", query), "data-route": true }, "Register")),
      ),
    ),
  ];
}

/* The solution lets this user in no more; the account does. */
function kept(go, error, email, password) {
  const outcome = h("div", {});
  const button = h("button", { type: "button", class: "quiet", onclick: () => whileBusy(button, async () => {
    outcome.replaceChildren();
    try {
      await toAccount(go, email, password);
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      outcome.append(h("p", {}, failure.message));
    }
  }) }, "Your account");
  return notice("bad", h("p", {}, error.message),
    h("p", {}, "Your account stays open: cancel a subscription, read receipts, or delete the account there."),
    h("div", { class: "acts" }, button), outcome);
}
