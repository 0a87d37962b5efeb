"""What a container keeps of the writes that it made: bounded by bytes, whatever the solutions."""

import gc
import tracemalloc

import pytest

from entitlements.decision import Holder
from entitlements.solution import read_solution
from entitlements.spend import MAX_KEPT_BYTES, require_fit, spend
from entitlements.windows import windows_at
from tests.support.signer import USER
from tests.support.table import config


@pytest.mark.long
def test_writes_that_are_kept_take_no_more_than_their_bytes() -> None:
    """The largest that fit into DynamoDB's limits: by entries alone, thousands of them would fill the memory."""
    plans = {f"p{n}": {"limits": {"day": 10**6 + n, "month": 10**7 + n}} for n in range(29)}
    solution = read_solution(config(plans=plans, default_plan="p0", costs={}))
    require_fit(solution)
    windows = windows_at(0, "UTC")
    spend(Holder(USER, "x"), solution, windows, 1, 0, b"random")
    gc.collect()
    tracemalloc.start()
    try:
        before, peak = tracemalloc.get_traced_memory()[0], 0
        for cost in range(2, 800):
            request = spend(Holder(USER, "x"), solution, windows, cost, 0, b"random")
            peak = max(peak, tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert len(request["ConditionExpression"]) > 2_500
    assert 0.5 * MAX_KEPT_BYTES < peak < 1.5 * MAX_KEPT_BYTES


def test_a_write_that_is_kept_is_made_once_and_anew_for_another_configuration() -> None:
    windows, one = windows_at(0, "UTC"), read_solution(config())
    first = spend(Holder(USER, "x"), one, windows, 1, 0, b"random")
    assert (
        spend(Holder(USER, "y"), one, windows, 1, 0, b"random")["ConditionExpression"] is first["ConditionExpression"]
    )
    other = spend(Holder(USER, "x"), read_solution(config()), windows, 1, 0, b"random")
    assert other["ConditionExpression"] is not first["ConditionExpression"]
