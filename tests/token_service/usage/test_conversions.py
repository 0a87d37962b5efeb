"""A payment comes from the last refusal of each reason before it, whatever was heard of first."""

from dataclasses import replace

from token_service.usage.conversions import attributed
from token_service.usage.totals import SubjectDay

DAYS = [SubjectDay("u", "s", f"202611{day}", visitor=False) for day in range(10, 30)]


def paid(days: list[SubjectDay]) -> list[str]:
    return [f"{one.day}: {name}" for one in attributed(days) for name in one.own if name.startswith("paid#")]


def test_each_reason_has_its_last_refusal() -> None:
    days = [
        DAYS[0].marked("registered", "a", 5),
        DAYS[2].marked("walled", "b", 7),
        DAYS[3].marked("walled", "b", 8),
        DAYS[5].paid(9),
        DAYS[6].marked("walled", "b", 11),
    ]
    assert paid(days) == ["20261110: paid#a", "20261113: paid#b"]
    assert attributed(attributed(days)) == attributed(days)


def test_a_refusal_later_on_the_same_day_led_to_nothing() -> None:
    day = DAYS[0].paid(9).marked("walled", "b", 10)
    assert paid([day]) == []
    assert paid([day.paid(11)]) == ["20261110: paid#b"]


def test_seven_days_count() -> None:
    for later, expected in ((7, ["20261110: paid#b"]), (8, [])):
        assert paid([DAYS[0].marked("walled", "b", 1), DAYS[later].paid(9)]) == expected


def test_what_no_longer_led_to_a_payment_loses_its_mark() -> None:
    days = attributed([DAYS[0].marked("walled", "b", 1), DAYS[3].paid(9)])
    days.append(DAYS[2].marked("walled", "b", 4))
    assert paid(days) == ["20261112: paid#b"]
    assert attributed([replace(days[0], own={**days[0].own, "units#pro": 3})])[0].own == {"walled#b": 1, "units#pro": 3}
