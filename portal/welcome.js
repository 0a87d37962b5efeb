/* Signing in, and where a visitor goes once they have registered or signed in. */

import { ApiError, post } from "./api.js";
import { h, notice, whileBusy } from "./dom.js";
import { awaited, redirectOf, remember } from "./session.js";
import { target } from "./settings.js";

/* The portal's pages that a sign-in may continue at. */
const NEXT = ["my-solutions", "receipts", "account", "upgrade", "usage"];

/* Sign in for the visited solution; if none is named, to the account alone, which grants no plan and gives no token.
   Resolves to the API's welcome; throws `ApiError`. */
export async function signIn(email, password, asked) {
  const welcome = await post("/v1/sessions", { email, password, ...target(asked) });
  remember(welcome, email);
  awaited(welcome);
  return welcome;
}

/* A button by which a signed-in user goes on to a solution: as by signing in for it, without the password. */
export function goOn(go, asked, properties, ...text) {
  const outcome = h("div", { class: "outcome" });
  const left = () => !button.isConnected; // the user has gone elsewhere meanwhile
  const button = h("button", { type: "button", ...properties, onclick: () => whileBusy(button, async () => {
    outcome.replaceChildren();
    try {
      const welcome = await post("/v1/visits", target(asked), { signedIn: true });
      awaited(welcome);
      if (left()) return;
      await toSolution(go, welcome, asked, notice("good", h("p", {}, "The solution is yours to use.")));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (left()) return;
      if (error.code === "sign_in_required") await go("sign-in", asked, notice("warn", h("p", {}, error.message)));
      else outcome.append(notice("bad", h("p", {}, error.message)));
    }
  }) }, ...text);
  return [button, outcome];
}

/* Where to: the purchase that was begun, the page of the portal that asked, the solution's page, or the user's own. */
export function onward(go, welcome, asked, says = null) {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  if (!asked.plan && NEXT.includes(next)) return go(next, {}, says);
  return toSolution(go, welcome, asked, says);
}

function toSolution(go, welcome, asked, says) {
  if (asked.plan) return go("upgrade", asked, says);
  const url = asked.solution_id && redirectOf(welcome);
  if (url && carries(welcome)) return location.assign(url);
  const told = says ?? notice("good", h("p", {}, "You are signed in."));
  if (url) told.append(h("p", {}, "Open the solution here. Its page asks you to sign in once more."));
  return go("my-solutions", {}, told);
}

/* Whether its redirect signs the user in at the solution's page: one that takes codes gets none without its own `state`. */
export const carries = ({ token, code }) => Boolean(token || code);

/* Whether a solution keeps this user out, who can still sign in to the account: to cancel, to read, and to delete. */
export const isHeld = (error) => ["entitlement_suspended", "entitlement_revoked"].includes(error.code);

/* Sign in to the account alone, and go to what the user has, where subscriptions are cancelled. */
export async function toAccount(go, email, password, says = null) {
  await signIn(email, password, {});
  return go("my-solutions", {}, says ?? notice("good", h("p", {}, "You are signed in to your account.")));
}

export function alternatives(...links) {
  return h("p", { class: "soft alternatives" }, ...links.filter(Boolean).flatMap((link, place) => (place ? [" · ", link] : [link])));
}
