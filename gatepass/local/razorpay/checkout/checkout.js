// Checkout of the Razorpay stand-in: `new Razorpay(options).open()`, as at
// https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/. No money moves.
//
// Options that count: key, order_id or subscription_id, name, description, handler, callback_url, redirect, prefill
// (email, contact), notes, theme.color, modal.ondismiss, modal.escape. Amount and currency are those of the order, as with
// Razorpay. Events: on("payment.failed", function).
(() => {
  "use strict";
  const HERE = new URL(document.currentScript.src).origin;

  // A shadow root and a constructed sheet: the page's styles do not reach in, and a strict CSP does not mind.
  const STYLE = `
    :host {
      display: contents !important;
      --text: #1a1f2b; --muted: #545c6b; --surface: #fff; --line: #c9ced8; --accent: #1f5fd0; --on-accent: #fff;
      --bad: #a8201a; --note: #fdf3d7; --on-note: #5a4300; color-scheme: light dark;
    }
    @media (prefers-color-scheme: dark) {
      :host {
        --text: #eceff5; --muted: #aab2c2; --surface: #1b1f28; --line: #454c5b; --accent: #8db4ff; --on-accent: #0c1a33;
        --bad: #ff9d94; --note: #3a3115; --on-note: #f5dfa0;
      }
    }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    dialog {
      width: min(25rem, calc(100vw - 2rem)); max-height: calc(100dvh - 2rem); padding: 0; border: 1px solid var(--line);
      border-radius: .75rem; background: var(--surface); color: var(--text); overflow: auto;
      box-shadow: 0 1rem 3rem rgb(0 0 0 / .3);
    }
    dialog::backdrop { background: rgb(10 14 22 / .6); }
    .checkout { font: 1rem/1.5 system-ui, sans-serif; color: var(--text); padding: 1.25rem; border-top: .3rem solid var(--theme, var(--accent)); }
    header { display: flex; gap: 1rem; align-items: start; justify-content: space-between; }
    h1, h2 { margin: 0; font-size: 1.15rem; line-height: 1.3; overflow-wrap: anywhere; }
    p { margin: .25rem 0 0; overflow-wrap: anywhere; }
    .about, .terms { color: var(--muted); }
    .amount { margin: 1rem 0 0; font-size: 2rem; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
    .note { margin: 1rem 0; padding: .5rem .75rem; border-radius: .5rem; background: var(--note); color: var(--on-note); font-size: .9rem; }
    .acts { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; }
    button {
      min-height: 2.75rem; padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .5rem; font: inherit;
      font-weight: 600; color: inherit; background: transparent; cursor: pointer;
    }
    button:hover:not(:disabled) { border-color: currentColor; }
    button:disabled { opacity: .6; cursor: progress; }
    button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .pay { grid-column: 1 / -1; border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
    .close { flex: none; min-height: 0; width: 2.25rem; height: 2.25rem; padding: 0; margin: -.4rem -.4rem 0 0; border-color: transparent; font-size: 1.4rem; line-height: 1; }
    .status:not(:empty) { margin-top: 1rem; }
    .bad { color: var(--bad); }
  `;

  function node(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function money(amount, currency, exponent) {
    const digits = {minimumFractionDigits: exponent, maximumFractionDigits: exponent};
    const locale = currency === "INR" ? "en-IN" : "en";
    return new Intl.NumberFormat(locale, {style: "currency", currency, ...digits}).format(amount / 10 ** exponent);
  }

  function terms(shown) {
    const {plan} = shown;
    if (!plan) return "";
    const unit = {daily: "day", weekly: "week", monthly: "month", quarterly: "quarter", yearly: "year"}[plan.period];
    const every = plan.interval === 1 ? unit : `${plan.interval} ${unit}s`;
    const price = money(plan.amount, shown.currency, shown.exponent);
    const times = plan.total_count === 1 ? "1 payment" : `${plan.total_count} payments`;
    if (!plan.start_at) return `${price} every ${every}, ${times} in total.`;
    const from = new Intl.DateTimeFormat("en", {dateStyle: "long"}).format(plan.start_at * 1000);
    return `Refunded at once. Then ${price} every ${every} from ${from}, ${times} in total.`;
  }

  async function ask(path, body) {
    const request = body && {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)};
    const response = await fetch(HERE + path, request);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error.description);
    return answer;
  }

  // The form, for the dialog and the hosted page alike. `done(returned)` and `failed(error)` are told what happened.
  function form(options, {closable, done, failed}) {
    const [kind, id] = options.order_id ? ["orders", options.order_id] : ["subscriptions", options.subscription_id];
    const path = `${kind}/${encodeURIComponent(id)}`;
    const title = node(closable ? "h2" : "h1", {id: "title", textContent: options.name || "Checkout"});
    const about = node("p", {className: "about", textContent: options.description || "", hidden: !options.description});
    const amount = node("p", {className: "amount"});
    const recurring = node("p", {className: "terms"});
    const status = node("p", {className: "status"});
    status.setAttribute("role", "status");
    const pay = node("button", {type: "button", className: "pay", textContent: "Pay", autofocus: true});
    const fail = node("button", {type: "button", textContent: "Fail"});
    const later = node("button", {type: "button", textContent: "Pay later"});
    const close = node("button", {type: "button", className: "close", textContent: "×", hidden: !closable});
    close.setAttribute("aria-label", "Close");
    const acts = node("div", {className: "acts", hidden: true}, pay, fail, later);
    const note = node("p", {className: "note", textContent: "Test payment: no money moves."});
    const root = node(
      "div", {className: "checkout"}, node("header", {}, node("div", {}, title, about), close), amount, recurring, note, acts, status,
    );
    const colour = options.theme?.color;
    if (colour && CSS.supports("color", colour)) root.style.setProperty("--theme", colour);

    function say(text, bad = false) {
      status.textContent = text;
      status.classList.toggle("bad", bad);
    }

    async function show() {
      say("Loading…");
      try {
        const shown = await ask(`/stand-in/${path}`);
        if (options.key && options.key !== shown.key_id) throw new Error(`The key ${options.key} does not belong to this account.`);
        if (shown.plan && !options.name) title.textContent = shown.plan.name;
        amount.textContent = money(shown.amount, shown.currency, shown.exponent);
        recurring.textContent = terms(shown);
        acts.hidden = !shown.pay;
        say(shown.pay ? "" : `There is nothing to pay: the ${shown.entity} is ${shown.status}.`);
        for (const [button, outcome] of [[pay, "captured"], [fail, "failed"], [later, "failed"]]) {
          button.onclick = () => act(shown.pay, outcome, button);
        }
        if (closable && shown.pay) pay.focus();
      } catch (error) {
        say(error.message, true);
      }
    }

    async function act(route, outcome, pressed) {
      const buttons = [pay, fail, later];
      const {email, contact} = options.prefill ?? {};
      const payer = {...(email && {email}), ...(contact && {contact}), ...(options.notes && {notes: options.notes})};
      for (const button of buttons) button.disabled = true;
      say("Paying…");
      try {
        const {payment, returned} = await ask(route, {outcome, ...payer});
        if (returned) {
          acts.hidden = true;
          say(`Paid: ${payment.id}`);
          done(returned);
          return;
        }
        say(
          pressed === later
            ? `Failed for now: ${payment.id}. To authorize it: POST /stand-in/payments/${payment.id}/authorize`
            : `${payment.error_description}: ${payment.id}. You can try again.`,
          true,
        );
        failed({
          code: payment.error_code, description: payment.error_description, source: payment.error_source,
          step: payment.error_step, reason: payment.error_reason,
          metadata: {payment_id: payment.id, order_id: payment.order_id},
        });
      } catch (error) {
        say(error.message, true);
      } finally {
        for (const button of buttons) button.disabled = false;
        if (pressed.isConnected) pressed.focus();  // disabling it took the focus away
      }
    }

    return {root, close, show};
  }

  function shadow(host) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const root = host.attachShadow({mode: "open"});
    root.adoptedStyleSheets = [sheet];
    return root;
  }

  function post(url, values) {
    const fields = Object.entries(values).map(([name, value]) => node("input", {type: "hidden", name, value}));
    const sent = node("form", {method: "post", action: url, hidden: true}, ...fields);
    document.body.append(sent);
    sent.submit();
  }

  class Razorpay {
    #options;
    #listeners = new Map();
    #dialog = null;

    constructor(options = {}) {
      if (!options.key) throw new Error("No key passed");
      if (!options.order_id && !options.subscription_id) throw new Error("Pass order_id or subscription_id");
      this.#options = options;
    }

    on(event, listener) {
      this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
      return this;
    }

    open() {
      if (this.#dialog) return this;
      const options = this.#options;
      const host = node("div");
      const {root, close, show} = form(options, {
        closable: true,
        done: (returned) => {
          this.close();
          if (options.callback_url && (options.redirect || !options.handler)) post(options.callback_url, returned);
          else options.handler?.(returned);
        },
        failed: (error) => {
          for (const listener of this.#listeners.get("payment.failed") ?? []) listener({error});
        },
      });
      const dialog = node("dialog", {}, root);
      dialog.setAttribute("aria-labelledby", "title");
      const dismiss = () => {
        this.close();
        options.modal?.ondismiss?.();
      };
      close.onclick = dismiss;
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        if (options.modal?.escape !== false) dismiss();
      });
      shadow(host).append(dialog);
      document.body.append(host);
      this.#dialog = {dialog, host};
      dialog.showModal();
      show();
      return this;
    }

    close() {
      this.#dialog?.dialog.close();  // gives the focus back to where it was
      this.#dialog?.host.remove();
      this.#dialog = null;
    }

    // Not Razorpay's: the hosted page shows the same form without a dialog.
    static embed(host, options) {
      const {root, show} = form(options, {closable: false, done: () => {}, failed: () => {}});
      const inner = node("div");
      shadow(inner).append(root);
      host.append(inner);
      show();
    }
  }

  window.Razorpay = Razorpay;
})();
