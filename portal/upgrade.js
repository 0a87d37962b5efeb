/* A purchase: what is charged and changed, the payment at Razorpay, and what came of it. */

import { ApiError, post, send } from "./api.js";
import { announce, h, notice, whileBusy } from "./dom.js";
import { checkbox } from "./forms.js";
import { factsOf } from "./overview.js";
import { CheckoutMissing, loadCheckout, pay } from "./razorpay.js";
import { email, onwardTo } from "./session.js";
import { PORTAL_NAME, address, visit } from "./settings.js";
import { goOn } from "./welcome.js";
import { allowances, day, sentence } from "./words.js";

export const title = "Upgrade";
export const needsUser = true;

const plans = () => address("", { ...visit(), plan: "" });

export async function show(go) {
  const { solution_id, plan } = visit();
  if (!solution_id || !plan) {
    return [h("p", {}, "Choose a plan first. ", h("a", { href: plans(), "data-route": true }, "See the plans"))];
  }
  const [facts, preview] = await Promise.all([factsOf(solution_id), previewed(solution_id, plan)]);
  if (preview instanceof ApiError) return refused(go, preview, facts);
  const box = h("div", { class: "purchase", "data-title": `${facts.name}: ${plan}` });
  offer(go, box, facts, preview);
  return [box];
}

async function previewed(solution_id, plan) {
  try {
    return (await post("/v1/checkout", { solution_id, plan, dry_run: true }, { signedIn: true })).preview;
  } catch (error) {
    if (error.code === "sign_in_required" || !(error instanceof ApiError)) throw error;
    return error;
  }
}

function refused(go, error, facts) {
  const ways = error.code === "entitlement_missing"
    ? goOn(go, visit(), {}, `Start with ${facts.name}`)
    : [h("a", { class: "button quiet", href: address("my-solutions"), "data-route": true }, "My solutions")];
  const kind = ["already_subscribed", "entitlement_missing"].includes(error.code) ? "info" : "bad";
  return [notice(kind, h("p", {}, error.message)), h("div", { class: "acts" }, ...ways)];
}

const row = (term, ...text) => h("div", {}, h("dt", {}, term), h("dd", {}, ...text));

/* What is charged now, what later, and what the purchase changes. */
function summary(facts, preview) {
  const { model, price, plan, plan_before, cancels, starts_at } = preview;
  const recurring = model === "recurring";
  const later = recurring && starts_at;
  const today = later ? "Nothing for the plan. Razorpay may charge a small amount to check your card, and returns it." : h("b", {}, recurring ? price.replace(/ every .*/, "") : price);
  return h(
    "dl", { class: "summary" },
    row("You pay today", today),
    recurring && row("After that", later ? `${price}, from ${day(starts_at)}, until you cancel` : `${price}, until you cancel`),
    row("You get", sentence(allowances(facts.plans[plan]).join(", "))),
    row("Begins", later ? `On ${day(starts_at)}, when the time that is paid for ends` : "At once, with the token that you have"),
    plan_before !== plan && row("Your plan today", plan_before),
    cancels.length ? row("Ends", `The subscription of ${cancels.join(" and ")} is cancelled with this payment`) : null,
  );
}

function offer(go, box, facts, preview, says = null) {
  const outcome = h("div", { class: "outcome" }, says);
  const agreement = preview.replaces ? checkbox("replace", "I understand and want to replace it") : null;
  const button = h("button", { type: "submit", class: "wide-button" }, preview.model === "recurring" ? `Subscribe for ${preview.price}` : `Pay ${preview.price}`);
  const error = h("p", { class: "field-error", id: "replace-error", role: "alert" });
  agreement?.input.setAttribute("aria-describedby", error.id);
  const form = h("form", { noValidate: true, onsubmit: (event) => {
    event.preventDefault();
    error.textContent = agreement && !agreement.input.checked ? "Tick the box to continue." : "";
    if (error.textContent) agreement.input.focus();
    else whileBusy(button, () => purchase(go, box, facts, preview, outcome));
  } },
  agreement && notice("warn", h("p", {}, sentence(`this replaces ${preview.replaces}. It is not refunded.`)), agreement.root, error),
  button,
  h("p", { class: "soft" }, "You pay at Razorpay. Nothing is charged before you confirm there."));
  box.replaceChildren(h("div", { class: "card" }, summary(facts, preview), form, outcome),
    h("p", { class: "soft" }, h("a", { href: plans(), "data-route": true }, "See the other plans")));
}

