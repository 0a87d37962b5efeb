"""The model of AWS's limits and prices, by hand for one set of figures."""

import pytest

from benchmarks import scale
from benchmarks.world import Case

BENCH = {"date": "2026-11-30", "warm": {"cpu_us": {case: {"ours": [100, 120, 140]} for case in Case}}}
LOAD = {"seconds": 10, "gates": 2, "subjects": 5, "wrong": [], "reasons": {"ok": 75, "quota_exceeded": 25},
        "calls": {"ok": 1.0, "quota_exceeded": 1.0}}  # fmt: skip


def test_an_allow_costs_what_its_parts_cost() -> None:
    allow = scale.decisions(BENCH)[0]
    assert allow.milliseconds == pytest.approx(0.12 * 1769 / 256 + 4)
    costs = allow.costs(True)
    assert costs["Lambda"] == pytest.approx(0.20 + 0.005 * 0.25 * 13.3334)  # billed by the millisecond
    assert costs["DynamoDB"] == 0.625
    assert costs["logs"] == pytest.approx(0.165)


def test_a_refused_visitor_makes_no_call_and_a_refused_user_costs_a_fifth_of_a_write() -> None:
    _, user, visitor, bad = scale.decisions(BENCH)
    assert [kind.costs(False)["DynamoDB"] for kind in (user, visitor, bad)] == [0.125, 0, 0]
    assert visitor.milliseconds < 1 < user.milliseconds


@pytest.mark.parametrize(
    ("rate", "busy", "reached"), [(100, 0.48, 0), (10_000, 48, 2), (100_000, 483, 3), (1_000_000, 4_829, 4)]
)
def test_the_quotas_that_a_rate_reaches_are_named(rate: int, busy: float, reached: int) -> None:
    found = scale.need(rate, scale.decisions(BENCH)[0])
    assert found.busy == pytest.approx(busy, rel=0.01)
    assert len(found.binding) == reached
    assert found.dollars_a_month == pytest.approx(rate * 2.592 * 2.2167, rel=0.01)


def test_the_page_tells_all_of_it() -> None:
    page = scale.render(BENCH, LOAD)
    assert "100,000 | 483 |" in page
    assert "a table's 40,000 writes a second" in page
    assert "| `ok` | 75.0% | 1.00 |" in page
    assert "were exact" in page
