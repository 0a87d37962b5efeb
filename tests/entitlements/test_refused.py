"""Whom a container has refused: remembered without a change of any answer, and within bounds."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entitlements.address import address_hash
from entitlements.decision import Decision, Holder, Subject, Visitor, judge
from entitlements.gate import Gate, Request
from entitlements.refused import MAX_AGE, MAX_ENTRIES, RefusedSubjects
from entitlements.token import jti_of
from entitlements.windows import windows_at
from tests.support.signer import SOLUTION, USER, Signer, ring, secret_of
from tests.support.table import Table

START = 1_795_478_400  # 2026-11-24T00:00:00Z
HOLDER = Holder(USER, jti_of(secret_of()))
PLANS: dict[str, Any] = {
    "anonymous": {"limits": {"lifetime": 9, "day": 4, "hour": 3}},
    "registered": {"limits": {"day": 4}},
    "pro": {"limits": {}},
}
step = st.one_of(
    st.tuples(st.just("visit"), st.integers(0, 3)),
    st.tuples(st.just("visit"), st.just(1)),
    st.tuples(st.just("request"), st.integers(0, 3)),
    st.tuples(st.just("clock"), st.sampled_from([1, 30, 900, 3_600, 86_400, 91 * 86_400])),
    st.tuples(st.just("plan"), st.sampled_from(["registered", "pro"])),
    st.tuples(st.just("status"), st.sampled_from(["active", "suspended"])),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(step, st.booleans()), min_size=10, max_size=50))
def test_two_containers_that_remember_decide_as_the_item_says(
    real_table: Table, steps: list[tuple[tuple[str, Any], bool]]
) -> None:
    """And the figures of a refusal are those of the item, where it costs 1."""
    table, costs = real_table, {f"POST /{cost}": cost for cost in range(4)}
    table.put_ring()
    solution = table.put_solution(plans=PLANS, costs=costs)
    visitor = Visitor(address_hash(ring().address_key, "198.51.100.7"))
    subject: Subject
    for subject in (visitor, HOLDER):
        table.client.delete_item(TableName=table.name, Key=subject.key(SOLUTION).wire)
    stored: dict[str, Any] = {"plan": "registered", "status": "active"}
    table.put_entitlement(**stored)
    gates, now = [Gate(table.store), Gate(table.store)], START
    token = f"Bearer {Signer().token()}"
    for (kind, value), which in steps:
        if kind == "clock":
            now += value
        elif kind in ("plan", "status"):
            stored |= {kind: value}
            table.client.update_item(
                TableName=table.name,
                Key=HOLDER.key(SOLUTION).wire,
                UpdateExpression="SET #n = :v",
                ExpressionAttributeNames={"#n": kind},
                ExpressionAttributeValues={":v": {"S": value}},
            )
        else:
            subject = visitor if kind == "visit" else HOLDER
            item = table.get(subject.key(SOLUTION))
            expected = judge(subject, item, solution, windows_at(now, "UTC"), value, now)
            headers = (token,) if subject is HOLDER else ()
            request = Request("POST", f"/{value}", authorization=headers, source_ip="198.51.100.7")
            found: Decision = gates[which].decide(SOLUTION, request, now)
            assert found.reason == expected.reason
            if not found.allowed and value == 1:
                assert found == expected


def test_the_least_recently_refused_are_forgotten_first() -> None:
    refused, item = RefusedSubjects(), {"total": 3, "expires_at": START + 100, "pk": "ip#x"}
    for n in range(MAX_ENTRIES + 1):
        refused.add(Visitor(f"{n}"), SOLUTION, item, START)
    assert refused.find(Visitor("0"), SOLUTION, START) is None
    assert refused.find(Visitor("1"), SOLUTION, START) is not None


@pytest.mark.parametrize(
    ("later", "known"), [(0, True), (-1, False), (MAX_AGE - 1, True), (MAX_AGE, False), (30, True), (31, False)]
)
def test_a_visitor_is_remembered_for_a_minute_or_until_the_item_ends(later: float, known: bool) -> None:
    refused = RefusedSubjects()
    end = START + (31 if abs(later) in (30, 31) else 100)
    refused.add(Visitor("x"), SOLUTION, {"total": 3, "expires_at": end}, START)
    assert (refused.find(Visitor("x"), SOLUTION, START + later) is not None) == known


def test_an_item_without_an_end_is_not_remembered_and_another_solution_is_another_matter() -> None:
    refused = RefusedSubjects()
    for item in (None, {}, {"total": 3}, {"total": 3, "expires_at": "soon"}):
        refused.add(Visitor("x"), SOLUTION, item, START)
        assert refused.find(Visitor("x"), SOLUTION, START) is None
    refused.add(HOLDER, SOLUTION, None, START)
    assert refused.find(HOLDER, SOLUTION, START) is not None
    assert refused.find(HOLDER, "another", START) is None
    assert refused.find(HOLDER._replace(jti="newer"), SOLUTION, START) is None
    refused.forget(HOLDER, SOLUTION)
    assert refused.find(HOLDER, SOLUTION, START) is None


@pytest.mark.long
def test_a_full_memory_takes_less_than_a_sixteenth_of_the_smallest_function() -> None:
    refused = RefusedSubjects()
    tracemalloc.start()
    try:
        for n in range(MAX_ENTRIES):
            counters = {f"d2026{month:02}{day:02}": n for month in range(1, 4) for day in range(1, 5)}
            refused.add(Visitor(f"{n:043}"), SOLUTION, counters | {"expires_at": START + n}, START)
        assert tracemalloc.get_traced_memory()[0] < 128 * 2**20 / 16
    finally:
        tracemalloc.stop()
