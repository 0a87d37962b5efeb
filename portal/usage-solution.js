/* The figures of one solution in a period, each beside the period before. */

import { chart, scrolled } from "./chart.js";
import { h, newId } from "./dom.js";
import {
  allRefused, allUnits, amountOf, change, currencies, netOf, netText, paidPlans, planNames, refusals, refusedSentence, share,
  subjectsOf, wallName,
} from "./usage-figures.js";
import { money, number } from "./words.js";

/* Sections, from a solution of the answer to `GET /v1/usage`. */
export function solutionSections(figures) {
  return [summary(figures), usage(figures), funnel(figures), refused(figures), pressure(figures), ...revenue(figures)];
}

function section(heading, ...content) {
  const id = newId("figures");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, heading), ...content);
}

function summary({ total, before }) {
  const tiles = [
    ["Units spent", allUnits(total), allUnits(before)],
    ["Visitors", total.visitor_days, before.visitor_days],
    ["Users", total.user_days, before.user_days],
    ["Registrations", total.registrations, before.registrations],
    ["Upgrades", total.upgrades, before.upgrades],
    ["Downgrades", total.downgrades, before.downgrades],
    ["Cancellations", total.cancellations, before.cancellations],
    ["Refused at a limit", allRefused(total), allRefused(before)],
  ];
  const tile = (name, now, then) => h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, now), h("span", { class: "soft" }, then)));
  return section(
    "In short",
    h(
      "dl", { class: "tiles" },
      ...tiles.map(([name, now, then]) => tile(name, number(now), [`${number(then)} before`, change(now, then)].filter(Boolean).join(", "))),
      tile("Revenue, less refunds", netText(total), `${netText(before)} before`),
    ),
    h("p", { class: "soft" }, "Visitors and users count once a day: who comes on two days counts twice."),
  );
}

function usage(figures) {
  const { days, total, before } = figures;
  const plans = planNames(figures);
  return section(
    "Usage by plan",
    chart({
      title: "Units spent, by day and plan", days: days.map(({ day }) => day), show: number,
      series: plans.map((name) => ({ name, values: days.map(({ units }) => units[name] ?? 0) })),
    }),
    compared("Units spent by plan", ["Plan", "Units", "Before", "Change"],
      plans.map((name) => [name, ...both(total.units[name] ?? 0, before.units[name] ?? 0)])),
  );
}

const both = (now, then) => [number(now), number(then), change(now, then)];

function compared(name, columns, rows) {
  if (!rows.length) return null;
  return scrolled(name, h(
    "table", {}, h("caption", { class: "unseen" }, name),
    h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, column)))),
    h("tbody", {}, ...rows.map(([first, ...others]) => h("tr", {}, h("th", { scope: "row" }, first), ...others.map((text) => h("td", {}, text))))),
  ));
}

/* The bars repeat what the figures beside them say, so only the figures are read out. */
function funnel({ total, before }) {
  const steps = [
    ["Visitors", total.visitor_days, before.visitor_days],
    ["Registrations", total.registrations, before.registrations],
    ["Upgrades", total.upgrades, before.upgrades],
  ];
  const most = Math.max(1, ...steps.map(([, now]) => now));
  const rows = steps.map(([name, now, then], place) => [
    h("span", { class: "step" }, name, h("progress", { max: most, value: now, "aria-hidden": "true" })),
    number(now), place ? share(now, steps[place - 1][1]) : "", number(then), place ? share(then, steps[place - 1][2]) : "",
  ]);
  return section("From visitor to customer", compared("From visitor to customer",
    ["Step", "This period", "Of the step above", "Before", "Of the step above, before"], rows));
}

function refused(figures) {
  const found = refusals(figures);
  return section(
    "Refused demand",
    found.length
      ? h("ul", { class: "sentences" }, ...found.map(({ now, before }) => h("li", {}, h("b", {}, refusedSentence(now)), h("span", { class: "soft" }, ` Before: ${refusedSentence(before)}`))))
      : h("p", { class: "soft" }, "Nobody was refused at a limit, and nobody in the period before."),
    found.length > 0 && h("p", { class: "soft" }, "Who hit a limit in the last 7 days may still pay."),
  );
}

function pressure(figures) {
  const { days, total, before } = figures;
  const reasons = refusals(figures).map(({ now }) => now.reason);
  const basis = (reason, totals) => (reason === "anonymous_quota_exceeded" ? totals.visitor_days : totals.user_days);
  const per = (reason, totals) => (basis(reason, totals) ? number(Math.round((100 * subjectsOf(totals, reason)) / basis(reason, totals))) : "");
  if (!reasons.length) return null;
  return section(
    "Quota pressure",
    chart({
      title: "Refused at a limit, by day", days: days.map(({ day }) => day), show: number,
      series: reasons.map((reason) => ({ name: wallName(reason), values: days.map((one) => subjectsOf(one, reason)) })),
    }),
    compared("Refused at a limit", ["Who", "Refused", "Before", "Change", "Per 100 served", "Per 100, before"],
      reasons.map((reason) => [wallName(reason), ...both(subjectsOf(total, reason), subjectsOf(before, reason)), per(reason, total), per(reason, before)])),
  );
}

function revenue(figures) {
  const found = currencies(figures);
  if (!found.length) return [section("Revenue", h("p", { class: "soft" }, "Nobody paid, and nobody in the period before."))];
  return found.map((currency) => section(`Revenue in ${currency}`, ...ofCurrency(figures, currency)));
}

function ofCurrency(figures, currency) {
  const { days, total, before } = figures;
  const show = (amount) => money(amount, currency);
  const plans = paidPlans(figures, currency);
  const row = (name, plan) => [
    name, show(amountOf(total.revenue, currency, plan)), show(amountOf(total.refunds, currency, plan)), show(netOf(total, currency, plan)),
    show(netOf(before, currency, plan)), change(netOf(total, currency, plan), netOf(before, currency, plan)),
  ];
  return [
    chart({
      title: `Revenue by day and plan, ${currency}`, days: days.map(({ day }) => day), show, tick: (amount) => show(amount).replace(/\.0+$/, ""),
      series: plans.map((name) => ({ name, values: days.map((one) => amountOf(one.revenue, currency, name)) })),
    }),
    compared(`Revenue by plan, ${currency}`, ["Plan", "Revenue", "Refunds", "Net", "Net before", "Change"],
      [...plans.map((name) => row(name, name)), ...(plans.length > 1 ? [row("All plans", null)] : [])]),
  ];
}
