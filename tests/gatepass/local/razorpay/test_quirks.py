"""Each odd shape of an event can be had, and changes events only."""

import pytest

from gatepass.local.razorpay import EventTime


def payload(told, name):
    (event,) = [event for event in told.new() if event["event"] == name]
    return event["payload"]


@pytest.fixture
def quirks(account):
    return account.outbox.quirks


def test_normally_an_event_has_its_time_at_the_top(account, subscribe, told):
    account.authenticate(subscribe())
    assert {event["created_at"] for event in told.new()} == {1_764_000_000}


def test_the_time_can_be_in_the_payload(account, quirks, subscribe, told):
    quirks.created_at = EventTime.IN_PAYLOAD
    account.authenticate(subscribe())
    for event in told.new():
        assert "created_at" not in event
        assert event["payload"]["created_at"] == 1_764_000_000


def test_the_time_can_be_missing(account, quirks, subscribe, told):
    quirks.created_at = EventTime.MISSING
    account.authenticate(subscribe())
    assert not [event for event in told.new() if "created_at" in event or "created_at" in event["payload"]]


def test_activated_can_come_without_its_payment(account, quirks, subscribe, told):
    account.authenticate(subscribe())
    assert set(payload(told, "subscription.activated")) == {"subscription", "payment"}
    quirks.activated_without_payment = True
    account.authenticate(subscribe())
    assert set(payload(told, "subscription.activated")) == {"subscription"}


def test_captured_can_be_text_in_a_subscriptions_events(account, quirks, subscribe, told):
    quirks.captured_as_text = True
    payment = account.authenticate(subscribe())
    captured = {
        event["event"]: event["payload"]["payment"]["entity"]["captured"]
        for event in told.new()
        if "payment" in event["payload"]
    }
    assert (captured["subscription.charged"], captured["payment.captured"]) == ("1", True)
    assert payment["captured"] is True


def test_completed_can_count_one_payment_less(account, quirks, subscribe, told):
    quirks.completed_counts_one_less = True
    subscription_id = subscribe(total_count=1)
    account.authenticate(subscription_id)
    assert payload(told, "subscription.completed")["subscription"]["entity"]["paid_count"] == 0
    assert account.subscription(subscription_id)["paid_count"] == 1


def test_a_won_dispute_can_show_a_payment_that_is_only_authorized(account, quirks, told):
    payment_id = account.pay(account.create_order({"amount": 49900, "currency": "INR"})["id"])["id"]
    quirks.disputed_payment_is_authorized = True
    account.resolve_dispute(account.open_dispute(payment_id)["id"], "won")
    shown = payload(told, "payment.dispute.won")["payment"]["entity"]
    assert (shown["status"], shown["captured"]) == ("authorized", False)
    assert account.payment(payment_id)["status"] == "captured"


@pytest.mark.parametrize(("switched", "empty"), [(False, []), (True, {})])
def test_notes_are_an_object_or_a_list(account, quirks, subscribe, told, switched, empty):
    quirks.empty_notes_are_an_object = switched
    account.cancel_subscription(subscribe(), {})
    account.cancel_subscription(subscribe(notes={"user": "u-1"}), {})
    shown = [event["payload"]["subscription"]["entity"]["notes"] for event in told.new()]
    assert shown == [empty, {"user": "u-1"}]
