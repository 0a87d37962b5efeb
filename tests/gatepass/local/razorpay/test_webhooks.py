"""Events and their signatures, which the official SDK verifies."""

import json

import pytest
import razorpay
from razorpay.errors import SignatureVerificationError

SDK = razorpay.Client(auth=("rzp_test_key", "key-secret"))


def verify(delivery, secret):
    SDK.utility.verify_webhook_signature(delivery.body.decode(), delivery.headers["X-Razorpay-Signature"], secret)


@pytest.fixture
def paid(account):
    return account.pay(account.create_order({"amount": 49900, "currency": "INR", "notes": {"name": "Jürgen"}})["id"])


def test_an_event_has_the_shape_of_razorpays(account, paid):
    delivery = account.outbox.deliveries[-1]
    event = json.loads(delivery.body)
    assert {name: event[name] for name in ("entity", "event", "contains", "created_at")} == {
        "entity": "event", "event": "order.paid", "contains": ["payment", "order"], "created_at": 1_764_000_000,
    }  # fmt: skip
    assert event["account_id"].startswith("acc_")
    assert event["payload"]["payment"]["entity"] == paid


def test_one_payment_shows_up_in_several_events_with_ids_of_their_own(account, paid):
    told = [json.loads(d.body)["payload"]["payment"]["entity"]["id"] for d in account.outbox.deliveries]
    assert told == [paid["id"]] * 3
    assert len({d.headers["x-razorpay-event-id"] for d in account.outbox.deliveries}) == 3


def test_the_sdk_verifies_every_event(account, paid):
    account.create_refund(paid["id"], {})
    assert [d.event for d in account.outbox.deliveries][-1] == "refund.processed"
    for delivery in account.outbox.deliveries:
        verify(delivery, "hook-secret")


def test_the_raw_body_is_signed_and_not_what_it_says(account, paid):
    delivery = account.outbox.deliveries[-1]
    reformatted = json.dumps(json.loads(delivery.body))
    with pytest.raises(SignatureVerificationError):
        SDK.utility.verify_webhook_signature(reformatted, delivery.signature, "hook-secret")


def test_the_key_secret_does_not_sign_webhooks(account, paid):
    with pytest.raises(SignatureVerificationError):
        verify(account.outbox.deliveries[-1], "key-secret")


def test_after_a_change_of_the_secret_old_events_keep_their_signature(account, paid):
    account.outbox.secret = "next-secret"
    assert account.outbox.previous_secret == "hook-secret"
    account.create_refund(paid["id"], {})
    verify(account.outbox.deliveries[0], "hook-secret")
    verify(account.outbox.deliveries[-1], "next-secret")


def test_a_webhook_without_a_secret_sends_no_signature(account, paid):
    account.outbox.secret = None
    account.create_refund(paid["id"], {})
    assert "X-Razorpay-Signature" not in account.outbox.deliveries[-1].headers


def test_the_sdk_verifies_what_checkout_returns(account, paid):
    returned = account.checkout_return(paid["id"])
    assert SDK.utility.verify_payment_signature(returned)
    with pytest.raises(SignatureVerificationError):
        SDK.utility.verify_payment_signature(returned | {"razorpay_order_id": "order_other"})
