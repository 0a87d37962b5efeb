/* The user's payments, newest first. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { email } from "./session.js";
import { STATES, day, money, time } from "./words.js";

export const title = "Receipts";
export const needsUser = true;

export async function show() {
  const [{ payments }, { entitlements }] = await Promise.all([
    get("/v1/payments", { signedIn: true }), get("/v1/entitlements", { signedIn: true }),
  ]);
  if (!payments.length) return [h("p", {}, "You have not paid for anything yet.")];
  const names = Object.fromEntries(entitlements.map(({ solution_id, name }) => [solution_id, name]));
  return [
    h("div", { class: "head" }, h("p", { class: "soft" }, `Payments of ${email()}`),
      h("button", { type: "button", class: "quiet small", onclick: () => print() }, "Print")),
    h("ul", { class: "receipts" }, ...payments.map((one) => receipt(one, names[one.solution_id] ?? one.solution_id))),
  ];
}

const row = (term, text) => h("div", {}, h("dt", {}, term), h("dd", {}, text));

function receipt(one, name) {
  const [state, kind] = STATES[one.state] ?? [one.state, "info"];
  return h(
    "li", { class: "card" },
    h("div", { class: "head" }, h("h2", {}, `${name}, ${one.plan}`), h("span", { class: `badge ${kind}` }, state)),
    h("p", { class: "price" }, h("b", {}, one.readable)),
    h(
      "dl", { class: "summary" },
      row("Paid", time(one.paid_at)),
      one.period_start && one.period_end && row("For", `${day(one.period_start)} to ${day(one.period_end)}`),
      one.amount_refunded > 0 && row("Refunded", money(one.amount_refunded, one.currency)),
      one.amount_disputed > 0 && row("Disputed", money(one.amount_disputed, one.currency)),
      one.returned && row("Note", "This payment gives nothing and is sent back to you."),
      row("Receipt", one.receipt), row("Payment", one.payment_id),
    ),
  );
}
