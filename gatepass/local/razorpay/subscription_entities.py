"""The JSON shapes of plans, subscriptions, and their invoices when they are created.

Shapes: https://razorpay.com/docs/api/payments/subscriptions/plans-entity/,
https://razorpay.com/docs/api/payments/subscriptions/entity/ and
https://razorpay.com/docs/api/payments/subscriptions/fetch-invoices/. Amounts are integers in the currency's smallest
unit, times are Unix seconds.
"""

from __future__ import annotations

from typing import Any

from gatepass.local.razorpay.entities import Entity


def plan(ids: tuple[str, str], item: Entity, period: str, interval: int, notes: Any, now: int) -> Entity:
    """A new plan. `ids` are the plan's and its item's; `item` has name, description, amount, and currency."""
    plan_id, item_id = ids
    return {
        "id": plan_id,
        "entity": "plan",
        "interval": interval,
        "period": period,
        "item": {
            "id": item_id,
            "active": True,
            **item,
            "unit_amount": item["amount"],
            "type": "plan",
            "unit": None,
            "tax_inclusive": False,
            "hsn_code": None,
            "sac_code": None,
            "tax_rate": None,
            "tax_id": None,
            "tax_group_id": None,
            "created_at": now,
            "updated_at": now,
        },
        "notes": notes,
        "created_at": now,
    }


def subscription(subscription_id: str, plan_id: str, now: int, **asked: Any) -> Entity:
    """A new subscription, before anybody has authenticated it. `asked` are the fields of the request."""
    return {
        "id": subscription_id,
        "entity": "subscription",
        "plan_id": plan_id,
        "customer_id": None,
        "status": "created",
        "current_start": None,
        "current_end": None,
        "ended_at": None,
        "quantity": asked["quantity"],
        "notes": asked["notes"],
        "charge_at": asked["start_at"],
        "start_at": asked["start_at"],
        "end_at": asked["end_at"],
        "auth_attempts": 0,
        "total_count": asked["total_count"],
        "paid_count": 0,
        "customer_notify": asked["customer_notify"],
        "created_at": now,
        "expire_by": asked["expire_by"],
        "short_url": asked["short_url"],
        "has_scheduled_changes": False,
        "change_scheduled_at": None,
        "source": "api",
        "payment_method": None,
        "pause_initiated_by": None,
        "cancel_initiated_by": None,
        "remaining_count": asked["total_count"],
    }


def invoice(invoice_id: str, line_id: str, order: Entity, of: Entity, plan: Entity, cycle: tuple[int, int]) -> Entity:
    """A new invoice over `order` for one cycle, from and to, of the subscription `of`; it is issued, not paid."""
    amount, currency, now = order["amount"], order["currency"], order["created_at"]
    line = {
        "id": line_id,
        "item_id": None,
        "name": plan["item"]["name"],
        "description": plan["item"]["description"],
        "amount": plan["item"]["amount"],
        "unit_amount": plan["item"]["amount"],
        "gross_amount": amount,
        "tax_amount": 0,
        "taxable_amount": amount,
        "net_amount": amount,
        "currency": currency,
        "type": "plan",
        "tax_inclusive": False,
        "quantity": of["quantity"],
        "taxes": [],
    }
    return {
        "id": invoice_id,
        "entity": "invoice",
        "receipt": None,
        "invoice_number": None,
        "customer_id": of["customer_id"],
        "customer_details": customer_details(of["customer_id"]),
        "order_id": order["id"],
        "subscription_id": of["id"],
        "line_items": [line],
        "payment_id": None,
        "status": "issued",
        "expire_by": None,
        "issued_at": now,
        "paid_at": None,
        "cancelled_at": None,
        "expired_at": None,
        "sms_status": None,
        "email_status": None,
        "date": now,
        "terms": None,
        "partial_payment": False,
        "gross_amount": amount,
        "tax_amount": 0,
        "taxable_amount": amount,
        "amount": amount,
        "amount_paid": 0,
        "amount_due": amount,
        "currency": currency,
        "description": None,
        "notes": [],
        "comment": None,
        "short_url": of["short_url"],
        "view_less": True,
        "billing_start": cycle[0],
        "billing_end": cycle[1],
        "type": "invoice",
        "group_taxes_discounts": False,
        "created_at": now,
        "idempotency_key": None,
    }


def customer_details(customer_id: str | None) -> Entity:
    """The customer as an invoice shows them. The stand-in's payers are all the same person."""
    email, contact = "payer@example.com", "+919000090000"
    return {
        "id": customer_id,
        "name": None,
        "email": email,
        "contact": contact,
        "gstin": None,
        "billing_address": None,
        "shipping_address": None,
        "customer_name": None,
        "customer_email": email,
        "customer_contact": contact,
    }
