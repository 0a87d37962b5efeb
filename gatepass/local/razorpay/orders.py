"""The rules for orders, payments, and refunds.

Pure: the clock and the ids are handed in, and nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from enum import StrEnum
from typing import Any

from gatepass.local.razorpay import entities, fields
from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.refusal import RazorpayRefused, unknown_id
from gatepass.local.razorpay.webhooks import Outbox, sign

# "Normal refund is not possible for a payment which is more than 6 months old", which ends as a failed refund:
# https://razorpay.com/docs/api/refunds/create-normal/
REFUND_SECONDS = 183 * 24 * 3600
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MIN_IDEMPOTENCY_KEY = 10  # characters: https://razorpay.com/docs/api/refunds/normal-refunds-idempotent/


class PaymentOutcome(StrEnum):
    """What becomes of a payer's attempt. `CAPTURED` is an account with automatic capture."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    FAILED = "failed"


class OrderBook:
    """Orders, payments, and refunds of one account, and the events about them in `outbox`. See `RazorpayAccount`."""

    def __init__(
        self,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        *,
        key_secret: str,
        webhook_secret: str | None,
        checkout_url: str = "https://rzp.io/checkout",
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self._key_secret = key_secret
        self._checkout_url = checkout_url
        self._orders: dict[str, Entity] = {}
        self._payments: dict[str, Entity] = {}
        self._refunds: dict[str, Entity] = {}
        self._refund_requests: dict[str, tuple[str, dict[str, Any], str]] = {}
        self.outbox = Outbox(f"acc_{new_id()}", webhook_secret, new_id)
        self.balance_is_low = False
        """Refuse refunds: https://razorpay.com/docs/payments/dashboard/account-settings/balances/"""
        self.refunds_fail = False
        """Accept refunds that are asked for, and let them fail."""

    # ---- what the API does -------------------------------------------------------------------------------------------

    def create_order(self, body: Mapping[str, Any]) -> Entity:
        """Create an order.

        The documentation calls for unique receipts but has no error for a repeated one, and Razorpay has no
        idempotency here. A stand-in that refused a repeated receipt would hide orders that a retry doubles.
        """
        fields.only(body, {"amount", "currency", "receipt", "notes"})
        currency = fields.currency(body)
        return deepcopy(
            self._new_order(fields.amount(body, currency), currency, fields.receipt(body), fields.notes(body))
        )

    def order(self, order_id: str) -> Entity:
        """One order."""
        return deepcopy(find(self._orders, order_id))

    def orders(self) -> list[Entity]:
        """All orders, oldest first."""
        return deepcopy(list(self._orders.values()))

    def payment(self, payment_id: str) -> Entity:
        """One payment."""
        return deepcopy(find(self._payments, payment_id))

    def payments(self, order_id: str | None = None) -> list[Entity]:
        """All payments, or those of one order, oldest first."""
        if order_id is not None:
            find(self._orders, order_id)
        return deepcopy([p for p in self._payments.values() if order_id in (None, p["order_id"])])

    def refunds(self, payment_id: str | None = None) -> list[Entity]:
        """All refunds, or those of one payment, oldest first."""
        if payment_id is not None:
            find(self._payments, payment_id)
        return deepcopy([r for r in self._refunds.values() if payment_id in (None, r["payment_id"])])

    def refund(self, refund_id: str) -> Entity:
        """One refund."""
        return deepcopy(find(self._refunds, refund_id))

    def capture(self, payment_id: str, body: Mapping[str, Any]) -> Entity:
        """Capture an authorized payment, in full."""
        payment = find(self._payments, payment_id)
        fields.only(body, {"amount", "currency"})
        currency = fields.currency(body)
        amount = fields.amount(body, currency)
        if currency != payment["currency"]:
            raise RazorpayRefused("Capture currency must be equal to the currency authorized", field="currency")
        if payment["captured"]:
            raise RazorpayRefused("This payment has already been captured")
        if payment["status"] != "authorized":
            raise RazorpayRefused("Only payments which have been authorized and not yet captured can be captured")
        if amount != payment["amount"]:
            raise RazorpayRefused("Capture amount must be equal to the amount authorized", field="amount")
        self._capture(payment)
        return deepcopy(payment)

    def create_refund(self, payment_id: str, body: Mapping[str, Any], idempotency_key: str | None = None) -> Entity:
        """Refund a captured payment, in full or in part. The same key and body return the first refund again."""
        payment = find(self._payments, payment_id)
        if idempotency_key is not None:
            earlier = self._earlier_refund(payment_id, body, idempotency_key)
            if earlier is not None:
                return earlier
        fields.only(body, {"amount", "speed", "notes", "receipt"})
        if body.get("speed", "normal") != "normal":
            raise RazorpayRefused("The speed must be normal: the stand-in has no instant refunds.", field="speed")
        receipt, notes = fields.receipt(body), fields.notes(body)
        left = payment["amount"] - payment["amount_refunded"]
        if payment["refund_status"] == "full":
            raise RazorpayRefused("The payment has been fully refunded already.")
        if not payment["captured"]:
            raise RazorpayRefused("The payment status should be captured for action to be taken")
        amount = left if body.get("amount") is None else fields.amount(body, payment["currency"])
        if amount > left:
            raise RazorpayRefused("The refund amount provided is greater than amount captured.", field="amount")
        if self.balance_is_low:
            raise RazorpayRefused("Your account does not have enough balance to carry out the refund operation.")
        refund = self._refund(payment, amount, receipt, notes, fails=self.refunds_fail)
        if idempotency_key is not None:
            self._refund_requests[idempotency_key] = (payment_id, dict(body), refund["id"])
        return deepcopy(refund)

    # ---- what payers and banks do ------------------------------------------------------------------------------------

    def pay(self, order_id: str, outcome: PaymentOutcome = PaymentOutcome.CAPTURED, **payer: Any) -> Entity:
        """Let a payer try to pay an order; return the payment.

        `payer` may have `email`, `contact`, and `notes`: what Checkout was given. A second success on an order that is
        paid is refunded at once, as Razorpay does.
        """
        payment = self._new_payment(find(self._orders, order_id), **self._payer(payer))
        if outcome is PaymentOutcome.FAILED:
            self._fail(payment)
        else:
            self._authorize(payment, capture=outcome is PaymentOutcome.CAPTURED)
        return deepcopy(payment)

    def authorize_late(self, payment_id: str, *, capture: bool = False) -> Entity:
        """Let a bank authorize a payment that failed before: `failed` is not final.

        https://razorpay.com/docs/payments/payments/late-authorization/
        """
        payment = find(self._payments, payment_id)
        if payment["status"] != "failed":
            raise ValueError(f"{payment_id} is {payment['status']}: only a failed payment can be authorized late")
        payment |= entities.NO_ERROR
        self._authorize(payment, capture=capture)
        return deepcopy(payment)

    def checkout_return(self, payment_id: str) -> dict[str, str]:
        """What Checkout hands to the page after a success, signed with the key secret."""
        payment = find(self._payments, payment_id)
        return {
            "razorpay_payment_id": payment_id,
            "razorpay_order_id": payment["order_id"],
            "razorpay_signature": sign(f"{payment['order_id']}|{payment_id}".encode(), self._key_secret),
        }

    # ---- steps -------------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock())

    def _payer(self, told: Mapping[str, Any]) -> Entity:
        known = {name: str(told[name]) for name in ("email", "contact") if told.get(name)}
        return known | ({"notes": fields.notes(told)} if told.get("notes") else {})

    def _tell(self, event: str, **about: Entity) -> None:
        self.outbox.add(event, self._now(), **about)

    def _new_order(self, amount: int, currency: str, receipt: str | None, notes: Any) -> Entity:
        order = entities.order(f"order_{self._new_id()}", amount, currency, receipt, notes, self._now())
        self._orders[order["id"]] = order
        return order

    def _new_payment(self, order: Entity, **details: Any) -> Entity:
        payment = entities.payment(f"pay_{self._new_id()}", deepcopy(order), self._now()) | details
        self._payments[payment["id"]] = payment
        order["attempts"] += 1
        if order["status"] == "created":
            order["status"] = "attempted"
        return payment

    def _fail(self, payment: Entity) -> None:
        payment |= {"status": "failed", **entities.PAYMENT_FAILED}
        self._tell("payment.failed", payment=payment)

    def _authorize(self, payment: Entity, *, capture: bool) -> None:
        payment["status"] = "authorized"
        self._tell("payment.authorized", payment=payment)
        if self._orders[payment["order_id"]]["status"] == "paid":
            self._refund(payment, payment["amount"], None, [])
        elif capture:
            self._capture(payment)

    def _capture(self, payment: Entity) -> None:
        order = self._orders[payment["order_id"]]
        if order["status"] == "paid":
            raise RazorpayRefused(
                "Your payment has been declined as the order is already paid. "
                "Please initiate the payment with a new order."
            )
        # Razorpay's fee depends on the contract: 2 % and 18 % tax on it are its published standard.
        fee = payment["base_amount" if "base_amount" in payment else "amount"] * 2 // 100
        tax = fee * 18 // 100
        payment |= {"status": "captured", "captured": True, "fee": fee + tax, "tax": tax}
        order |= {"status": "paid", "amount_paid": payment["amount"], "amount_due": 0}
        self._tell("payment.captured", payment=payment)
        self._tell("order.paid", payment=payment, order=order)

    def _refund(self, payment: Entity, amount: int, receipt: str | None, notes: Any, fails: bool = False) -> Entity:
        now = self._now()
        refund = entities.refund(f"rfnd_{self._new_id()}", payment, amount, receipt, notes, now)
        self._refunds[refund["id"]] = refund
        self._tell("refund.created", refund=refund, payment=payment)
        if fails or now - payment["created_at"] > REFUND_SECONDS:
            refund["status"] = "failed"
            self._tell("refund.failed", refund=refund, payment=payment)
            return refund
        refund["status"] = "processed"
        payment["amount_refunded"] += amount
        full = payment["amount_refunded"] == payment["amount"]
        payment["refund_status"] = "full" if full else "partial"
        if full:
            payment["status"] = "refunded"
        self._tell("refund.processed", refund=refund, payment=payment)
        return refund

    def _earlier_refund(self, payment_id: str, body: Mapping[str, Any], key: str) -> Entity | None:
        if len(key) < _MIN_IDEMPOTENCY_KEY:
            raise RazorpayRefused("The idempotency key must be at least 10 characters long.")
        if not _IDEMPOTENCY_KEY.fullmatch(key):
            raise RazorpayRefused(
                "The idempotency key must only contain alphanumeric characters, underscores, and hyphens"
            )
        if key not in self._refund_requests:
            return None
        *request, refund_id = self._refund_requests[key]
        if request != [payment_id, dict(body)]:
            raise RazorpayRefused(
                "Different request with the same idempotency key has already been processed.", status=409
            )
        return self.refund(refund_id)


def find(among: dict[str, Entity], entity_id: str) -> Entity:
    """The entity of that id, itself and no copy, or the refusal of an unknown id."""
    if entity_id not in among:
        raise unknown_id()
    return among[entity_id]
