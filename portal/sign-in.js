/* Sign-in. */

import { h, notice } from "./dom.js";
import { emailField, form, passwordField } from "./forms.js";
import { address, visit } from "./settings.js";
import { alternatives, onward, signIn } from "./welcome.js";

export const title = "Sign in";

export function show(go) {
  const asked = visit();
  const query = { ...asked, next: new URLSearchParams(location.search).get("next") };
  return [
    h("div", { class: "narrow card" },
      form({ fields: [emailField(), passwordField()], submit: "Sign in", act: async ({ email, password }) => {
        const welcome = await signIn(email, password, asked);
        onward(go, welcome, asked, notice("good", h("p", {}, "You are signed in.")));
      } }),
      alternatives(
        h("a", { href: address("password", query), "data-route": true }, "Forgot the password?"),
        h("span", {}, "New here? ", h("a", { href: address("register", query), "data-route": true }, "Register")),
      ),
    ),
  ];
}
