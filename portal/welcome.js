/* Signing in, and where a visitor goes once they have registered or signed in. */

import { post } from "./api.js";
import { h, notice } from "./dom.js";
import { awaited, redirectOf, remember } from "./session.js";
import { target } from "./settings.js";

/* The portal's pages that a sign-in may continue at. */
const NEXT = ["my-solutions", "receipts", "account", "upgrade", "usage"];

/* Sign in for the visited solution. Resolves to the API's welcome; throws `ApiError`. */
export async function signIn(email, password, asked) {
  const welcome = await post("/v1/sessions", { email, password, ...target(asked) });
  remember(welcome, email);
  awaited(welcome);
  return welcome;
}

/* Where to: the purchase that was begun, the page of the portal that asked, the solution's page, or the user's own. */
export function onward(go, welcome, asked, says = null) {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  if (asked.plan) return go("upgrade", { solution: asked.solution_id, plan: asked.plan }, says);
  if (NEXT.includes(next)) return go(next, {}, says);
  const url = redirectOf(welcome);
  if (asked.solution_id && url) return location.assign(url);
  return go("my-solutions", {}, says ?? notice("good", h("p", {}, "You are signed in.")));
}

export function alternatives(...links) {
  return h("p", { class: "soft alternatives" }, ...links.filter(Boolean).flatMap((link, place) => (place ? [" · ", link] : [link])));
}
