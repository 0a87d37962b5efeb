"""Delivery to a real receiver."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random

import pytest

from gatepass.local.razorpay import post


@pytest.fixture
def deliveries(account):
    for _ in range(4):
        account.pay(account.create_order({"amount": 100, "currency": "INR"})["id"])
    return account.outbox.deliveries


def test_once_in_order_with_body_and_headers_as_signed(receiver, deliveries):
    assert post(deliveries, receiver.url) == [(delivery, 204) for delivery in deliveries]
    for (path, body, headers), delivery in zip(receiver.received, deliveries, strict=True):
        assert (path, body) == ("/hook?x=1", delivery.body)
        assert delivery.headers.items() <= headers.items()


def test_twice_is_the_same_event_twice(receiver, deliveries):
    post(deliveries[:1], receiver.url, times=2)
    first, second = receiver.received
    assert first == second


def test_shuffled_is_everything_in_another_order_that_a_seed_replays(receiver, deliveries):
    posted = [[d for d, _ in post(deliveries, receiver.url, shuffle=Random(7))] for _ in range(2)]
    assert posted[0] == posted[1] != deliveries
    assert sorted(d.event_id for d in posted[0]) == sorted(d.event_id for d in deliveries)


def test_late_is_after_the_wait(receiver, deliveries):
    waits = []
    post(deliveries[:1], receiver.url, late_seconds=3.5, sleep=lambda s: waits.append((s, len(receiver.received))))
    assert (waits, len(receiver.received)) == ([(3.5, 0)], 1)


@pytest.mark.parametrize("status", [302, 500])
def test_a_failure_is_reported_and_a_redirect_not_followed(receiver, deliveries, status):
    receiver.status = status
    assert post(deliveries[:1], receiver.url) == [(deliveries[0], status)]
    assert len(receiver.received) == 1


def test_no_answer_is_no_status(receiver, deliveries):
    unbound = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    unbound.server_close()
    assert post(deliveries[:1], f"http://127.0.0.1:{unbound.server_port}/") == [(deliveries[0], None)]


def test_the_url_must_be_one_of_http(deliveries):
    with pytest.raises(ValueError, match="must begin with http"):
        post(deliveries, "file:///etc/passwd")
