"""The day of a subject: levels in any order, baselines, and what it contributes."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime

from entitlements.items import Key
from token_service.usage.stream import Level
from token_service.usage.totals import SubjectDay, counted_of, counted_text, day_before, difference, expiry, total

BLANK = SubjectDay("u", "s", "20261123", visitor=False)


def level(used: int, plan: str = "pro", baseline: bool = False) -> Level:
    return Level("u", False, "s", "20261123", plan, used, baseline)


def test_units_belong_to_the_plan_under_which_they_were_spent() -> None:
    day = BLANK.raised([level(3, "registered"), level(3, "registered"), level(5, "pro"), level(4, "registered")])
    assert (day.used, day.own) == (5, {"units#registered": 4, "units#pro": 1})
    assert day.counts == {"units#registered": 4, "units#pro": 1, "users": 1}


def test_a_baseline_is_no_use_whenever_it_is_seen() -> None:
    seen = [level(7, baseline=True), level(8), level(10)]
    days = set()
    for order in itertools.permutations(seen):
        day = BLANK
        for one in order:
            day = day.raised([one]).raised([one])
        days.add((day.used, day.baseline, tuple(day.own.items()), day.units))
    assert days == {(10, 7, (("units#pro", 3),), 3)}
    assert BLANK.raised(seen[:1]).counts == {}


def test_levels_in_any_order_and_in_any_parts_come_to_the_same() -> None:
    rng = random.Random(1)
    seen = [level(n) for n in range(1, 20)]
    for _ in range(50):
        rng.shuffle(seen)
        day = BLANK
        for one in (*seen, *rng.choices(seen, k=5)):
            day = day.raised([one])
        assert day == BLANK.raised(seen)
        assert day.units == 19


def test_a_day_is_stored_and_read() -> None:
    day = BLANK.raised([level(9, baseline=True), level(12)]).marked("walled", "quota_exceeded", 7)
    day = day.paid(8)
    item = day.to_item() | day.key._asdict()
    assert SubjectDay.from_item(item) == day
    assert day.key == Key("use#u", "s#20261123")
    assert item["expires_at"] == datetime(2027, 2, 23, tzinfo=UTC).timestamp()


def test_marks_count_once() -> None:
    day = BLANK.marked("walled", "quota_exceeded", 7)
    assert day.marked("walled", "quota_exceeded", 9) == day
    assert day.marked("walled", "quota_exceeded", 5).refused_at == {"quota_exceeded": 5}
    assert day.counts == {"walled#quota_exceeded": 1}


def test_differences_and_sums() -> None:
    assert difference({"a": 1, "b": 2, "c": 1}, {"a": 4, "b": 2}) == {"a": 3, "c": -1}
    assert total([{"a": 1}, {"a": -1, "b": 2}]) == {"b": 2}


def test_days() -> None:
    assert day_before("20260301", 1) == "20260228"
    assert expiry("20261124") - expiry("20261123") == 86_400


def test_the_mark_of_what_was_counted() -> None:
    counted = {"20261123": {"registrations": 1}}
    assert counted_of({"counted": counted_text(counted)}) == counted
    assert counted_of({}) == {}
    assert replace(BLANK, revision=3) != BLANK
