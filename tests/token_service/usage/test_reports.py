"""Reports: every day of a period, its sums, and the period before; and what the table's parts add up to."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from entitlements.items import listing_key, usage_key
from tests.support.signer import SOLUTION
from tests.support.table import Table
from tests.support.used import Used, user
from token_service.repository import Repository
from token_service.usage.reports import Period, PeriodInvalid, Reports, own_days, report, stored, today_in
from token_service.usage.totals import SubjectDay

TODAY = date(2026, 11, 30)
NOTHING = {
    "units": {},
    "registrations": 0,
    "upgrades": 0,
    "downgrades": 0,
    "cancellations": 0,
    "revenue": [],
    "refunds": [],
    "refused": [],
}


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ((None, None), "2026-11-01", "2026-11-30"),
        (("2026-11-29", None), "2026-11-29", "2026-11-30"),
        ((None, "2026-03-01"), "2026-01-31", "2026-03-01"),
        (("2024-02-29", "2024-02-29"), "2024-02-29", "2024-02-29"),
        (("2024-01-01", "2024-12-31"), "2024-01-01", "2024-12-31"),
    ],
)
def test_a_period_has_its_days_and_one_as_long_before(
    given: tuple[str | None, str | None], first: str, last: str
) -> None:
    period = Period.read(*given, TODAY)
    assert (str(period.first), str(period.last)) == (first, last)
    assert len(period.days) == len(period) == len(period.before)
    assert (period.days[0], period.days[-1]) == (period.first, period.last)
    assert (period.first - period.before.last).days == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("2026-12-01", None), "from .* is after to .*: give an earlier from"),
        (("2025-11-29", None), "are 367 days: ask for at most 366"),
        (("2026-02-30", None), r"from \(2026-02-30\) is not a day: write YYYY-MM-DD"),
        ((None, "20261101"), r"to \(20261101\) is not a day"),
        ((None, "2026-11-1"), "is not a day"),
        ((None, "\u0662\u0660\u0662\u0666-11-11"), "is not a day"),
        (("1999-12-31", "2000-01-01"), "2000 to 2999"),
        ((None, "9999-12-31"), "2000 to 2999"),
    ],
)
def test_what_is_no_period_is_told_with_what_to_do(given: tuple[str | None, str | None], told: str) -> None:
    with pytest.raises(PeriodInvalid, match=told):
        Period.read(*given, TODAY)


def test_today_is_where_the_solution_is() -> None:
    at = datetime(2026, 11, 30, 20, tzinfo=UTC).timestamp()
    assert [str(today_in(zone, at)) for zone in ("UTC", "Asia/Kolkata")] == ["2026-11-30", "2026-12-01"]


def test_a_report_has_every_day_and_both_sums() -> None:
    days = {
        date(2026, 11, 28): {"units#registered": 4, "users": 1, "visitors": 2, "walled#quota_exceeded": 1},
        date(2026, 11, 30): {
            "units#pro": 7, "units#registered": 1, "users": 1, "registrations": 2, "upgrades": 1,
            "revenue#pro#INR": 49900, "refunds#pro#INR": 900, "walled#quota_exceeded": 2, "paid#quota_exceeded": 1,
            "registered#anonymous_quota_exceeded": 1,
        },
        date(2026, 11, 27): {"units#anonymous": 5, "visitors": 3},
    }  # fmt: skip
    made = report(SOLUTION, "Finder", Period(date(2026, 11, 28), TODAY), days)
    assert (made["solution_id"], made["name"]) == (SOLUTION, "Finder")
    assert [day["day"] for day in made["days"]] == ["2026-11-28", "2026-11-29", "2026-11-30"]
    assert made["days"][1] == {"day": "2026-11-29", "users": 0, "visitors": 0, **NOTHING}
    assert made["total"] == {
        "units": {"pro": 7, "registered": 5},
        "user_days": 2,
        "visitor_days": 2,
        "registrations": 2,
        "upgrades": 1,
        "downgrades": 0,
        "cancellations": 0,
        "revenue": [{"plan": "pro", "currency": "INR", "amount": 49900}],
        "refunds": [{"plan": "pro", "currency": "INR", "amount": 900}],
        "refused": [
            {"reason": "anonymous_quota_exceeded", "subjects": 0, "registered": 1, "paid": 0},
            {"reason": "quota_exceeded", "subjects": 3, "registered": 0, "paid": 1},
        ],
    }
    assert made["before"] == {**NOTHING, "units": {"anonymous": 5}, "user_days": 0, "visitor_days": 3}


def test_ones_own_days_are_ninety_in_order() -> None:
    def own(day: str, **units: int) -> SubjectDay:
        return SubjectDay("u", SOLUTION, day, False, own={f"units#{plan}": n for plan, n in units.items()})

    found = own_days([own("20261130", pro=2, registered=3), own("20260902", pro=1), own("20260901", pro=9)], TODAY)
    assert (len(found), found[0], found[-1]) == (
        90,
        {"day": "2026-09-02", "units": 1},
        {"day": "2026-11-30", "units": 5},
    )
    assert sum(one["units"] for one in found) == 6


def test_what_the_consumer_counted_is_reported(real_table: Table) -> None:
    real_table.put_solution()
    real_table.put_solution(solution_id="other-search")
    used, other = Used(real_table), Used(real_table, "other-search")
    for n in range(40):  # in several of the parts
        used.spend(user(n), TODAY, n + 1)
    other.spend(user(1), TODAY, 1000)
    used.spend("address", date(2026, 11, 29), 3, visitor=True)
    used.refuse("pseudonym", date(2026, 11, 29))
    used.register(user(50), TODAY, "anonymous_quota_exceeded")
    payment = used.buy(user(50), TODAY)
    used.refund(payment, TODAY, 100)
    made: dict[str, Any] = Reports(Repository(real_table.client, real_table.name)).report(
        SOLUTION, "Finder", Period(date(2026, 11, 29), TODAY)
    )
    assert [(day["units"], day["users"], day["visitors"]) for day in made["days"]] == [
        ({"anonymous": 3}, 0, 1),
        ({"registered": 820}, 40, 0),
    ]
    total = made["total"]
    assert (total["registrations"], total["upgrades"], total["revenue"], total["refunds"]) == (
        1,
        1,
        [{"plan": "pro", "currency": "INR", "amount": 49900}],
        [{"plan": "pro", "currency": "INR", "amount": 100}],
    )
    assert total["refused"] == [{"reason": "anonymous_quota_exceeded", "subjects": 1, "registered": 1, "paid": 1}]


def test_days_beside_the_period_and_other_numbers_of_an_item_are_left_out(real_table: Table) -> None:
    reports = Reports(Repository(real_table.client, real_table.name))
    for day in ("20261128", "20261129", "20261130", "20261201"):
        for shard in (0, 15):
            real_table.put(*usage_key(SOLUTION, shard, day), revision=7, users=1)
    real_table.put(*usage_key(f"{SOLUTION}-2", 0, "20261130"), revision=7, users=1)
    found = reports.days(SOLUTION, date(2026, 11, 29), TODAY)
    assert found == {date(2026, 11, 29): {"users": 2}, TODAY: {"users": 2}}
    assert stored(TODAY) == "20261130"


def test_solutions_are_listed_in_order(real_table: Table) -> None:
    for solution in ("zebra", SOLUTION):
        real_table.put(*listing_key(solution))
    assert Reports(Repository(real_table.client, real_table.name)).solution_ids() == [SOLUTION, "zebra"]
