/* A forgotten password: an address, then the mailed code together with a new password. */

import { ApiError, post } from "./api.js";
import { announce, h, notice } from "./dom.js";
import { checkbox, codeField, emailField, form, inbox, newPasswordField } from "./forms.js";
import { email as signedInAs, forget } from "./session.js";
import { address, visit } from "./settings.js";
import { alternatives, isHeld, onward, signIn, toAccount } from "./welcome.js";

export const title = "Set a new password";

export function show(go) {
  const asked = visit();
  const box = h("div", { class: "narrow card" });
  box.append(
    h("p", {}, "We mail you a code. With it, you choose a new password."),
    form({ fields: [emailField(signedInAs())], submit: "Send the code", act: async ({ email }) => {
      await post("/v1/passwords/forgotten", { email });
      box.replaceChildren(...second(go, email, asked));
      box.querySelector("input").focus();
      announce("Now enter the code and a new password");
    } }),
    alternatives(h("a", { href: address("sign-in", asked), "data-route": true }, "Back to sign in")),
  );
  return [box];
}

function second(go, email, asked) {
  const rotate = checkbox("rotate", "Also replace my tokens, because somebody else may have them");
  return [
    h("p", {}, "If ", h("b", {}, email), " has an account, a code is on its way to it. It can take a minute."),
    inbox(),
    form({
      fields: [codeField(""), newPasswordField()], submit: "Set the password",
      extra: [h("input", { type: "hidden", name: "email", value: email, autocomplete: "username" }), rotate.root],
      act: async ({ code, password }) => {
        await post("/v1/passwords", { email, code, password, rotate_tokens: rotate.input.checked });
        forget();
        const says = notice("good", h("p", {}, "Your new password is set. You are signed out everywhere else."));
        let welcome;
        try {
          welcome = await signIn(email, password, asked);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          return isHeld(error) ? toAccount(go, email, password, says) : go("sign-in", asked, says);
        }
        return onward(go, welcome, asked, says);
      },
    }),
    alternatives(h("button", { type: "button", class: "link", onclick: () => go("password", asked, null, true) }, "Use another address")),
  ].filter(Boolean);
}
