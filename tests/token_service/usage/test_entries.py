"""What audit entries and payments contribute."""

from typing import Any

import pytest

from entitlements.solution import read_solution
from tests.support.table import PLANS, config
from token_service.usage.entries import changes, counted_now

YEARLY = {"limits": {}, "price": {"amount": 49900 * 6, "currency": "INR", "interval": "year"}}
SOLUTION = read_solution(config(plans=PLANS | {"yearly": YEARLY}))
PAYMENT: dict[str, Any] = {"plan": "pro", "currency": "INR", "amount": 49900}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"event": "granted", "plan": "registered"}, {"registrations": 1}),
        ({"event": "granted", "plan": "registered", "again": "true"}, {}),
        ({"event": "imported", "plan": "registered"}, {}),
        ({"event": "plan_set", "plan": "pro", "plan_before": "registered"}, {"upgrades": 1}),
        (
            {"event": "payment_settled", "plan": "registered", "plan_before": "pro", "cause": "lapsed"},
            {"downgrades": 1},
        ),
        ({"event": "payment_settled", "plan": "yearly", "plan_before": "pro"}, {"downgrades": 1}),
        ({"event": "payment_settled", "plan": "pro", "plan_before": "pro"}, {}),
        ({"event": "payment_settled", "subscription": "sub_1", "cause": "cancelled"}, {"cancellations": 1}),
        ({"event": "payment_settled", "payment": "pay_1", "cause": "cancelled"}, {}),
        ({"event": "plan_set", "plan": "gone", "plan_before": "registered"}, {}),
        ({"event": "suspended"}, {}),
        ({}, {}),
    ],
)
def test_changes(entry: dict[str, str], expected: dict[str, int]) -> None:
    assert changes(entry, SOLUTION) == expected


def test_without_a_configuration_a_changed_plan_has_no_direction() -> None:
    assert changes({"event": "plan_set", "plan": "pro", "plan_before": "registered"}, None) == {}


def test_revenue_counts_on_the_day_of_the_payment_and_refunds_on_the_day_they_are_seen() -> None:
    paid = counted_now(PAYMENT, {}, "1", "2")
    assert paid == {"1": {"revenue#pro#INR": 49900}}
    part = counted_now(PAYMENT | {"refunded": 100}, paid, "1", "3")
    assert part == paid | {"3": {"refunds#pro#INR": 100}}
    held = counted_now(PAYMENT | {"refunded": 100, "disputes": '{"disp_1": 40000}'}, part, "1", "4")
    assert held["4"] == {"refunds#pro#INR": 40000}
    won = counted_now(PAYMENT | {"refunded": 100, "disputes": '{"disp_1": 0}'}, held, "1", "5")
    assert won["5"] == {"refunds#pro#INR": -40000}
    assert counted_now(PAYMENT | {"refunded": 100, "disputes": '{"disp_1": 0}'}, won, "1", "6") == won


def test_no_more_is_taken_back_than_was_paid() -> None:
    twice = counted_now(PAYMENT | {"refunded": 49900, "disputes": '{"disp_1": 49900}'}, {}, "1", "1")
    assert twice == {"1": {"revenue#pro#INR": 49900, "refunds#pro#INR": 49900}}
