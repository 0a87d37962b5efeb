"""The JSON shapes of orders, payments, and refunds when they are created.

Shapes: https://razorpay.com/docs/api/orders/entity/, https://razorpay.com/docs/api/payments/entity/ and
https://razorpay.com/docs/api/refunds/entity/. Amounts are integers in paise, times are Unix seconds.
"""

from __future__ import annotations

from typing import Any

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
    """A new payment for the order `of`, by netbanking, and neither authorized nor failed yet."""
    return {
        "id": payment_id,
        "entity": "payment",
        "amount": of["amount"],
        "currency": of["currency"],
        "status": "created",
        "order_id": of["id"],
        "invoice_id": None,
        "international": False,
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
