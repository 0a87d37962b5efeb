"""The JSON shapes of orders, payments, refunds, and disputes when they are created.

Shapes: https://razorpay.com/docs/api/orders/entity/, https://razorpay.com/docs/api/payments/entity/,
https://razorpay.com/docs/api/refunds/entity/ and https://razorpay.com/docs/api/disputes/entity/. Amounts are integers
in the currency's smallest unit, times are Unix seconds.
"""

from __future__ import annotations

from typing import Any

from gatepass.local.razorpay.currencies import HOME, in_home_currency

Entity = dict[str, Any]

NO_ERROR: Entity = {
    "error_code": None,
    "error_description": None,
    "error_source": None,
    "error_step": None,
    "error_reason": None,
}
# The sample of payment.failed at https://razorpay.com/docs/webhooks/payments/
PAYMENT_FAILED: Entity = {
    "error_code": "BAD_REQUEST_ERROR",
    "error_description": "Payment failed",
    "error_source": "bank",
    "error_step": "payment_authorization",
    "error_reason": "payment_failed",
}


def order(order_id: str, amount: int, currency: str, receipt: str | None, notes: Any, now: int) -> Entity:
    """A new order, on which nobody has tried to pay."""
    return {
        "id": order_id,
        "entity": "order",
        "amount": amount,
        "amount_paid": 0,
        "amount_due": amount,
        "currency": currency,
        "receipt": receipt,
        "offer_id": None,
        "status": "created",
        "attempts": 0,
        "notes": notes,
        "created_at": now,
    }


def payment(payment_id: str, of: Entity, now: int) -> Entity:
    """A new payment for the order `of`, by netbanking, and neither authorized nor failed yet.

    In a currency other than INR it has `base_amount` and `base_currency`:
    https://razorpay.com/docs/payments/international-payments/currency-conversion/
    """
    home = of["currency"] == HOME
    base = {} if home else {"base_amount": in_home_currency(of["amount"], of["currency"]), "base_currency": HOME}
    return {
        "id": payment_id,
        "entity": "payment",
        "amount": of["amount"],
        "currency": of["currency"],
        **base,
        "status": "created",
        "order_id": of["id"],
        "invoice_id": None,
        "international": not home,
        "method": "netbanking",
        "amount_refunded": 0,
        "refund_status": None,
        "captured": False,
        "description": None,
        "card_id": None,
        "bank": "HDFC",
        "wallet": None,
        "vpa": None,
        "email": "payer@example.com",
        "contact": "+919000090000",
        "notes": of["notes"],
        "fee": None,
        "tax": None,
        **NO_ERROR,
        "acquirer_data": {"bank_transaction_id": None},
        "created_at": now,
    }


def refund(refund_id: str, of: Entity, amount: int, receipt: str | None, notes: Any, now: int) -> Entity:
    """A new refund of the payment `of`, still pending."""
    return {
        "id": refund_id,
        "entity": "refund",
        "amount": amount,
        "currency": of["currency"],
        "payment_id": of["id"],
        "notes": notes,
        "receipt": receipt,
        "acquirer_data": {"arn": None},
        "created_at": now,
        "batch_id": None,
        "status": "pending",
        "speed_processed": "normal",
        "speed_requested": "normal",
    }


EVIDENCE = (
    "summary", "shipping_proof", "billing_proof", "cancellation_proof", "customer_communication", "proof_of_service",
    "explanation_letter", "refund_confirmation", "access_activity_log", "refund_cancellation_policy",
    "term_and_conditions", "others", "submitted_at",
)  # fmt: skip
RESPOND_SECONDS = 7 * 24 * 3600  # the samples give between four days and a week


def dispute(dispute_id: str, of: Entity, amount: int, phase: str, now: int) -> Entity:
    """A new dispute about the payment `of`, open and without evidence."""
    return {
        "id": dispute_id,
        "entity": "dispute",
        "payment_id": of["id"],
        "amount": amount,
        "currency": of["currency"],
        "amount_deducted": 0,
        "reason_code": "goods_or_services_not_received_or_partially_received",
        "respond_by": now + RESPOND_SECONDS,
        "status": "open",
        "phase": phase,
        "evidence": {"amount": amount, **dict.fromkeys(EVIDENCE)},
        "created_at": now,
    }
