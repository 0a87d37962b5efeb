"use strict";
const asked = new URLSearchParams(location.search);
const [order_id, subscription_id] = [asked.get("order_id"), asked.get("subscription_id")];
const main = document.getElementById("checkout");
if (order_id || subscription_id) Razorpay.embed(main, {order_id, subscription_id});
else main.append(Object.assign(document.createElement("p"), {
  textContent: "The address must have an order_id or a subscription_id.",
}));
