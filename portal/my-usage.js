/* The user's own use of a solution by day. It is asked for when it is opened. */

import { ApiError, get } from "./api.js";
import { h, notice } from "./dom.js";
import { number } from "./words.js";

export function ownDays(go, { solution_id, name }) {
  const box = h("div", {});
  let asked = false;
  return h("details", { class: "own-days", ontoggle: async ({ currentTarget }) => {
    if (!currentTarget.open || asked) return;
    asked = true;
    box.replaceChildren(h("p", { class: "loading" }, "Loading…"));
    try {
      const query = new URLSearchParams({ solution_id });
      const [{ days }, { chart }] = await Promise.all([get(`/v1/usage/mine?${query}`, { signedIn: true }), import("./chart.js")]);
      box.replaceChildren(chart({
        title: `Requests by day, ${name}`, days: days.map(({ day }) => day), show: number,
        series: [{ name: "Requests", values: days.map(({ units }) => units) }],
      }));
    } catch (error) {
      asked = false;
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "sign_in_required") await go("sign-in", { next: "my-solutions" }, notice("warn", h("p", {}, error.message)));
      else box.replaceChildren(notice("bad", h("p", {}, error.message), h("p", {}, "Close this and open it again to try once more.")));
    }
  } }, h("summary", {}, "Your last 90 days", h("span", { class: "unseen" }, ` of ${name}`)), box);
}
