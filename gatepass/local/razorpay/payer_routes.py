"""What payers, banks, and tests do over HTTP: JSON under `/stand-in/`.

None of this is Razorpay's. There is no authentication, and pages of any origin may ask: the server is for a loopback
address, and no money moves.

| route | body | answer |
| --- | --- | --- |
| `GET /stand-in/orders/{id}`, `GET /stand-in/subscriptions/{id}` | | what Checkout shows: see `_order_shown` |
| `POST /stand-in/orders/{id}/pay` | `outcome`, `email`, `contact`, `notes`, all optional | `payment`, `returned` |
| `POST /stand-in/subscriptions/{id}/authenticate` | the same | `payment`, `returned`, `subscription` |
| `POST /stand-in/subscriptions/{id}/charge` | `outcome` | `payment`, `returned`, `subscription` |
| `POST /stand-in/subscriptions/{id}/end-cycle` | | `subscription` |
| `POST /stand-in/subscriptions/{id}/pause`, `POST /stand-in/subscriptions/{id}/resume` | | `subscription` |
| `POST /stand-in/payments/{id}/authorize` | `capture`, false by default | `payment`, `returned` |
| `POST /stand-in/payments/{id}/dispute` | `amount`, `phase` | `dispute` |
| `POST /stand-in/disputes/{id}/resolve` | `status` | `dispute` |
| `GET /stand-in/delivery`, `POST /stand-in/delivery` | any of `Faults` | all of `Faults` |
| `GET /stand-in/quirks`, `POST /stand-in/quirks` | any of `Quirks` | all of `Quirks` |
| `GET /stand-in/events` | | `events`: `id`, `event`, and the statuses of the answers so far, `posted` |

`outcome` is `captured` (the default), `authorized` or `failed`. `returned` is what Checkout hands to the page, null
after a failure. What is refused has the status 400 and a body like Razorpay's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gatepass.local.gateway.messages import HttpRequest, HttpResponse, json_response
from gatepass.local.razorpay import fields
from gatepass.local.razorpay.account import RazorpayAccount
from gatepass.local.razorpay.currencies import exponent
from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.faults import Faults
from gatepass.local.razorpay.orders import PaymentOutcome
from gatepass.local.razorpay.refusal import RazorpayRefused, unknown_url
from gatepass.local.razorpay.routes import parse_body
from gatepass.local.razorpay.webhooks import Delivery

PREFIX = "/stand-in/"
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "content-type"),
)


@dataclass(frozen=True)
class PayerDesk:
    """What the routes work on."""

    account: RazorpayAccount
    key_id: str
    set_faults: Callable[[Mapping[str, Any]], Faults]
    posted: Callable[[], list[tuple[Delivery, int | None]]]


def answer_payer(desk: PayerDesk, request: HttpRequest) -> HttpResponse:
    """Answer a request under `/stand-in/`."""
    if request.method == "OPTIONS":
        return HttpResponse(204, CORS)
    try:
        return json_response(200, _serve(desk, request), CORS)
    except RazorpayRefused as refused:
        return json_response(refused.status, refused.body, CORS)
    except ValueError as wrong:
        return json_response(400, RazorpayRefused(str(wrong), validation=False).body, CORS)


def _serve(desk: PayerDesk, request: HttpRequest) -> Entity:
    for method, path, serve in _ROUTES:
        match = re.fullmatch(path, request.path.removeprefix(PREFIX))
        if match and method == request.method:
            return serve(desk, parse_body(request) if method == "POST" else {}, *match.groups())
    raise unknown_url()


# ---- what Checkout shows ---------------------------------------------------------------------------------------------


def _order_shown(desk: PayerDesk, _: Entity, order_id: str) -> Entity:
    """Amount in the smallest unit, and the route that pays it, null if nothing is to be paid."""
    order = desk.account.order(order_id)
    pay = None if order["status"] == "paid" else f"{PREFIX}orders/{order_id}/pay"
    return _shown(desk, order, order["amount_due"] if pay else order["amount"], order["currency"], pay)


def _subscription_shown(desk: PayerDesk, _: Entity, subscription_id: str) -> Entity:
    """The same with `plan`: its name, amount, period, interval, and how often it is charged, from when."""
    subscription = desk.account.subscription(subscription_id)
    plan = desk.account.plan(subscription["plan_id"])
    price = plan["item"]["amount"] * subscription["quantity"]
    action = {"created": "authenticate", "pending": "charge", "halted": "charge"}.get(subscription["status"])
    pay = f"{PREFIX}subscriptions/{subscription_id}/{action}" if action else None
    due, currency = desk.account.first_payment(subscription_id)
    about = {
        "name": plan["item"]["name"],
        "amount": price,
        "period": plan["period"],
        "interval": plan["interval"],
        "total_count": subscription["total_count"],
        "start_at": subscription["start_at"] if action == "authenticate" else None,
    }
    shown = _shown(desk, subscription, due if action == "authenticate" else price, currency, pay)
    return shown | {"plan": about}


def _shown(desk: PayerDesk, entity: Entity, amount: int, currency: str, pay: str | None) -> Entity:
    about = {"id": entity["id"], "entity": entity["entity"], "status": entity["status"], "key_id": desk.key_id}
    return about | {"amount": amount, "currency": currency, "exponent": exponent(currency), "pay": pay, "plan": None}


# ---- what payers and banks do ----------------------------------------------------------------------------------------


def _outcome(body: Entity) -> PaymentOutcome:
    return PaymentOutcome(body.get("outcome", PaymentOutcome.CAPTURED))


def _paid(desk: PayerDesk, payment: Entity) -> Entity:
    failed = payment["status"] == "failed"
    return {"payment": payment, "returned": None if failed else desk.account.checkout_return(payment["id"])}


def _payer(body: Entity) -> Entity:
    fields.only(body, {"outcome", "email", "contact", "notes"})
    return {name: body[name] for name in ("email", "contact", "notes") if name in body}


def _pay(desk: PayerDesk, body: Entity, order_id: str) -> Entity:
    return _paid(desk, desk.account.pay(order_id, _outcome(body), **_payer(body)))


def _authenticate(desk: PayerDesk, body: Entity, subscription_id: str) -> Entity:
    paid = _paid(desk, desk.account.authenticate(subscription_id, _outcome(body), **_payer(body)))
    return paid | {"subscription": desk.account.subscription(subscription_id)}


def _charge(desk: PayerDesk, body: Entity, subscription_id: str) -> Entity:
    _payer(body)  # Checkout sends the same whatever it pays; the customer is known by now
    paid = _paid(desk, desk.account.charge(subscription_id, _outcome(body)))
    return paid | {"subscription": desk.account.subscription(subscription_id)}


def _of_customer(desk: PayerDesk, body: Entity, subscription_id: str, act: str) -> Entity:
    fields.only(body, ())
    account = desk.account
    acts = {"end-cycle": account.end_cycle, "pause": account.pause_by_customer, "resume": account.resume_by_customer}
    return {"subscription": acts[act](subscription_id)}


def _authorize(desk: PayerDesk, body: Entity, payment_id: str) -> Entity:
    fields.only(body, {"capture"})
    capture = fields.flag(body, "capture", default=False)
    return _paid(desk, desk.account.authorize_late(payment_id, capture=capture))


def _dispute(desk: PayerDesk, body: Entity, payment_id: str) -> Entity:
    fields.only(body, {"amount", "phase"})
    amount = fields.integer(body, "amount", 0, least=1) or None
    return {"dispute": desk.account.open_dispute(payment_id, amount, body.get("phase", "chargeback"))}


def _resolve(desk: PayerDesk, body: Entity, dispute_id: str) -> Entity:
    fields.only(body, {"status"})
    return {"dispute": desk.account.resolve_dispute(dispute_id, body.get("status", ""))}


# ---- settings --------------------------------------------------------------------------------------------------------


def _delivery(desk: PayerDesk, body: Entity) -> Entity:
    return desk.set_faults(body).as_json()


def _quirks(desk: PayerDesk, body: Entity) -> Entity:
    desk.account.outbox.quirks.change(body)
    return asdict(desk.account.outbox.quirks)


def _events(desk: PayerDesk, _: Entity) -> Entity:
    posted = desk.posted()
    return {
        "events": [
            {
                "id": delivery.event_id,
                "event": delivery.event,
                "posted": [status for other, status in posted if other.event_id == delivery.event_id],
            }
            for delivery in desk.account.outbox.deliveries
        ]
    }


_ID = r"([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., Entity]], ...] = (
    ("GET", f"orders/{_ID}", _order_shown),
    ("GET", f"subscriptions/{_ID}", _subscription_shown),
    ("POST", f"orders/{_ID}/pay", _pay),
    ("POST", f"subscriptions/{_ID}/authenticate", _authenticate),
    ("POST", f"subscriptions/{_ID}/charge", _charge),
    ("POST", f"subscriptions/{_ID}/(end-cycle|pause|resume)", _of_customer),
    ("POST", f"payments/{_ID}/authorize", _authorize),
    ("POST", f"payments/{_ID}/dispute", _dispute),
    ("POST", f"disputes/{_ID}/resolve", _resolve),
    ("GET", "delivery", _delivery),
    ("POST", "delivery", _delivery),
    ("GET", "quirks", _quirks),
    ("POST", "quirks", _quirks),
    ("GET", "events", _events),
)
