"""Checkout's script and page."""

import pytest

from gatepass.local.gateway.messages import HttpRequest
from gatepass.local.razorpay.checkout_files import FOLDER, checkout_file


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/v1/checkout.js", "text/javascript", "checkout.js"),
        ("/checkout", "text/html", "index.html"),
        ("/checkout/page.js", "text/javascript", "page.js"),
        ("/checkout/page.css", "text/css", "page.css"),
    ],
)
def test_every_file_is_served_without_a_key(stand_in, path, kind, name):
    response = stand_in.answer(HttpRequest("GET", path, "order_id=order_1"))
    assert response.status == 200
    assert response.header("Content-Type") == f"{kind}; charset=utf-8"
    assert response.body == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("path", ["/checkout/", "/checkout/../server.py", "/checkout/checkout.js", "/v1/checkout"])
def test_nothing_else_is_a_file(path):
    assert checkout_file(HttpRequest("GET", path)) is None


def test_nothing_is_posted_to_a_file():
    assert checkout_file(HttpRequest("POST", "/checkout")) is None


def test_a_subscriptions_short_url_is_the_hosted_page(stand_in):
    with stand_in.account() as account:
        item = {"name": "Pro", "amount": 49900, "currency": "INR"}
        plan = account.create_plan({"period": "monthly", "interval": 1, "item": item})
        subscription = account.create_subscription({"plan_id": plan["id"], "total_count": 3})
    assert subscription["short_url"] == f"{stand_in.url}/checkout?subscription_id={subscription['id']}"
