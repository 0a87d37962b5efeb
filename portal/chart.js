/* Bars by day, stacked, each chart with its figures as a table. uPlot draws them, and is loaded with the first chart:
   https://github.com/leeoniya/uPlot (portal/vendor/) */

import { h } from "./dom.js";
import { BASE } from "./settings.js";
import { dayMonth } from "./words.js";

const UPLOT = `${BASE}vendor/uplot-1.6.32.min`;
const PATIENCE = 15_000; // ms until a script that does not arrive counts as missing
const HEIGHT = 220; // CSS pixels
const COLOURS = 6; // --chart-1 to --chart-6 in style.css
const STEPS = [1, 2, 5].flatMap((digit) => Array.from({ length: 13 }, (_, zeros) => digit * 10 ** zeros)).sort((a, b) => a - b);
const DAY_STEPS = [1, 2, 7, 14, 28, 56, 112];

let loading = null;

function loaded() {
  loading ??= new Promise((resolve, reject) => {
    const fail = () => {
      loading = null;
      reject(new Error("uPlot could not be loaded"));
    };
    const timer = setTimeout(fail, PATIENCE);
    const done = (act) => () => {
      clearTimeout(timer);
      act();
    };
    document.head.append(
      h("link", { rel: "stylesheet", href: `${UPLOT}.css` }),
      h("script", { src: `${UPLOT}.js`, onload: done(() => (window.uPlot ? resolve(window.uPlot) : fail())), onerror: done(fail) }),
    );
  });
  return loading;
}

/* `days` are dates (`2026-11-29`), and each of `series` has a `name` and a value for each day. `show` turns a value into
   text, `tick` one at the axis. */
export function chart({ title, days, series, show, tick = show }) {
  if (!series.some(({ values }) => values.some(Boolean))) return h("p", { class: "soft" }, `${title}: none in this period.`);
  const plot = h("div", { class: "plot", "aria-hidden": "true" });
  const told = h("p", { class: "told soft", "aria-hidden": "true" });
  const details = h("details", {}, h("summary", {}, "As a table", h("span", { class: "unseen" }, `: ${title}`)), table(title, days, series, show));
  draw(plot, told, { days, series, show, tick }).catch(() => {
    plot.replaceChildren(h("p", { class: "soft" }, "The chart could not be drawn. The table has its figures."));
    plot.removeAttribute("aria-hidden");
    details.open = true;
  });
  return h(
    "figure", { class: "chart" }, h("figcaption", {}, title),
    series.length > 1 && h("ul", { class: "legend" }, ...series.map(({ name }, place) => h("li", {}, h("span", { class: `swatch chart-${colour(place)}` }), name))),
    plot, told, details,
  );
}

const colour = (place) => (place % COLOURS) + 1;
const sum = (values) => values.reduce((all, one) => all + one, 0);

function table(title, days, series, show) {
  const totals = series.length > 1;
  const cells = (values) => [...values, ...(totals ? [sum(values)] : [])].map((value) => h("td", {}, show(value)));
  return scrolled(title, h(
    "table", {}, h("caption", { class: "unseen" }, title),
    h("thead", {}, h("tr", {}, ...["Day", ...series.map(({ name }) => name), ...(totals ? ["Total"] : [])].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...days.map((day, at) => h("tr", {}, h("th", { scope: "row" }, dayMonth(day)), ...cells(series.map(({ values }) => values[at]))))),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "Total"), ...cells(series.map(({ values }) => sum(values))))),
  ));
}

/* A table that may be wider or longer than its place; the keyboard scrolls it, too. */
export const scrolled = (name, element) => h("div", { class: "scrolled", role: "region", tabindex: 0, "aria-label": `Table: ${name}` }, element);

async function draw(plot, told, { days, series, show, tick }) {
  const uPlot = await loaded();
  const style = getComputedStyle(document.documentElement); // live: it follows the colour scheme
  const paint = (name) => () => style.getPropertyValue(name).trim();
  const font = "12px system-ui, sans-serif";
  // Each layer is the sum of those below it. The highest is drawn first, so that the lower ones cover it.
  const layers = series.map((_, place) => days.map((_, at) => sum(series.slice(0, place + 1).map(({ values }) => values[at])))).reverse();
  const drawn = new uPlot({
    width: plot.clientWidth || 320, height: HEIGHT, legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [-0.6, days.length - 0.4] }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.05)] } },
    axes: [
      { stroke: paint("--soft"), font, grid: { show: false }, ticks: { show: false }, space: 60, size: 28, incrs: DAY_STEPS,
        values: (_, places) => places.map((place) => (days[place] ? dayMonth(days[place]) : "")) },
      { stroke: paint("--soft"), font, grid: { stroke: paint("--line"), width: 1 }, ticks: { show: false }, incrs: STEPS,
        values: (_, places) => places.map(tick),
        size: (_, texts) => 16 + 7 * Math.max(1, ...(texts ?? []).map((text) => text.length)) },
    ],
    series: [{}, ...layers.map((_, above) => ({
      fill: paint(`--chart-${colour(series.length - 1 - above)}`), stroke: paint("--card"), width: 1,
      paths: uPlot.paths.bars({ size: [0.85, 48] }), points: { show: false },
    }))],
    hooks: { setCursor: [({ cursor: { idx } }) => {
      told.textContent = idx === null || idx === undefined ? "" : `${dayMonth(days[idx])}: ${series.map(({ name, values }) => `${name} ${show(values[idx])}`).join(", ")}`;
    }] },
  }, [days.map((_, at) => at), ...layers], plot);
  new ResizeObserver(() => {
    if (plot.clientWidth && plot.clientWidth !== drawn.width) drawn.setSize({ width: plot.clientWidth, height: HEIGHT });
  }).observe(plot);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", function again() {
    if (plot.isConnected) drawn.redraw();
    else scheme.removeEventListener("change", again);
  });
}
