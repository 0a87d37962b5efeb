/* The operator's page: what each solution is used for, by whom, what it earns, and what demand was refused. */

import { ApiError, get } from "./api.js";
import { scrolled } from "./chart.js";
import { h, newId, notice } from "./dom.js";
import { field, form } from "./forms.js";
import { address } from "./settings.js";
import { allRefused, allUnits, change, netText } from "./usage-figures.js";
import { solutionSections } from "./usage-solution.js";
import { day, number } from "./words.js";

const PERIODS = [7, 30, 90]; // days up to today
const USUAL = 30;
const MINUTE = 60_000; // ms
const DAY = 1440 * MINUTE;

const WORDS = { usage_forbidden: "You do not own this solution, so you do not see its usage." };

const date = (time) => new Date(time).toISOString().slice(0, 10);

/* What the address asks for: `since` and `until`, or `days` up to today, and the solution `of` which. The names are not
   those of a visit (settings.js): whoever has to sign in first must not register for the solution by that. */
function asked() {
  const { since, until, days, of: solution = "" } = Object.fromEntries(new URLSearchParams(location.search));
  if (since && until) return { since, until, solution };
  const length = PERIODS.find((one) => String(one) === days) ?? USUAL;
  const today = Date.now() - new Date().getTimezoneOffset() * MINUTE; // as a time in UTC, the day here
  return { since: date(today - (length - 1) * DAY), until: date(today), solution, length };
}

const report = (from, to, solution_id) => get(
  `/v1/usage?${new URLSearchParams({ from, to, ...(solution_id ? { solution_id } : {}) })}`, { signedIn: true },
);

/* The figures are of one solution if one is chosen; a single day of all says which there are to choose from. */
export async function show(go) {
  const period = asked();
  const [all, wanted] = await Promise.allSettled([
    report(period.until, period.until), report(period.since, period.until, period.solution),
  ]);
  const failed = [all, wanted].find(({ status, reason }) => status === "rejected" && reason.code !== "period_invalid")?.reason;
  if (failed?.code === "usage_forbidden" && all.status === "rejected") {
    return [notice("warn", h("p", {}, "Only operators, and owners of a solution, see its usage."))];
  }
  if (failed && (!(failed instanceof ApiError) || failed.code === "sign_in_required")) throw failed;
  const form = choice(go, period, all.value?.solutions ?? []);
  if (wanted.status === "rejected") return [form, notice("bad", h("p", {}, WORDS[wanted.reason.code] ?? wanted.reason.message))];
  const { solutions } = wanted.value;
  return [form, spans(wanted.value), solutions.length === 1 ? figuresOf(solutions[0]) : overview(period, solutions)];
}

const figuresOf = (solution) => h(
  "div", { "data-title": `Usage of ${solution.name}`, class: "figures" }, ...solutionSections(solution).filter(Boolean),
);

/* Links keep what else was chosen. */
const here = ({ since, until, length, solution }, changes) => address("usage", { ...(length ? { days: length } : { since, until }), of: solution, ...changes });

function choice(go, period, solutions) {
  const first = field("since", "From", { type: "date", value: period.since, missing: "Enter the first day." });
  const last = field("until", "To", { type: "date", value: period.until, missing: "Enter the last day." });
  const id = newId("solution");
  const which = solutions.length > 1 && h("div", { class: "field" }, h("label", { for: id }, "Solution"), h(
    "select", { id, name: "of" }, h("option", { value: "" }, "All"),
    ...solutions.map(({ solution_id, name }) => h("option", { value: solution_id, selected: solution_id === period.solution }, name)),
  ));
  return h(
    "div", { class: "card period" },
    h("nav", { "aria-label": "Period" }, ...PERIODS.map((days) => h("a", {
      href: here({ ...period, length: days }, {}), "data-route": true, "aria-current": days === period.length && "page",
    }, `${days} days`))),
    form({ fields: [first, last], extra: [which], submit: "Show", act: ({ since, until, of: solution = period.solution }) => {
      if (since > until) throw new ApiError("period_invalid", "The first day must not be after the last.");
      const same = since === period.since && until === period.until && period.length;
      return go("usage", { ...(same ? { days: period.length } : { since, until }), of: solution });
    } }),
  );
}

function spans({ from, to }) {
  const length = (new Date(to) - new Date(from)) / DAY + 1;
  const before = `${day(date(new Date(from) - length * DAY))} to ${day(date(new Date(from) - DAY))}`;
  return h("p", { class: "soft" }, `${day(from)} to ${day(to)}. “Before” is ${before}.`);
}

const FIGURES = [allUnits, (one) => one.visitor_days, (one) => one.registrations, (one) => one.upgrades, allRefused];

function overview(period, solutions) {
  if (!solutions.length) return h("p", {}, "There are no solutions yet.");
  const columns = ["Solution", "Units", "Visitors", "Registrations", "Upgrades", "Refused at a limit", "Revenue, less refunds"];
  return h("section", { class: "card", "aria-label": "All solutions" }, scrolled("All solutions", h(
    "table", {}, h("caption", { class: "unseen" }, "All solutions"),
    h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, column)))),
    h("tbody", {}, ...solutions.map(({ solution_id, name, total, before }) => h(
      "tr", {}, h("th", { scope: "row" }, h("a", { href: here(period, { of: solution_id }), "data-route": true }, name)),
      ...FIGURES.map((of) => h("td", {}, number(of(total)), " ", h("span", { class: "soft" }, change(of(total), of(before))))),
      h("td", {}, netText(total)),
    ))),
  )));
}
