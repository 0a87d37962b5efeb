/* The solutions with their plans and prices, or the one that a link names. */

import { ApiError, get } from "./api.js";
import { h, notice } from "./dom.js";
import { idToken } from "./session.js";
import { SOLUTIONS, address, visit } from "./settings.js";
import { allowances, billing, priceParts } from "./words.js";

export const title = "Solutions";

export const factsOf = (solution) => get(`/v1/solutions/${encodeURIComponent(solution)}`);

/* The facts of all solutions of the portal that can be had now; one that cannot be read is left out. */
export async function offered() {
  const found = await Promise.allSettled(SOLUTIONS.map(factsOf));
  const facts = found.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  if (!facts.length && found.length) throw found[0].reason;
  return facts;
}

/* The IDs of the solutions that the user has; null for a visitor, and where they cannot be read. */
async function had() {
  if (!idToken()) return null;
  try {
    return (await get("/v1/entitlements", { signedIn: true })).entitlements.map(({ solution_id }) => solution_id);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code === "sign_in_required") throw error;
    return null;
  }
}

export async function show() {
  const asked = visit();
  if (!asked.solution_id) {
    const [solutions, own] = await Promise.all([offered(), had()]);
    return [
      h("p", { class: "lead" }, "Choose a plan. You get one token that works at once, and you can change or cancel at any time."),
      ...solutions.map((facts) => section(facts, { solution_id: facts.solution_id }, own)),
    ];
  }
  try {
    const [facts, own] = await Promise.all([factsOf(asked.solution_id), had()]);
    return [section(facts, asked, own, true)];
  } catch (error) {
    if (!(error instanceof ApiError) || !["solution_unknown", "request_invalid"].includes(error.code)) throw error;
    return [notice("bad", h("p", {}, "There is no such solution here.")), all()];
  }
}

const all = () => h("p", {}, h("a", { href: address(""), "data-route": true }, "See all solutions"));

function section(facts, asked, own, alone = false) {
  const id = `solution-${facts.solution_id}`;
  const plans = Object.entries(facts.plans).filter(([, plan]) => plan.price);
  const free = facts.plans[facts.default_plan];
  const { plan, ...visiting } = asked;
  const active = facts.status === "active";
  return h(
    "section", alone ? { "data-title": facts.name, class: "solution" } : { "aria-labelledby": id, class: "solution" },
    !alone && h("h2", { id }, facts.name),
    !active && notice("warn", h("p", {}, "This solution is turned off for now.")),
    alone && ways(facts, visiting),
    h(
      "ul", { class: "plans" },
      free && !free.price && card(facts, facts.default_plan, free, active && freely(facts, visiting, own), alone),
      ...plans.map(([name, one]) => card(facts, name, one, active && {
        href: address("upgrade", { ...visiting, plan: name }), text: `Choose ${name}`,
      }, alone)),
    ),
    facts.plans.anonymous && h("p", { class: "soft" }, `Without an account: ${allowances(facts.plans.anonymous).join(", ")} from one network address.`),
  );
}

/* Where to from the page of one solution: into an account, or back to the solution's page that led here. */
function ways(facts, visiting) {
  const link = (text, href, kind) => h("a", { class: kind, href, "data-route": true }, text);
  const active = facts.status === "active";
  if (!idToken()) {
    return active && h("p", { class: "acts" },
      link("Register", address("register", visiting), "button"), link("Sign in", address("sign-in", visiting), "button quiet"));
  }
  const mine = link("See what you have in My solutions", address("my-solutions"));
  if (!active || !(visiting.state || visiting.return_to)) return h("p", {}, mine);
  return [h("p", { class: "acts" }, link(`Continue to ${facts.name}`, address("sign-in", visiting), "button")), h("p", {}, mine)];
}

/* The way to the free plan. A sign-in for a solution gives it to users who do not have the solution yet. */
function freely({ solution_id }, visiting, own) {
  if (!idToken()) return { href: address("register", visiting), text: "Register for free" };
  return own && !own.includes(solution_id) && { href: address("sign-in", visiting), text: "Choose the free plan" };
}

function card(facts, name, plan, act, alone) {
  const [figure, rest] = priceParts(plan, name === facts.default_plan);
  return h(
    "li", { class: plan.price ? "card" : "card free" },
    h(alone ? "h2" : "h3", { class: "plan-name" }, name),
    h("p", { class: "price" }, h("b", {}, figure), rest && ` ${rest}`),
    h("ul", { class: "ticks" }, ...allowances(plan).map((line) => h("li", {}, line))),
    h("p", { class: "soft" }, billing(plan)),
    act && h("a", { class: plan.price ? "button" : "button quiet", href: act.href, "data-route": true }, act.text, h("span", { class: "unseen" }, ` of ${facts.name}`)),
  );
}
