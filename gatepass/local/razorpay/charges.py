"""What payers and banks do about subscriptions: authentication, charges, and the invoices of both.

https://razorpay.com/docs/payments/subscriptions/workflow/ and
https://razorpay.com/docs/payments/subscriptions/payment-retries/
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from gatepass.local.razorpay import entities, subscription_entities
from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.orders import PaymentOutcome, find
from gatepass.local.razorpay.subscriptions import FINAL, BillingProgress, SubscriptionBook
from gatepass.local.razorpay.webhooks import sign

# "An authentication charge of ₹5 is levied and is subsequently auto-refunded":
# https://razorpay.com/docs/payments/subscriptions/plugins/magento/test-it-out/
AUTHENTICATION_AMOUNT = 500  # in the smallest unit, whatever the currency
RETRIES = 3  # on T+1, T+2 and T+3
DAY = 24 * 3600
_BY_CARD: Entity = {"method": "card", "bank": None, "notes": [], "acquirer_data": {"auth_code": None}}


class ChargeBook(SubscriptionBook):
    """Authentication, charges, and invoices of one account's subscriptions. See `RazorpayAccount`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._invoices: dict[str, Entity] = {}
        self._subscription_of: dict[str, str] = {}  # by the order's id

    def invoice(self, invoice_id: str) -> Entity:
        """One invoice."""
        return deepcopy(find(self._invoices, invoice_id))

    def invoices(self, subscription_id: str | None = None) -> list[Entity]:
        """All invoices, or those of one subscription, oldest first."""
        if subscription_id is not None:
            find(self._subscriptions, subscription_id)
        return deepcopy([i for i in self._invoices.values() if subscription_id in (None, i["subscription_id"])])

    def first_payment(self, subscription_id: str) -> tuple[int, str]:
        """What authentication takes: the amount in the smallest unit, and the currency."""
        subscription = self._current(subscription_id)
        item = self._plans[subscription["plan_id"]]["item"]
        due = AUTHENTICATION_AMOUNT if subscription["start_at"] else item["amount"] * subscription["quantity"]
        return due, item["currency"]

    # ---- what payers and banks do ------------------------------------------------------------------------------------

    def pay(self, order_id: str, outcome: PaymentOutcome = PaymentOutcome.CAPTURED, **payer: Any) -> Entity:
        """Let a payer try to pay an order that is no subscription's. See `OrderBook.pay`."""
        if order_id in self._subscription_of:
            raise ValueError(f"{order_id} belongs to {self._subscription_of[order_id]}: use authenticate or charge")
        return super().pay(order_id, outcome, **payer)

    def authenticate(
        self, subscription_id: str, outcome: PaymentOutcome = PaymentOutcome.CAPTURED, **payer: Any
    ) -> Entity:
        """Let a customer make the first payment of a subscription; return the payment.

        With a start in the future it is a small one, without an invoice, that is refunded at once; otherwise it is
        the first charge. `payer` is as for `pay`. Payments of subscriptions capture themselves: `AUTHORIZED` is the
        same as `CAPTURED`.
        """
        subscription = self._expect(subscription_id, {"created"})
        progress = self._progress[subscription_id]
        if subscription["start_at"] is None and progress.invoice_id is None:
            progress.anchor = self._now()
            self._open_invoice(subscription, progress)
        if progress.invoice_id is None:
            _, currency = self.first_payment(subscription_id)
            order = self._new_order(AUTHENTICATION_AMOUNT, currency, None, [])
            self._subscription_of[order["id"]] = subscription_id
        else:
            order = self._orders[self._invoices[progress.invoice_id]["order_id"]]
        return self._try(subscription, order, progress.invoice_id, outcome, self._payer(payer))

    def charge(self, subscription_id: str, outcome: PaymentOutcome = PaymentOutcome.CAPTURED) -> Entity:
        """Let the next charge of a subscription happen, or the next retry of one that failed; return the payment.

        It does not wait for `charge_at`: who wants dates that fit moves the clock there before. A cycle that could
        not be charged is `pending`, and `halted` after three retries; then a charge is what the customer pays by hand.
        """
        subscription = self._expect(subscription_id, {"authenticated", "active", "pending", "halted"})
        progress = self._progress[subscription_id]
        if progress.cancel_at_cycle_end and subscription["status"] == "active":
            raise ValueError(f"{subscription_id} ends with this cycle: use end_cycle")
        if subscription["status"] == "authenticated":
            self._begin_cycle(subscription, progress)
            subscription |= {"status": "active", "charge_at": subscription["start_at"]}
            self._tell("subscription.activated", subscription=subscription)
        elif subscription["status"] == "active":
            self._begin_cycle(subscription, progress)
        invoice = self._invoices[str(progress.invoice_id)]  # whatever is not `created` and can be charged has one
        return self._try(subscription, self._orders[invoice["order_id"]], invoice["id"], outcome, {})

    def end_cycle(self, subscription_id: str) -> Entity:
        """Let the current cycle end without a charge; return the subscription.

        One that was to end with its cycle is cancelled; a halted one gets the next cycle's invoice, which nobody
        tries to charge.
        """
        subscription = self._expect(subscription_id, {"active", "pending", "halted"})
        progress = self._progress[subscription_id]
        if progress.cancel_at_cycle_end:
            self._cancel(subscription)
        elif subscription["status"] == "halted" and progress.begun < subscription["total_count"]:
            self._begin_cycle(subscription, progress)
            subscription["charge_at"] = subscription["current_end"]
        else:
            raise ValueError(f"{subscription_id} is {subscription['status']}: its next cycle begins with a charge")
        return deepcopy(subscription)

    def pause_by_customer(self, subscription_id: str) -> Entity:
        """Let a customer pause in the app of UPI: the API cannot resume it then."""
        return self._pause(subscription_id, "customer")

    def resume_by_customer(self, subscription_id: str) -> Entity:
        """Let a customer resume what they paused."""
        return self._resume(subscription_id, "customer")

    def authorize_late(self, payment_id: str, *, capture: bool = False) -> Entity:
        """Let a bank authorize a payment that failed before: `failed` is not final.

        https://razorpay.com/docs/payments/payments/late-authorization/. A subscription's payment captures itself, or
        is refunded if its invoice is paid or the subscription has ended meanwhile.
        """
        payment = find(self._payments, payment_id)
        subscription_id = self._subscription_of.get(payment["order_id"])
        if subscription_id is None or payment["status"] != "failed":
            return super().authorize_late(payment_id, capture=capture)
        payment |= entities.NO_ERROR
        self._succeed(self._current(subscription_id), payment)
        return deepcopy(payment)

    def checkout_return(self, payment_id: str) -> dict[str, str]:
        """What Checkout hands to the page after a success, signed with the key secret.

        A subscription is signed the other way round:
        https://razorpay.com/docs/payments/subscriptions/integration-guide/
        """
        subscription_id = self._subscription_of.get(find(self._payments, payment_id)["order_id"])
        if subscription_id is None:
            return super().checkout_return(payment_id)
        return {
            "razorpay_payment_id": payment_id,
            "razorpay_subscription_id": subscription_id,
            "razorpay_signature": sign(f"{payment_id}|{subscription_id}".encode(), self._key_secret),
        }

    # ---- steps -------------------------------------------------------------------------------------------------------

    def _expect(self, subscription_id: str, states: set[str]) -> Entity:
        subscription = self._current(subscription_id)
        if subscription["status"] not in states:
            raise ValueError(f"{subscription_id} is {subscription['status']}, not {' or '.join(sorted(states))}")
        return subscription

    def _cycle(self, subscription: Entity, progress: BillingProgress, number: int) -> tuple[int, int]:
        plan, anchor = self._plans[subscription["plan_id"]], progress.anchor
        return self._start_of(plan, anchor, number), self._start_of(plan, anchor, number + 1)

    def _open_invoice(self, subscription: Entity, progress: BillingProgress) -> None:
        plan = self._plans[subscription["plan_id"]]
        item, cycle = plan["item"], self._cycle(subscription, progress, progress.begun)
        order = self._new_order(item["amount"] * subscription["quantity"], item["currency"], None, [])
        ids = f"inv_{self._new_id()}", f"li_{self._new_id()}"
        invoice = subscription_entities.invoice(*ids, order, subscription, plan, cycle)
        self._invoices[invoice["id"]] = invoice
        self._subscription_of[order["id"]] = subscription["id"]
        progress.invoice_id = invoice["id"]

    def _begin_cycle(self, subscription: Entity, progress: BillingProgress) -> None:
        self._open_invoice(subscription, progress)
        self._enter_cycle(subscription, progress)

    def _enter_cycle(self, subscription: Entity, progress: BillingProgress) -> None:
        start, end = self._cycle(subscription, progress, progress.begun)
        progress.begun += 1
        subscription |= {
            "current_start": start,
            "current_end": end,
            "auth_attempts": 0,
            "remaining_count": subscription["total_count"] - progress.begun,
        }

    def _try(
        self, subscription: Entity, order: Entity, invoice_id: str | None, outcome: PaymentOutcome, payer: Entity
    ) -> Entity:
        about = {"invoice_id": invoice_id, "description": "Recurring Payment via Subscription"}
        card = {"card_id": f"card_{self._new_id()}", "customer_id": subscription["customer_id"], "token_id": None}
        payment = self._new_payment(order, **_BY_CARD, **about, **card)
        payment |= payer
        if outcome is not PaymentOutcome.FAILED:
            self._succeed(subscription, payment)
        else:
            self._fail(payment)
            if subscription["status"] in ("active", "pending"):
                self._leave_unpaid(subscription)
        return deepcopy(payment)

    def _succeed(self, subscription: Entity, payment: Entity) -> None:
        invoice_id = payment["invoice_id"]
        paid = self._orders[payment["order_id"]]["status"] == "paid"
        if subscription["status"] in FINAL or paid or (invoice_id is None and subscription["status"] != "created"):
            self._take_and_refund(payment)
            return
        if subscription["customer_id"] is None:
            subscription |= {"customer_id": f"cust_{self._new_id()}", "payment_method": "card"}
        payment["customer_id"] = subscription["customer_id"]
        if invoice_id is None:
            self._take_and_refund(payment)
            subscription["status"] = "authenticated"
            self._tell("subscription.authenticated", subscription=subscription)
        else:
            self._authorize(payment, capture=True)
            self._pay_invoice(self._invoices[invoice_id], payment)
            if subscription["status"] == "created":
                self._start_now(subscription, payment)
            else:
                self._go_on(subscription, payment)

    def _take_and_refund(self, payment: Entity) -> None:
        self._authorize(payment, capture=False)
        if payment["status"] == "authorized":
            self._refund(payment, payment["amount"], None, [])

    def _pay_invoice(self, invoice: Entity, payment: Entity) -> None:
        invoice |= {
            "status": "paid",
            "payment_id": payment["id"],
            "paid_at": self._now(),
            "amount_paid": invoice["amount"],
            "amount_due": 0,
            "customer_id": payment["customer_id"],
            "customer_details": subscription_entities.customer_details(payment["customer_id"]),
        }
        self._tell("invoice.paid", payment=payment, order=self._orders[payment["order_id"]], invoice=invoice)

    def _start_now(self, subscription: Entity, payment: Entity) -> None:
        progress = self._progress[subscription["id"]]
        progress.anchor = self._now()
        start, end = self._cycle(subscription, progress, 0)
        self._invoices[payment["invoice_id"]] |= {"billing_start": start, "billing_end": end}
        last, _ = self._cycle(subscription, progress, subscription["total_count"] - 1)
        subscription |= {"status": "authenticated", "start_at": start, "end_at": last, "charge_at": start}
        self._tell("subscription.authenticated", subscription=subscription)
        self._enter_cycle(subscription, progress)
        subscription |= {"status": "active", "paid_count": 1}
        self._tell("subscription.activated", subscription=subscription, payment=payment)
        self._charged(subscription, payment)

    def _go_on(self, subscription: Entity, payment: Entity) -> None:
        subscription |= {"paid_count": subscription["paid_count"] + 1, "auth_attempts": 0}
        if subscription["status"] in ("pending", "halted"):
            subscription["status"] = "active"
            self._tell("subscription.activated", subscription=subscription, payment=payment)
        self._charged(subscription, payment)

    def _charged(self, subscription: Entity, payment: Entity) -> None:
        if subscription["status"] == "active":
            subscription["charge_at"] = subscription["current_end"]
        self._tell("subscription.charged", subscription=subscription, payment=payment)
        if self._progress[subscription["id"]].begun == subscription["total_count"]:
            # A whole cycle before current_end, as in the sample: "all the invoices are generated".
            subscription |= {"status": "completed", "ended_at": self._now(), "charge_at": None}
            self._tell("subscription.completed", subscription=subscription, payment=payment)

    def _leave_unpaid(self, subscription: Entity) -> None:
        failures = subscription["auth_attempts"] + 1
        subscription["auth_attempts"] = failures
        if failures > RETRIES:
            subscription |= {"status": "halted", "charge_at": subscription["current_end"]}
        else:
            subscription |= {"status": "pending", "charge_at": subscription["current_start"] + failures * DAY}
        self._tell(f"subscription.{subscription['status']}", subscription=subscription)
