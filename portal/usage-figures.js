/* What the figures of `GET /v1/usage` mean, in rows and sentences. */

import { money, number } from "./words.js";

const ANONYMOUS = "anonymous";
const byName = (one, other) => (other === ANONYMOUS) - (one === ANONYMOUS) || one.localeCompare(other);

/* Names in an order that does not depend on the figures, so that each keeps its colour. */
export const ordered = (names) => [...new Set(names)].sort(byName);

export const planNames = ({ total, before }) => ordered([total, before].flatMap(({ units }) => Object.keys(units)));
export const allUnits = ({ units }) => Object.values(units).reduce((all, one) => all + one, 0);

/* Of a list of amounts: of one currency, by plan or in all. */
export function amountOf(list, currency, plan = null) {
  const found = list.filter((one) => one.currency === currency && (plan === null || one.plan === plan));
  return found.reduce((all, { amount }) => all + amount, 0);
}

const amounts = (totals) => totals.flatMap(({ revenue, refunds }) => [...revenue, ...refunds]);
export const currencies = ({ total, before }) => ordered(amounts([total, before]).map(({ currency }) => currency));
export const paidPlans = ({ total, before }, currency) => ordered(
  amounts([total, before]).filter((one) => one.currency === currency).map(({ plan }) => plan),
);
export const netOf = (totals, currency, plan = null) => amountOf(totals.revenue, currency, plan) - amountOf(totals.refunds, currency, plan);

/* Revenue of all currencies, after refunds. */
export function netText(totals) {
  const found = ordered(amounts([totals]).map(({ currency }) => currency));
  return found.map((currency) => money(netOf(totals, currency), currency)).join(" + ") || "none";
}

export const subjectsOf = ({ refused }, reason) => refused.find((one) => one.reason === reason)?.subjects ?? 0;
export const allRefused = ({ refused }) => refused.reduce((all, { subjects }) => all + subjects, 0);

/* How a number has changed: `+12 %`; empty where there was nothing before. */
export function change(now, before) {
  if (!before) return "";
  const percent = Math.round(((now - before) / before) * 100);
  return `${percent > 0 ? "+" : percent < 0 ? "−" : "±"}${number(Math.abs(percent))} %`;
}

export const share = (part, whole) => (whole ? `${number(Math.round((part / whole) * 100))} %` : "");

const WALLS = {
  anonymous_quota_exceeded: { who: "visitor", wall: "the free limit", step: true },
  quota_exceeded: { who: "user", wall: "the limit of their plan", step: false },
};
export const REFUSALS = Object.keys(WALLS);
export const wallName = (reason) => ({ anonymous_quota_exceeded: "visitors at the free limit", quota_exceeded: "users at a plan’s limit" })[reason] ?? reason;

const counted = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;

/* `42 visitors hit the free limit, 9 registered, 2 paid within 7 days.` */
export function refusedSentence({ reason, subjects, registered, paid }) {
  const { who, wall, step } = WALLS[reason] ?? { who: "visitor or user", wall: reason, step: true };
  const parts = [`${counted(subjects, who)} hit ${wall}`, (step || registered > 0) && `${number(registered)} registered`, `${number(paid)} paid within 7 days`];
  return `${parts.filter(Boolean).join(", ")}.`;
}

/* The reasons of either period, with zeros where it has none. */
export function refusals({ total, before }) {
  const reasons = [...new Set([...REFUSALS, ...[total, before].flatMap(({ refused }) => refused.map(({ reason }) => reason))])];
  const of = ({ refused }, reason) => refused.find((one) => one.reason === reason) ?? { reason, subjects: 0, registered: 0, paid: 0 };
  return reasons.map((reason) => ({ now: of(total, reason), before: of(before, reason) })).filter(({ now, before: then }) => now.subjects || then.subjects);
}
