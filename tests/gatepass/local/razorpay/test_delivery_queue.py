"""Which event is posted when."""

import json
from random import Random

import pytest

from gatepass.local.razorpay import Delivery, Faults
from gatepass.local.razorpay.delivery_queue import DeliveryQueue


def event(name, payment="pay_1"):
    payload = {"payment": {"entity": {"id": payment}}} if payment else {"subscription": {}}
    return Delivery(f"{name} {payment}", name, json.dumps({"payload": payload}).encode(), None)


def drain(queue, now=0.0):
    return [task.delivery.event for task in iter(lambda: queue.take(now), None)]


@pytest.fixture
def queue():
    return DeliveryQueue(pauses=(1.0, 10.0), random=Random(7))


NAMES = ["payment.authorized", "payment.captured", "order.paid", "invoice.paid"]


def test_in_order_and_once(queue):
    for name in NAMES:
        queue.add(event(name), 0.0)
    assert drain(queue) == NAMES


def test_twice(queue):
    queue.change(Faults(times=2), 0.0)
    queue.add(event("order.paid"), 0.0)
    assert drain(queue) == ["order.paid"] * 2


def test_late(queue):
    queue.change(Faults(late_seconds=30), 0.0)
    queue.add(event("order.paid"), 5.0)
    assert (queue.next_due(), drain(queue, 34.9), drain(queue, 35.0)) == (35.0, [], ["order.paid"])


def test_shuffled_within_half_a_second(queue):
    queue.change(Faults(shuffle=True), 0.0)
    for name in NAMES:
        queue.add(event(name), 0.0)
    posted = drain(queue, 0.5)
    assert posted != NAMES
    assert sorted(posted) == sorted(NAMES)


def test_a_refund_comes_before_what_it_refunds(queue):
    queue.change(Faults(refund_first=True), 0.0)
    for name, payment in [("payment.captured", "pay_1"), ("order.paid", "pay_1"), ("order.paid", "pay_2")]:
        queue.add(event(name, payment), 0.0)
    queue.add(event("subscription.cancelled", None), 0.0)
    assert drain(queue) == ["subscription.cancelled"]
    queue.add(event("refund.created"), 1.0)
    assert drain(queue, 1.0) == ["refund.created", "payment.captured", "order.paid"]


def test_what_waits_for_a_refund_is_let_go_when_that_is_switched_off(queue):
    queue.change(Faults(refund_first=True), 0.0)
    queue.add(event("order.paid"), 0.0)
    queue.change(Faults(shuffle=False), 2.0)
    assert drain(queue, 2.0) == ["order.paid"]


def test_a_failure_is_tried_again_after_growing_pauses_and_then_given_up(queue):
    queue.add(event("order.paid"), 0.0)
    for due in (1.0, 11.0):
        assert queue.retry(queue.take(due), due - 1.0 if due == 1.0 else 1.0)
        assert queue.next_due() == due
    assert not queue.retry(queue.take(11.0), 11.0)
    assert queue.next_due() is None


def test_a_retry_holds_nothing_up(queue):
    queue.add(event("payment.captured"), 0.0)
    queue.retry(queue.take(0.0), 0.0)
    queue.add(event("order.paid"), 0.5)
    assert drain(queue, 1.0) == ["order.paid", "payment.captured"]
