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

export async function show() {
  const asked = visit();
  if (!asked.solution_id) {
    const solutions = await offered();
    return [
      h("p", { class: "lead" }, "Choose a plan. You get one token that works at once, and you can change or cancel at any time."),
      ...solutions.map((facts) => section(facts, { solution_id: facts.solution_id })),
    ];
  }
  try {
    const facts = await factsOf(asked.solution_id);
    return [section(facts, asked, true)];
  } catch (error) {
    if (!(error instanceof ApiError) || !["solution_unknown", "request_invalid"].includes(error.code)) throw error;
    return [notice("bad", h("p", {}, "There is no such solution here.")), all()];
  }
}

const all = () => h("p", {}, h("a", { href: address(""), "data-route": true }, "See all solutions"));

function section(facts, asked, alone = false) {
  const id = `solution-${facts.solution_id}`;
  const plans = Object.entries(facts.plans).filter(([, plan]) => plan.price);
  const free = facts.plans[facts.default_plan];
  const { plan, ...visiting } = asked;
  const active = facts.status === "active";
  return h(
    "section", alone ? { "data-title": facts.name, class: "solution" } : { "aria-labelledby": id, class: "solution" },
    !alone && h("h2", { id }, facts.name),
    !active && notice("warn", h("p", {}, "This solution is turned off for now.")),
    alone && active && !idToken() && h(
      "p", { class: "acts" },
      h("a", { class: "button", href: address("register", visiting), "data-route": true }, "Register"),
      h("a", { class: "button quiet", href: address("sign-in", visiting), "data-route": true }, "Sign in"),
    ),
    alone && idToken() && h("p", {}, h("a", { href: address("my-solutions"), "data-route": true }, "See what you have in My solutions")),
    h(
      "ul", { class: "plans" },
      free && !free.price && card(facts, facts.default_plan, free, active && !idToken() && {
        href: address("register", visiting), text: "Register for free",
      }, alone),
      ...plans.map(([name, one]) => card(facts, name, one, active && {
        href: address("upgrade", { solution: facts.solution_id, plan: name, from: asked.from }), text: `Choose ${name}`,
      }, alone)),
    ),
    facts.plans.anonymous && h("p", { class: "soft" }, `Without an account: ${allowances(facts.plans.anonymous).join(", ")} from one network address.`),
  );
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
