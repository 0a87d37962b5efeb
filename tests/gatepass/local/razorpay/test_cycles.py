"""When cycles begin."""

from datetime import datetime

import pytest

from gatepass.local.razorpay.cycles import INDIA, cycle_start


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=INDIA).timestamp())


def starts(anchor, period, interval, count):
    return [
        datetime.fromtimestamp(cycle_start(at(anchor), period, interval, n), INDIA).strftime("%Y-%m-%d %H:%M")
        for n in range(count)
    ]


def test_the_first_cycle_begins_at_once_and_later_ones_at_midnight_in_india():
    assert starts("2026-01-15T13:37", "monthly", 1, 3) == ["2026-01-15 13:37", "2026-02-15 00:00", "2026-03-15 00:00"]


def test_the_dates_are_those_of_razorpays_sample():
    """subscription.paused at https://razorpay.com/docs/webhooks/subscriptions/: current_start, current_end and end_at."""
    assert [cycle_start(1600416437, "monthly", 1, n) for n in (0, 1, 4)] == [1600416437, 1602959400, 1610908200]


@pytest.mark.parametrize(
    ("anchor", "period", "interval", "second"),
    [
        ("2026-01-31T00:00", "monthly", 1, "2026-02-28"),
        ("2028-01-31T00:00", "monthly", 1, "2028-02-29"),
        ("2026-12-31T23:59", "monthly", 2, "2027-02-28"),
        ("2026-11-30T00:00", "quarterly", 1, "2027-02-28"),
        ("2028-02-29T00:00", "yearly", 1, "2029-02-28"),
        ("2026-12-28T00:00", "weekly", 1, "2027-01-04"),
        ("2026-12-28T00:00", "daily", 7, "2027-01-04"),
    ],
)
def test_the_next_cycle(anchor, period, interval, second):
    assert starts(anchor, period, interval, 2)[1] == f"{second} 00:00"


def test_a_short_month_does_not_move_the_later_ones():
    assert starts("2026-01-31T00:00", "monthly", 1, 3)[2] == "2026-03-31 00:00"
