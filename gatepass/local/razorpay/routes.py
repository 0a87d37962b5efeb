"""Which request of the API is which method of the account."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatepass.local.gateway.messages import HttpRequest
from gatepass.local.razorpay import fields
from gatepass.local.razorpay.account import RazorpayAccount
from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.paging import PARAMETERS, collection, page
from gatepass.local.razorpay.refusal import RazorpayRefused, unknown_id, unknown_url


@dataclass(frozen=True)
class _Call:
    """A request with its path's ids, its parsed body and query, and its idempotency key."""

    ids: tuple[str, ...]
    body: Mapping[str, Any]
    query: Mapping[str, str]
    idempotency_key: str | None


def answer(account: RazorpayAccount, request: HttpRequest, key_id: str, key_secret: str) -> Entity:
    """The JSON of the answer to a request, or `RazorpayRefused`. Authentication comes before anything else."""
    _authenticate(request, key_id, key_secret)
    for method, path, serve in _ROUTES:
        match = re.fullmatch(path, request.path)
        if match and method == request.method:
            key = request.header_values("x-refund-idempotency")
            body = parse_body(request) if method == "POST" else {}
            query = dict(request.query_pairs())
            return serve(account, _Call(match.groups(), body, query, key[0] if key else None))
    raise unknown_url()


def _authenticate(request: HttpRequest, key_id: str, key_secret: str) -> None:
    values = request.header_values("authorization")
    if not values:
        raise RazorpayRefused("Please provide your api key for authentication purposes.", status=401, validation=False)
    scheme, _, encoded = values[0].partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        given = b""
    if not hmac.compare_digest(given, f"{key_id}:{key_secret}".encode()):
        raise RazorpayRefused("Authentication failed", status=401, validation=False)


def parse_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request, or `RazorpayRefused`."""
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise RazorpayRefused("The request body must be a JSON object.")
    return body


def _orders(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS | {"receipt", "authorized"})
    found = account.orders()
    if "receipt" in call.query:
        found = [order for order in found if order["receipt"] == call.query["receipt"]]
    if "authorized" in call.query:
        if call.query["authorized"] not in ("0", "1"):
            raise RazorpayRefused("The authorized must be 0 or 1.", field="authorized")
        settled = {p["order_id"] for p in account.payments() if p["status"] in ("authorized", "captured", "refunded")}
        found = [order for order in found if (order["id"] in settled) == (call.query["authorized"] == "1")]
    return page(found, call.query)


def _payments(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS)
    return page(account.payments(), call.query)


def _refunds(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS)
    return page(account.refunds(*call.ids), call.query)


def _refund_of(account: RazorpayAccount, call: _Call) -> Entity:
    payment_id, refund_id = call.ids
    refund = account.refund(refund_id)
    if refund["payment_id"] != payment_id:
        raise unknown_id()
    return refund


def _plans(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS)
    return page(account.plans(), call.query)


def _subscriptions(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS | {"plan_id"})
    return page(account.subscriptions(call.query.get("plan_id")), call.query)


def _invoices(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS | {"subscription_id"})
    return page(account.invoices(call.query.get("subscription_id")), call.query)


def _disputes(account: RazorpayAccount, call: _Call) -> Entity:
    fields.only(call.query, PARAMETERS)
    return page(account.disputes(), call.query)


_ID = r"([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[[RazorpayAccount, _Call], Entity]], ...] = (
    ("POST", "/v1/orders", lambda account, call: account.create_order(call.body)),
    ("GET", "/v1/orders", _orders),
    ("GET", f"/v1/orders/{_ID}", lambda account, call: account.order(*call.ids)),
    ("GET", f"/v1/orders/{_ID}/payments", lambda account, call: collection(account.payments(*call.ids))),
    ("GET", "/v1/payments", _payments),
    ("GET", f"/v1/payments/{_ID}", lambda account, call: account.payment(*call.ids)),
    ("POST", f"/v1/payments/{_ID}/capture", lambda account, call: account.capture(call.ids[0], call.body)),
    (
        "POST",
        f"/v1/payments/{_ID}/refund",
        lambda account, call: account.create_refund(call.ids[0], call.body, call.idempotency_key),
    ),
    ("GET", f"/v1/payments/{_ID}/refunds", _refunds),
    ("GET", f"/v1/payments/{_ID}/refunds/{_ID}", _refund_of),
    ("GET", "/v1/refunds", _refunds),
    ("GET", f"/v1/refunds/{_ID}", lambda account, call: account.refund(*call.ids)),
    ("POST", "/v1/plans", lambda account, call: account.create_plan(call.body)),
    ("GET", "/v1/plans", _plans),
    ("GET", f"/v1/plans/{_ID}", lambda account, call: account.plan(*call.ids)),
    ("POST", "/v1/subscriptions", lambda account, call: account.create_subscription(call.body)),
    ("GET", "/v1/subscriptions", _subscriptions),
    ("GET", f"/v1/subscriptions/{_ID}", lambda account, call: account.subscription(*call.ids)),
    (
        "POST",
        f"/v1/subscriptions/{_ID}/cancel",
        lambda account, call: account.cancel_subscription(call.ids[0], call.body),
    ),
    (
        "POST",
        f"/v1/subscriptions/{_ID}/pause",
        lambda account, call: account.pause_subscription(call.ids[0], call.body),
    ),
    (
        "POST",
        f"/v1/subscriptions/{_ID}/resume",
        lambda account, call: account.resume_subscription(call.ids[0], call.body),
    ),
    ("GET", "/v1/invoices", _invoices),
    ("GET", f"/v1/invoices/{_ID}", lambda account, call: account.invoice(*call.ids)),
    ("GET", "/v1/disputes", _disputes),
    ("GET", f"/v1/disputes/{_ID}", lambda account, call: account.dispute(*call.ids)),
)
