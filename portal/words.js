/* Plans, times, and states in words. */

const WINDOWS = { hour: "an hour", day: "a day", week: "a week", month: "a month", year: "a year", lifetime: "in total" };
const NUMBER = new Intl.NumberFormat("en-IN");
const TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const DAY_MONTH = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });

export const number = (value) => NUMBER.format(value);
export const time = (iso) => TIME.format(new Date(iso));
export const day = (iso) => DAY.format(new Date(iso));
export const dayMonth = (date) => DAY_MONTH.format(new Date(date));

/* An amount in the smallest unit of the currency (ISO 4217 has how many digits that is). */
export function money(amount, currency) {
  const format = new Intl.NumberFormat(currency === "INR" ? "en-IN" : "en", { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/* A text as a sentence of its own, with the times in it for people. */
export function sentence(text) {
  const told = text.replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, day);
  return `${told[0].toUpperCase()}${told.slice(1)}`;
}

const requests = (count) => `${number(count)} request${count === 1 ? "" : "s"}`;

/* What a plan allows, one line each. */
export function allowances(plan) {
  if (plan.model === "prepaid") {
    const limits = Object.entries(plan.limits).map(([window, count]) => `at most ${requests(count)} ${WINDOWS[window] ?? window}`);
    return [plan.credits ? `${requests(plan.credits)} with each purchase` : "requests that you buy in advance", "they do not expire", ...limits];
  }
  const limits = Object.entries(plan.limits).map(([window, count]) => `${requests(count)} ${WINDOWS[window] ?? `per ${window}`}`);
  return limits.length ? limits : ["no limit on requests"];
}

/* How a plan is paid for. */
export function billing(plan) {
  return {
    once: "Paid once. Yours for good.",
    days: `Paid once, for ${plan.price?.days} days. Does not renew.`,
    recurring: "Renews by itself until you cancel.",
    prepaid: "Paid once. Buy again whenever you need more.",
    free: "",
  }[plan.model] ?? "";
}

/* A price as its figure and the rest: `₹499.00`, `every month`. */
export function priceParts(plan, isDefault) {
  if (!plan.price) return isDefault ? ["Free", ""] : ["Not sold", ""];
  const [, figure, rest] = plan.price.readable.match(/^(.+?)((?: (?:every|for|once)\b.*)?)$/);
  return [figure, rest.trim()];
}

export const STATES = {
  paid: ["Paid", "good"],
  partly_refunded: ["Partly refunded", "warn"],
  refunded: ["Refunded", "warn"],
  refund_due: ["Being refunded", "warn"],
  disputed: ["Disputed", "bad"],
};
