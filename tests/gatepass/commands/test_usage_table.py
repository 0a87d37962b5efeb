"""The report of usage for people: what is in it, and that it fits a terminal."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from gatepass.commands.usage_table import WIDTH, funnel, lines
from token_service.usage.reports import Period, report
from token_service.usage.totals import Counts

LAST = date(2026, 11, 30)
PERIOD = Period(date(2026, 11, 29), LAST)


def document(days: Mapping[date, Counts], period: Period = PERIOD, **more: Any) -> dict[str, Any]:
    made = report("faiss-search", "AWS Solution Finder", period, days) | more
    return {"from": str(period.first), "to": str(period.last), "solutions": [made]}


def test_the_whole_report_reads_as_it_should() -> None:
    days = {
        LAST: {
            "units#anonymous": 3, "units#pro": 100, "users": 2, "visitors": 30, "registrations": 9, "upgrades": 2,
            "cancellations": 1, "walled#anonymous_quota_exceeded": 42, "registered#anonymous_quota_exceeded": 9,
            "paid#anonymous_quota_exceeded": 2, "walled#quota_exceeded": 1, "revenue#pro#INR": 99800,
            "refunds#pro#INR": 49900, "revenue#pro#USD": 1500,
        },
        date(2026, 11, 29): {"units#registered": 7, "users": 1},
        date(2026, 11, 28): {"units#registered": 10, "users": 1, "registrations": 10, "revenue#pro#INR": 49900},
    }  # fmt: skip
    top = [{"user": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "units": 100, "days": 1, "last_day": "2026-11-30"}]
    assert (
        "\n".join(lines(document(days, top_users=top)))
        == """\
AWS Solution Finder (faiss-search), 2026-11-29 to 2026-11-30
============================================================

               THIS PERIOD  BEFORE  CHANGE
units                  110      10  +1000%
  anonymous              3       0     new
  pro                  100       0     new
  registered             7      10    -30%
user days                3       1   +200%
visitor days            30       0     new
registrations            9      10    -10%
upgrades                 2       0     new
downgrades               0       0
cancellations            1       0     new
before: 2026-11-27 to 2026-11-28

Units by day and plan
DAY         ANONYMOUS  PRO  REGISTERED
2026-11-29          0    0           7
2026-11-30          3  100           0

Funnel
30 visitors -> 9 registrations (30%) -> 2 upgrades (22%)

Refused demand
42 visitors hit the free limit, 9 registered, 2 paid
1 user hit the limit of their plan, 0 paid
(registered or paid within 7 days of the refusal)

Quota pressure
visitors: 42 refused, 30 active (140%)
users: 1 refused, 3 active (33%)

Revenue
PLAN  REVENUE  REFUNDS      NET  NET BEFORE
pro   ₹998.00  ₹499.00  ₹499.00     ₹499.00
pro    $15.00    $0.00   $15.00       $0.00

Top users
USER                                  UNITS  DAYS    LAST DAY
7c9e6679-7425-40de-944b-e07fc1f90ae7    100     1  2026-11-30"""
    )


def test_an_empty_period_says_so_and_divides_by_nothing() -> None:
    text = "\n".join(lines(document({}, top_users=[])))
    assert text.count("nothing in this period") == 5
    assert "0 visitors -> 0 registrations -> 0 upgrades" in text


def test_without_top_users_nothing_is_said_of_them() -> None:
    assert "Top users" not in "\n".join(lines(document({})))


def test_solutions_follow_each_other() -> None:
    one = document({})
    text = "\n".join(lines({**one, "solutions": one["solutions"] * 2}))
    assert text.count("\n\n\nAWS Solution Finder") == 1


def test_a_change_that_rounds_to_nothing_has_no_sign() -> None:
    days = {LAST: {"users": 1001}, date(2026, 11, 28): {"users": 1000}, date(2026, 11, 27): {"visitors": 1000}}
    text = "\n".join(lines(document(days | {date(2026, 11, 29): {"visitors": 999}})))
    assert text.count("     0%") == 2
    assert "+0%" not in text
    assert "-0%" not in text


def test_many_plans_and_large_numbers_fit_a_terminal() -> None:
    plans = [f"a-plan-with-a-name-{n}" for n in range(12)]
    period = Period(LAST - timedelta(days=365), LAST)
    days = {
        day: {f"units#{plan}": 10**9 for plan in plans}
        | {"users": 10**7, "walled#quota_exceeded": 10**7, "revenue#a-plan-with-a-name-0#KWD": 10**7}
        for day in period.days
    }
    found = list(lines(document(days, period)))
    assert max(map(len, found)) <= WIDTH
    for plan in plans:
        assert any(plan.upper() in line.split() for line in found if line.startswith("DAY"))


def test_the_funnel_names_one_of_a_kind() -> None:
    assert funnel({"visitor_days": 1, "registrations": 1, "upgrades": 1}) == (
        "1 visitor -> 1 registration (100%) -> 1 upgrade (100%)"
    )
