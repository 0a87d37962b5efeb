"""Events are posted by themselves, to a real receiver."""

import json

import pytest
import razorpay
from razorpay.errors import SignatureVerificationError

from gatepass.local.razorpay import LocalRazorpay

SDK = razorpay.Client(auth=("rzp_test_key", "key-secret"))


@pytest.fixture
def running(receiver):
    with LocalRazorpay(
        key_id="rzp_test_key",
        key_secret="key-secret",
        webhook_secret="hook-secret",
        previous_webhook_secret="old-secret",
        webhook_url=receiver.url,
        webhook_pauses=(0.01, 0.02),
    ) as stand_in:
        yield stand_in


def pay(stand_in):
    with stand_in.account() as account:
        account.pay(account.create_order({"amount": 100, "currency": "INR"})["id"])
    assert stand_in.wait_delivered()


def names(receiver):
    return [json.loads(body)["event"] for _, body, _ in receiver.received]


PAID = ["payment.authorized", "payment.captured", "order.paid"]


def test_each_event_arrives_once_in_order_and_signed(running, receiver):
    pay(running)
    assert names(receiver) == PAID
    for _, body, headers in receiver.received:
        SDK.utility.verify_webhook_signature(body.decode(), headers["X-Razorpay-Signature"], "hook-secret")
    assert [status for _, status in running.posted()] == [204] * 3


def test_a_failure_is_repeated_and_does_not_hold_up_the_others(running, receiver):
    receiver.statuses = [500, 302]
    pay(running)
    assert sorted(names(receiver)) == sorted([*PAID, *PAID[:2]])
    assert sorted(status for _, status in running.posted()) == [204, 204, 204, 302, 500]


def test_what_fails_too_often_is_given_up(running, receiver):
    receiver.status = 500
    pay(running)
    assert len(receiver.received) == 9


@pytest.mark.parametrize(("signed_with", "verifies"), [("previous", "old-secret"), ("wrong", None)])
def test_signed_by_another_secret(running, receiver, signed_with, verifies):
    running.set_faults(signed_with=signed_with)
    pay(running)
    _, body, headers = receiver.received[0]
    for secret in ("hook-secret", "old-secret"):
        if secret == verifies:
            SDK.utility.verify_webhook_signature(body.decode(), headers["X-Razorpay-Signature"], secret)
        else:
            with pytest.raises(SignatureVerificationError):
                SDK.utility.verify_webhook_signature(body.decode(), headers["X-Razorpay-Signature"], secret)


def test_twice_is_the_same_event_with_the_same_id(running, receiver):
    running.set_faults(times=2)
    pay(running)
    assert names(receiver) == [name for name in PAID for _ in range(2)]
    assert len({headers["x-razorpay-event-id"] for _, _, headers in receiver.received}) == 3


def test_events_from_before_there_was_a_url_are_not_posted(stand_in, receiver):
    pay(stand_in)
    stand_in.deliver_to(receiver.url)
    pay(stand_in)
    stand_in.deliver_to(None)
    pay(stand_in)
    assert names(receiver) == PAID


def test_a_wrong_url_is_refused(stand_in):
    with pytest.raises(ValueError, match="must begin with http"):
        stand_in.deliver_to("file:///etc/passwd")
