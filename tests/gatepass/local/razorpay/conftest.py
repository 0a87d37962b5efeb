"""One account on a clock that stands still, with ids that count up."""

from itertools import count

import pytest

from gatepass.local.razorpay import LocalRazorpay, RazorpayAccount

NOW = 1_764_000_000


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def counting_ids():
    numbers = count(1)
    return lambda: f"{next(numbers):014}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def account(clock):
    return RazorpayAccount(clock, counting_ids(), key_secret="key-secret", webhook_secret="hook-secret")


@pytest.fixture
def stand_in(clock):
    with LocalRazorpay(
        key_id="rzp_test_key",
        key_secret="key-secret",
        webhook_secret="hook-secret",
        clock=clock,
        new_id=counting_ids(),
    ) as running:
        yield running
