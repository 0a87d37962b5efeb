/* Registration: an address, then the mailed code together with the password to have. */

import { get, post } from "./api.js";
import { announce, h, notice, whileBusy } from "./dom.js";
import { codeField, emailField, form, inbox, newPasswordField } from "./forms.js";
import { awaited, redirectOf } from "./session.js";
import { SOLUTIONS, address, target, visit } from "./settings.js";
import { alternatives, carries, isHeld, onward, signIn, toAccount } from "./welcome.js";

export const title = "Register";

export async function show(go) {
  const asked = visit();
  const { solution_id } = wanted(asked);
  const { name } = await get(`/v1/solutions/${encodeURIComponent(solution_id)}`);
  const box = h("div", { class: "narrow card" });
  box.append(
    steps(1),
    h("p", {}, "Create an account for ", h("b", {}, name), ". We mail you a code to prove that the address is yours."),
    form({ fields: [emailField()], submit: "Send the code", act: async ({ email }) => {
      await begin(email, asked);
      box.replaceChildren(...second(go, email, asked));
      box.querySelector("input").focus();
      announce("Step 2 of 2: the code and a password");
    } }),
    alternatives(
      h("span", {}, "Have an account? ", h("a", { href: address("sign-in", asked), "data-route": true }, "Sign in")),
      SOLUTIONS.length > 1 && !asked.solution_id ? h("a", { href: address(""), "data-route": true }, "Choose another solution") : null,
    ),
  );
  return [box];
}

/* A registration is for a solution: the portal's first if none is named. */
const wanted = (asked) => target({ ...asked, solution_id: asked.solution_id || SOLUTIONS[0] });

async function begin(email, asked) {
  const { state, from, ...visited } = wanted(asked); // these two travel with the confirmation
  await post("/v1/registrations", { email, ...visited });
}

const steps = (now) => h("p", { class: "steps" }, `Step ${now} of 2`);

function second(go, email, asked) {
  const outcome = h("div", { role: "status" });
  const again = h("button", { type: "button", class: "link", onclick: () => whileBusy(again, async () => {
    try {
      await post("/v1/registrations/resend", { email });
      outcome.replaceChildren(notice("good", h("p", {}, "Another code is on its way. The previous one no longer works.")));
    } catch (error) {
      outcome.replaceChildren(notice("bad", h("p", {}, error.message)));
    }
  }) }, "Send another code");
  return [
    steps(2),
    h("p", {}, "We mailed a code to ", h("b", {}, email), ". It can take a minute; look among the junk mail, too."),
    inbox(),
    form({
      fields: [codeField(""), newPasswordField()], submit: "Create the account",
      extra: [h("input", { type: "hidden", name: "email", value: email, autocomplete: "username" })],
      act: (given) => confirm(go, email, given, asked),
    }),
    outcome,
    alternatives(again, h("button", { type: "button", class: "link", onclick: () => go("register", asked, null, true) }, "Use another address")),
  ].filter(Boolean);
}

async function confirm(go, email, { code, password }, asked) {
  const says = notice("good", h("p", {}, "Your account is ready."));
  let welcome;
  try {
    welcome = await post("/v1/registrations/confirm", { email, code, password, ...wanted(asked) });
  } catch (error) {
    if (!isHeld(error)) throw error;
    return toAccount(go, email, password, says); // which says there that the solution keeps the user out
  }
  // Also for who returns to a solution: an upgrade in this tab need not ask for the password again.
  const signedIn = await signIn(email, password, {}).then(() => true, () => false);
  if (asked.solution_id && !asked.plan && carries(welcome) && redirectOf(welcome)) return location.assign(redirectOf(welcome));
  if (!signedIn) return go("sign-in", asked, says);
  awaited(welcome);
  return onward(go, welcome, asked, says);
}
