/* Razorpay's Checkout: https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/ */

import { RAZORPAY_SCRIPT } from "./settings.js";

const PATIENCE = 20_000; // ms until a script that does not arrive counts as missing

/* The window could not be opened. Its message is for the user. */
export class CheckoutMissing extends Error {
  constructor() {
    super("Razorpay’s payment window could not be loaded, so nothing was charged. Check your connection, allow razorpay.com in your content blocker, and try again.");
  }
}

let loading = null;

/* Load Razorpay's script, which must come from Razorpay itself. Throws `CheckoutMissing`; then it can be tried again. */
export function loadCheckout() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const fail = () => {
      script.remove();
      loading = null;
      reject(new CheckoutMissing());
    };
    const timer = setTimeout(fail, PATIENCE);
    script.onerror = () => {
      clearTimeout(timer);
      fail();
    };
    script.onload = () => {
      clearTimeout(timer);
      if (window.Razorpay) resolve();
      else fail();
    };
    script.src = RAZORPAY_SCRIPT;
    document.head.append(script);
  });
  return loading;
}

/* Open the window with `options` (`key`, and `order_id` or `subscription_id`). Resolves to the three values to complete
   the payment with, or null if the user closed the window. `failed` is told why an attempt failed; the window stays open
   then, and the user can repeat it there. */
export function pay(options, failed) {
  return new Promise((resolve, reject) => {
    try {
      const checkout = new window.Razorpay({ ...options, handler: resolve, modal: { ondismiss: () => resolve(null) } });
      checkout.on("payment.failed", ({ error }) => failed(String(error?.description || "The payment failed.")));
      checkout.open();
    } catch {
      reject(new CheckoutMissing());
    }
  });
}