const TERMS = ["amount", "currency", "price", "replaces", "starts_at"];

async function purchase(go, box, facts, preview, outcome) {
  const say = (kind, ...text) => outcome.replaceChildren(notice(kind, ...text.map((line) => h("p", {}, line))));
  outcome.replaceChildren();
  let failure = "";
  try {
    announce("Opening Razorpay");
    await loadCheckout();
    const { solution_id, plan } = preview;
    const started = await post("/v1/checkout", { solution_id, plan, replace: Boolean(preview.replaces) }, { signedIn: true });
    if (TERMS.some((term) => started.preview[term] !== preview[term])) {
      return offer(go, box, facts, started.preview, notice("warn", h("p", {}, "The terms have just changed. Nothing was charged: look at them again.")));
    }
    const { key, order_id, subscription_id } = started;
    const options = { key, name: PORTAL_NAME, description: `${facts.name}, ${plan}`, prefill: { email: email() } };
    if (subscription_id) options.subscription_id = subscription_id;
    else options.order_id = order_id;
    const paid = await pay(options, (reason) => {
      failure = reason;
      say("bad", `${/[.!?]$/.test(reason) ? reason : `${reason}.`} You can repeat the payment.`);
    });
    if (paid) return await complete(box, facts, paid);
    if (failure) return say("bad", "The payment failed, and you closed the window. Nothing was charged.", "You can repeat the payment whenever you like.");
    return say("info", "You closed the payment window. Nothing was charged.");
  } catch (error) {
    if (!(error instanceof ApiError) && !(error instanceof CheckoutMissing)) throw error;
    if (error.code === "sign_in_required") return go("upgrade", visit(), notice("warn", h("p", {}, error.message)), true);
    return say("bad", error.message);
  }
}

/* Only the three values that count are sent on. */
const RETURNED = ["razorpay_payment_id", "razorpay_order_id", "razorpay_subscription_id", "razorpay_signature"];

async function complete(box, facts, paid) {
  const returned = Object.fromEntries(RETURNED.filter((name) => paid[name]).map((name) => [name, paid[name]]));
  result(box, "Confirming your payment…", []);
  try {
    const [answer, status] = await send("POST", "/v1/checkout/complete", { body: returned, signedIn: true });
    if (status === 202) pending(box, facts, paid);
    else done(box, facts, answer);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    result(box, "Your payment is not confirmed yet", [
      notice("warn", h("p", {}, "Do not pay again. If the money was taken, your plan follows by itself within minutes."), h("p", {}, error.message)),
      h("p", { class: "soft" }, `Payment ${returned.razorpay_payment_id}`),
      h("div", { class: "acts" }, h("button", { type: "button", onclick: () => complete(box, facts, paid) }, "Check again"), mine()),
    ]);
  }
}

const mine = () => h("a", { class: "button quiet", href: address("my-solutions"), "data-route": true }, "My solutions");

function result(box, heading, content) {
  const title = h("h2", { tabindex: -1 }, heading);
  box.replaceChildren(h("div", { class: "card" }, title, ...content));
  title.focus();
}

function pending(box, facts, paid) {
  result(box, "Your payment is on its way", [
    h("p", {}, "Your bank has not handed over the money yet. Your plan changes by itself as soon as it does; you can close this page."),
    h("p", { class: "soft" }, "Do not pay again."),
    h("div", { class: "acts" }, h("button", { type: "button", onclick: () => complete(box, facts, paid) }, "Check again"), mine()),
  ]);
}

function done(box, facts, answer) {
  const onward = onwardTo(answer.solution_id, facts.frontend_url);
  const renews = facts.plans[answer.plan]?.model === "recurring";
  const until = renews ? " It renews by itself until you cancel." : answer.paid_until ? ` It is paid until ${day(answer.paid_until)}.` : "";
  result(box, "Thank you. Your payment is confirmed", [
    h("p", {}, "Your plan of ", h("b", {}, facts.name), " is now ", h("b", {}, answer.plan), `.${until} The token that you have works with it at once.`),
    h("div", { class: "acts" },
      onward && h("a", { class: "button", href: onward, rel: "noreferrer" }, `Open ${facts.name}`),
      mine(), h("a", { class: "button quiet", href: address("receipts"), "data-route": true }, "Receipts")),
  ]);
}
