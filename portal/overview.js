/* The solutions with their plans and prices, or the one that a link names. */

import { ApiError, get } from "./api.js";
import { h, notice } from "./dom.js";
import { idToken } from "./session.js";
import { SOLUTIONS, address, visit } from "./settings.js";
import { goOn } from "./welcome.js";
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

export async function show(go) {
  const asked = visit();
  if (!asked.solution_id) {
    const [solutions, own] = await Promise.all([offered(), had()]);
    return [
      h("p", { class: "lead" }, "Choose a plan. You get one token that works at once, and you can change or cancel at any time."),
      ...solutions.map((facts) => section(go, facts, { solution_id: facts.solution_id }, own)),
    ];
  }
  try {
    const [facts, own] = await Promise.all([factsOf(asked.solution_id), had()]);
    return [section(go, facts, asked, own, true)];
  } catch (error) {
    if (!(error instanceof ApiError) || !["solution_unknown", "request_invalid"].includes(error.code)) throw error;
    return [notice("bad", h("p", {}, "There is no such solution here.")), all()];
  }
}

const all = () => h("p", {}, h("a", { href: address(""), "data-route": true }, "See all solutions"));

function section(go, facts, asked, own, alone = false) {
  const id = `solution-${facts.solution_id}`;
  const plans = Object.entries(facts.plans).filter(([, plan]) => plan.price);
  const free = facts.plans[facts.default_plan];
  const { plan, ...visiting } = asked;
  const active = facts.status === "active";
  return h(
    "section", alone ? { "data-title": facts.name, class: "solution" } : { "aria-labelledby": id, class: "solution" },
    !alone && h("h2", { id }, facts.name),
    !active && notice("warn", h("p", {}, "This solution is turned off for now.")),
    alone && ways(go, facts, visiting),
    h(
      "ul", { class: "plans" },
      free && !free.price && card(facts, facts.default_plan, free, active && freely(go, facts, visiting, own), alone),
      ...plans.map(([name, one]) => card(
        facts, name, one, active && way(facts, `Choose ${name}`, address("upgrade", { ...visiting, plan: name }), "button"), alone,
      )),
    ),
    facts.plans.anonymous && h("p", { class: "soft" }, `Without an account: ${allowances(facts.plans.anonymous).join(", ")} from one network address.`),
  );
}

/* Where to from the page of one solution: into an account, or back to the solution's page that led here. */
function ways(go, facts, visiting) {
  const link = (text, href, kind) => h("a", { class: kind, href, "data-route": true }, text);
  const active = facts.status === "active";
  if (!idToken()) {
    return active && h("p", { class: "acts" },
      link("Register", address("register", visiting), "button"), link("Sign in", address("sign-in", visiting), "button quiet"));
  }
  const mine = link("See what you have in My solutions", address("my-solutions"));
  if (!active || !(visiting.state || visiting.return_to)) return h("p", {}, mine);
  const [button, outcome] = goOn(go, visiting, {}, `Continue to ${facts.name}`);
  return [h("p", { class: "acts" }, button), outcome, h("p", {}, mine)];
}

/* The way to the free plan. To go on to a solution gives it to users who do not have the solution yet. */
function freely(go, facts, visiting, own) {
  if (!idToken()) return way(facts, "Register for free", address("register", visiting), "button quiet");
  return own && !own.includes(facts.solution_id) && goOn(go, visiting, { class: "quiet" }, "Choose the free plan", ofWhich(facts));
}

const way = (facts, text, href, kind) => h("a", { class: kind, href, "data-route": true }, text, ofWhich(facts));

/* For a screen reader, which may list links and buttons without what surrounds them. */
export const ofWhich = ({ name }) => h("span", { class: "unseen" }, ` of ${name}`);

function card(facts, name, plan, act, alone) {
  const [figure, rest] = priceParts(plan, name === facts.default_plan);
  return h(
    "li", { class: plan.price ? "card" : "card free" },
    h(alone ? "h2" : "h3", { class: "plan-name" }, name),
    h("p", { class: "price" }, h("b", {}, figure), rest && ` ${rest}`),
    h("ul", { class: "ticks" }, ...allowances(plan).map((line) => h("li", {}, line))),
    h("p", { class: "soft" }, billing(plan)),
    act,
  );
}
