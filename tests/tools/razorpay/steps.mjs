// Reads {"url", "key_id", "key_secret"} from standard input, uses the stand-in there as a shop would, and
// writes what came of it as JSON. The SDK's host is hard-coded: its HTTP client gets another one.
import Razorpay from "razorpay";
import {validatePaymentVerification} from "razorpay/dist/utils/razorpay-utils.js";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const {url, key_id, key_secret} = JSON.parse(Buffer.concat(chunks).toString());
const sdk = new Razorpay({key_id, key_secret});
sdk.api.rq.defaults.baseURL = url;
sdk.api.rq.defaults.proxy = false;

async function payer(path, body = {}) {
  const response = await fetch(`${url}/stand-in/${path}`, {method: "POST", body: JSON.stringify(body)});
  return response.json();
}

const order = await sdk.orders.create({amount: 49900, currency: "INR", receipt: "r-1", notes: {user: "u-1"}});
const {returned} = await payer(`orders/${order.id}/pay`, {outcome: "authorized"});
const captured = await sdk.payments.capture(returned.razorpay_payment_id, 49900, "INR");
const refund = await sdk.payments.refund(captured.id, {amount: 9900});
const listed = await sdk.orders.all({receipt: "r-1"});

const item = {name: "Pro", amount: 49900, currency: "INR"};
const plan = await sdk.plans.create({period: "monthly", interval: 1, item});
const subscription = await sdk.subscriptions.create({plan_id: plan.id, total_count: 12, customer_notify: 1});
const first = await payer(`subscriptions/${subscription.id}/authenticate`);
const invoices = await sdk.invoices.all({subscription_id: subscription.id});
const paused = await sdk.subscriptions.pause(subscription.id, {pause_at: "now"});
const resumed = await sdk.subscriptions.resume(subscription.id, {resume_at: "now"});
const later = await sdk.subscriptions.cancel(subscription.id, true);
const cancelled = await sdk.subscriptions.cancel(subscription.id, false);
const refused = await sdk.subscriptions.cancel(subscription.id, false).catch((error) => error);

const {dispute} = await payer(`payments/${captured.id}/dispute`);
const disputes = await sdk.disputes.fetch(dispute.id);

console.log(JSON.stringify({
  order_signature: validatePaymentVerification(
    {order_id: order.id, payment_id: captured.id}, returned.razorpay_signature, key_secret,
  ),
  subscription_signature: validatePaymentVerification(
    {subscription_id: subscription.id, payment_id: first.payment.id}, first.returned.razorpay_signature, key_secret,
  ),
  captured: captured.status,
  refunded: refund.amount,
  order: (await sdk.orders.fetch(order.id)).status,
  listed: listed.items.map(({id}) => id === order.id),
  invoice_payments: invoices.items.map(({payment_id}) => payment_id === first.payment.id),
  states: [paused, resumed, later, cancelled].map(({status}) => status),
  refused: [refused.statusCode, refused.error.description],
  dispute: disputes.status,
}));
