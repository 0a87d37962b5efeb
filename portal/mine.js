/* The user's solutions: plan, usage, subscription, and token. */

import { ApiError, get, send } from "./api.js";
import { confirmed, h, newId, notice, whileBusy } from "./dom.js";
import { ownDays } from "./my-usage.js";
import { offered, ofWhich } from "./overview.js";
import { onwardTo } from "./session.js";
import { address } from "./settings.js";
import { tokenPanel } from "./token-panel.js";
import { goOn } from "./welcome.js";
import { day, number, time } from "./words.js";

export const title = "My solutions";
export const needsUser = true;

export async function show(go) {
  const [{ entitlements }, { payments, subscriptions }] = await Promise.all([
    get("/v1/entitlements", { signedIn: true }), paymentsOf(),
  ]);
  if (!entitlements.length) return none(go);
  const its = (list, { solution_id }) => list.filter((one) => one.solution_id === solution_id);
  return entitlements.map((one) => card(go, one, its(subscriptions, one), its(payments, one)));
}

/* An account alone has no plan; to go on to a solution grants its free one. */
async function none(go) {
  const facts = await offered().catch((error) => {
    if (!(error instanceof ApiError)) throw error;
    return [];
  });
  return [
    h("p", {}, "You have no solutions yet. ", h("a", { href: address(""), "data-route": true }, "See all solutions")),
    ...facts.filter(({ status }) => status === "active").map(
      ({ solution_id, name }) => h("div", { class: "acts" }, ...goOn(go, { solution_id }, { class: "quiet" }, `Start with ${name}`)),
    ),
  ];
}

/* A marketplace without payments still has solutions to show. */
async function paymentsOf() {
  try {
    return await get("/v1/payments", { signedIn: true });
  } catch (error) {
    if (error.code === "sign_in_required") throw error;
    return { payments: [], subscriptions: [] };
  }
}

function card(go, one, subscriptions, payments) {
  const id = newId("solution");
  const active = one.status === "active";
  const onward = onwardTo(one.solution_id, one.frontend_url);
  return h(
    "section", { class: "card mine", "aria-labelledby": id },
    h("div", { class: "head" }, h("h2", { id }, one.name), h("span", { class: "badge" }, one.plan)),
    !active && notice("warn", h("p", {}, `Your access is ${one.status}. Contact the marketplace.`)),
    usage(one),
    standing(one, subscriptions, payments),
    h(
      "div", { class: "acts" },
      active && onward && h("a", { class: "button", href: onward, rel: "noreferrer" }, `Open ${one.name}`),
      active && h("a", { class: "button quiet", href: address("", { solution_id: one.solution_id }), "data-route": true }, "Change plan", ofWhich(one)),
      subscriptions.some(({ renews }) => renews) && cancelButton(go, one, periodEnd(one, payments)),
    ),
    ownDays(go, one),
    active && tokenPanel(go, one),
  );
}

function usage({ limit, used, remaining, resets_at }) {
  if (limit === null) return h("p", {}, "No limit on requests.");
  const id = newId("usage");
  const resets = resets_at ? `Starts again ${time(resets_at)}.` : "";
  return h(
    "div", { class: "usage" },
    h("p", { id }, h("b", {}, `${number(used ?? 0)} of ${number(limit)}`), ` requests used, ${number(remaining ?? 0)} left. `, h("span", { class: "soft" }, resets)),
    h("progress", { max: limit || 1, value: String(Math.min(used ?? 0, limit)), "aria-labelledby": id, class: remaining ? "" : "full" }),
  );
}

/* What is paid for, and what happens next. */
function standing(one, subscriptions, payments) {
  const renewing = subscriptions.filter(({ renews }) => renews);
  if (renewing.length) {
    const next = periodEnd(one, payments);
    const lines = renewing.map(({ plan, readable }) => `The subscription of ${plan} renews by itself${next ? `: ${readable} on ${day(next)}` : ""}.`);
    return h("p", {}, lines.join(" "));
  }
  if (!one.paid_until || new Date(one.paid_until) < Date.now()) return null;
  const paid = `Paid until ${day(one.paid_until)}.`;
  if (!subscriptions.some(({ plan }) => plan === one.plan)) return h("p", {}, paid);
  const again = h("a", { href: address("upgrade", { solution: one.solution_id, plan: one.plan }), "data-route": true }, `Take ${one.plan} again`);
  return h("p", {}, `${paid} The subscription is cancelled and will not be charged again. `, again);
}

/* The end of the last period that was paid for. `paid_until` is some days later while a subscription renews. */
function periodEnd({ plan }, payments) {
  const ends = payments.filter((one) => one.plan === plan && !one.returned && one.period_end).map((one) => one.period_end);
  return ends.sort().at(-1) ?? "";
}

function cancelButton(go, one, paidUntil) {
  const button = h("button", { type: "button", class: "quiet", onclick: () => whileBusy(button, async () => {
    const until = paidUntil ? ` until ${day(paidUntil)}` : " to the end of what is paid for";
    const agreed = await confirmed({
      title: `Cancel the subscription of ${one.name}?`,
      text: [
        `You keep your plan${until}. Nothing more is charged.`,
        "If you change your mind, you can take the plan again. The new subscription then begins when the paid time ends.",
      ],
      agree: "Cancel the subscription",
    });
    if (!agreed) return;
    try {
      const [answer] = await send("DELETE", `/v1/subscriptions/${encodeURIComponent(one.solution_id)}`, { signedIn: true });
      const kept = answer.paid_until ? ` You keep ${answer.plan} until ${day(answer.paid_until)}.` : "";
      await go("my-solutions", {}, notice("good", h("p", {}, `The subscription is cancelled.${kept}`)), true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await go("my-solutions", {}, notice("bad", h("p", {}, error.message)), true);
    }
  }) }, "Cancel subscription", ofWhich(one));
  return button;
}
