"""What clocks that are wrong can do: the documented bound, and nothing beyond it (docs/security.md)."""

import pytest

from entitlements.gate import Gate, Request
from entitlements.reasons import Reason
from tests.support.signer import Signer
from tests.support.table import API, PLANS, Table

DAY = 86_400
NOW = 1_795_521_600.0  # 2026-11-24T12:00:00Z
TOKEN = (f"Bearer {Signer().token()}",)


def allowed(gate: Gate, now: float, tries: int = 12) -> int:
    request = Request("POST", "/search", authorization=TOKEN)
    return sum(gate.decide_for_api(API, request, now).allowed for _ in range(tries))


@pytest.mark.parametrize("skew", [-DAY, DAY])
def test_a_gate_whose_clock_is_a_day_off_gives_that_day_s_quota_once_and_no_other(table: Table, skew: int) -> None:
    table.seed()
    right, wrong = Gate(table.store), Gate(table.store)
    assert allowed(right, NOW) == 10
    assert allowed(wrong, NOW + skew) == 10
    assert allowed(right, NOW) == allowed(wrong, NOW + skew) == 0


def test_a_clock_that_goes_back_further_than_is_kept_begins_a_day_anew_and_counts_it(table: Table) -> None:
    table.seed()
    gate = Gate(table.store)
    assert allowed(gate, NOW) == 10
    assert allowed(gate, NOW + 10 * DAY) == 10  # removes what the days before it counted
    assert allowed(gate, NOW) == 10
    assert allowed(gate, NOW) == 0


def test_a_lifetime_s_quota_has_no_clock(table: Table) -> None:
    table.seed()
    table.put_solution(plans=PLANS | {"registered": {"limits": {"lifetime": 5}}})
    gates = [Gate(table.store) for _ in range(3)]
    assert sum(allowed(gate, NOW + skew) for gate, skew in zip(gates, (0, DAY, -400 * DAY), strict=True)) == 5


def test_what_is_remembered_is_read_again_when_the_clock_goes_back(table: Table) -> None:
    table.seed()
    gate = Gate(table.store)
    assert allowed(gate, NOW, 1) == 1
    table.put_solution(status="disabled")
    decision = gate.decide_for_api(API, Request("POST", "/search", authorization=TOKEN), NOW - 1)
    assert decision.reason is Reason.SOLUTION_DISABLED
