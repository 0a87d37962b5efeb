"""The one write against the model: on both emulators, any sequence of requests, plans, clock steps and costs."""

import os
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entitlements.decision import Decision, Holder, Subject, Visitor, judge
from entitlements.gate import Gate, Request
from entitlements.items import entitlement_key, to_wire
from entitlements.solution import Solution, read_solution
from entitlements.spend import spend
from entitlements.token import jti_of
from entitlements.windows import LIMITABLE, STALE_COUNTERS_KEPT, window_of, windows_at
from tests.support import emulators
from tests.support.signer import USER, Signer, secret_of
from tests.support.table import Table, config

START = 1_795_478_400  # 2026-11-24T00:00:00Z
DAY = 86_400
SOLUTION = read_solution(
    config(
        plans={
            "anonymous": {"limits": {"lifetime": 3, "day": 2}},
            "registered": {"limits": {"day": 4}},
            "team": {"limits": {"day": 4}},
            "monthly": {"limits": {"month": 5, "day": 3}},
            "trial": {"limits": {"lifetime": 6}},
            "pro": {"limits": {}, "price": {"amount": 100, "currency": "INR", "interval": "month"}},
            "plus": {"limits": {"day": 3, "month": 7}, "price": {"amount": 100, "currency": "INR"}},
            "pack": {"credits": 5},
            "pack-slow": {"credits": 5, "limits": {"day": 2}},
            "hourly": {"limits": {"hour": 2, "day": 5}},
            "hourly-pack": {"credits": 4, "limits": {"hour": 2}},
        },
        costs={},
    )
)
WITHOUT_PACKS = read_solution(
    config(
        plans={k: v for k, v in SOLUTION.to_mapping()["plans"].items() if "credits" not in v and k != "hourly"},
        costs={},
    )
)
"""Nor hours, which its items do not count either."""

step = st.one_of(
    st.tuples(st.just("request"), st.integers(0, 3)),
    st.tuples(st.just("visit"), st.integers(0, 2)),
    st.tuples(
        st.just("clock"), st.sampled_from([1, 900, 3600, DAY, -DAY // 2, 3 * DAY, 20 * DAY, 40 * DAY, 400 * DAY])
    ),
    st.tuples(st.just("plan"), st.sampled_from([*SOLUTION.plans, "gone"])),
    st.tuples(st.just("paid_until"), st.sampled_from([-DAY, 0, DAY, 30 * DAY])),
    st.tuples(st.just("status"), st.sampled_from(["active", "active", "suspended", "revoked", "odd"])),
    st.tuples(st.just("jti"), st.sampled_from(["mine", "mine", "other"])),
    st.tuples(st.just("granted"), st.integers(1, 8)),
)


def write(table: Table, subject: Subject, solution: Solution, cost: int, now: int) -> tuple[bool, Any]:
    return table.store.update_item(
        spend(subject, solution, windows_at(now, solution.timezone), cost, now, os.urandom(6))
    )


def set_attribute(table: Table, user: str, name: str, value: Any) -> None:
    table.client.update_item(
        TableName=table.name,
        Key=entitlement_key(user, SOLUTION.solution_id).wire,
        UpdateExpression="SET #n = :v",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":v": to_wire(value)},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=4, max_size=40))
def test_the_write_and_the_model_always_agree(table: Table, steps: list[tuple[str, Any]]) -> None:
    user, now = str(uuid.uuid4()), START
    holder, visitor = Holder(user, "mine"), Visitor(user)
    table.put_entitlement(user, jti="mine")
    latest = now
    for kind, value in steps:
        if kind == "clock":
            # Back by less than a day only: the window just past is kept, older ones are gone for good.
            now = max(now + value, latest - DAY // 2)
            latest = max(latest, now)
        elif kind == "paid_until":
            set_attribute(table, user, kind, now + value)
        elif kind in ("request", "visit"):
            solution = WITHOUT_PACKS if value > 1 else SOLUTION
            subject: Subject = holder if kind == "request" else visitor
            before = table.get(subject.key(solution.solution_id))
            windows = windows_at(now, solution.timezone)
            model: Decision = judge(subject, before, solution, windows, value, now)
            applied, after = write(table, subject, solution, value, now)
            assert applied == model.allowed, (model, before)
            if applied:
                for name, window in windows.open.items():
                    counted = value if solution is SOLUTION or name != "hour" else 0
                    assert after.get(window.counter, 0) == (before or {}).get(window.counter, 0) + counted
            else:
                assert after == before
        else:
            set_attribute(table, user, kind, value)


limit = st.integers(1, 4)
limits = st.fixed_dictionaries({}, optional=dict.fromkeys(LIMITABLE, limit))
price = st.just({"amount": 100, "currency": "INR"})
plan = st.one_of(
    st.fixed_dictionaries({"limits": limits}),
    st.fixed_dictionaries({"limits": limits, "price": price}),
    st.fixed_dictionaries({"credits": limit}, optional={"limits": limits}),
)


any_solution = given(
    plans=st.dictionaries(st.sampled_from(["a", "b", "c"]), plan, max_size=3),
    anonymous=st.none() | st.fixed_dictionaries({"limits": limits}),
    default=limits,
    stored=st.sampled_from(["default", "a", "b", "c"]),
    attributes=st.fixed_dictionaries(
        {}, optional={"granted": limit, "paid_until": st.sampled_from([START, START + 1])}
    ),
    cost=st.integers(0, 1),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@any_solution
def test_the_write_and_the_model_agree_for_any_solution(real_table: Table, **found: Any) -> None:
    """From one plan alone to several of each kind: every condition is one that DynamoDB takes."""
    agree(real_table, **found)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@any_solution
def test_they_agree_on_moto_too(moto_endpoint: str, **found: Any) -> None:
    """Fewer, because moto takes four times as long."""
    agree(Table(emulators.client("dynamodb", moto_endpoint), f"t-{uuid.uuid4().hex}"), **found)


def agree(
    table: Table, plans: dict[str, Any], anonymous: Any, default: Any, stored: str, attributes: Any, cost: int
) -> None:
    plans = plans | {"default": {"limits": default}} | ({"anonymous": anonymous} if anonymous else {})
    solution = read_solution(config(default_plan="default", plans=plans, costs={}))
    user = str(uuid.uuid4())
    table.put_entitlement(user, jti="mine", plan=stored, **attributes)
    subjects: list[Subject] = [Holder(user, "mine"), *([Visitor(user)] if anonymous else [])]
    for subject in subjects * 6:
        windows = windows_at(START, solution.timezone)
        model = judge(subject, table.get(subject.key(solution.solution_id)), solution, windows, cost, START)
        assert write(table, subject, solution, cost, START)[0] == model.allowed


def test_a_visitors_counters_live_90_days_from_the_last_request_that_counts(table: Table) -> None:
    visitor = Visitor("someone")
    ends = []
    for now, cost in ((START, 0), (START + 1, 0), (START + 2, 1), (START + 3, 0)):
        _, item = write(table, visitor, SOLUTION, cost, now)
        ends.append(item["expires_at"] - START - 90 * DAY)
    assert ends == [0, 0, 2, 2]


@pytest.mark.parametrize("pause", [1, 2, 15, 16, 17, 40, 100, 400])
def test_counters_of_windows_long_gone_do_not_pile_up(table: Table, pause: int) -> None:
    """The bound: `total`, this and the last day and month, and 8 older ones; and the tidying is rare."""
    table.seed(plan="registered")
    for n in range(60):
        now = START + n * pause * DAY
        assert decide(table, now).allowed
        item = table.get(entitlement_key(USER, SOLUTION.solution_id)) or {}
        counters = list(filter(window_of, item))
        assert len(counters) <= STALE_COUNTERS_KEPT + 4
        assert not any(name.startswith("h") for name in counters)
    writes = table.calls.count("UpdateItem")
    assert writes <= 60 + 60 / (STALE_COUNTERS_KEPT / 2)
    if pause <= 15:
        assert writes == 60


@pytest.mark.parametrize("hours", [1, 2, 25, 26, 48, 400, 4_000])
def test_counters_of_hours_long_gone_do_not_pile_up_either(table: Table, hours: int) -> None:
    """The bound: this and the last hour besides, and still 8 older ones. Who pauses for at most 25 hours, an hour a
    day, say, is never tidied after."""
    table.seed(plan="registered")
    table.put_solution(plans={"registered": {"limits": {"hour": 3}}})
    for n in range(30):
        now = START + n * hours * 3_600
        decision = decide(table, now)
        assert (decision.allowed, decision.used, decision.remaining) == (True, 1, 2)
        item = table.get(entitlement_key(USER, SOLUTION.solution_id)) or {}
        stale = windows_at(now, "UTC").stale(item)
        assert len(stale) <= STALE_COUNTERS_KEPT
        assert len(list(filter(window_of, item))) <= len(stale) + 6
    writes = table.calls.count("UpdateItem")
    # At most one stale counter of each kind comes with each request.
    assert writes <= 30 + 30 / (STALE_COUNTERS_KEPT / 3)
    if hours <= 25:
        assert writes == 30


@pytest.mark.parametrize(
    ("used", "limit", "resets_at"),
    [
        ({}, 2, "2026-11-24T01:00:00Z"),
        ({"h2026112400": 2}, 2, "2026-11-24T01:00:00Z"),
        ({"h2026112323": 2}, 2, "2026-11-24T01:00:00Z"),
        # the hour says nothing where the day is as much used up
        ({"h2026112400": 2, "d20261124": 5}, 5, "2026-11-25T00:00:00Z"),
        ({"h2026112400": 1, "d20261124": 4}, 5, "2026-11-25T00:00:00Z"),
    ],
)
def test_an_hour_limit_resets_with_the_hour(used: dict[str, int], limit: int, resets_at: str) -> None:
    item = {"status": "active", "jti": "mine", "plan": "hourly", "total": 9} | used
    found = judge(Holder(USER, "mine"), item, SOLUTION, windows_at(START, "UTC"), 1, START)
    left = min(2 - used.get("h2026112400", 0), 5 - used.get("d20261124", 0))
    assert (found.allowed, found.limit, found.remaining, found.resets_at) == (left > 0, limit, left, resets_at)


def test_credits_that_are_used_up_do_not_come_back_with_the_hour() -> None:
    item = {"status": "active", "jti": "mine", "plan": "hourly-pack", "total": 4, "granted": 4, "h2026112400": 2}
    found = judge(Holder(USER, "mine"), item, SOLUTION, windows_at(START, "UTC"), 1, START)
    assert (found.reason.value, found.limit, found.resets_at) == ("quota_exceeded", 4, "")


def test_an_hour_s_count_outlives_a_request_written_late(table: Table) -> None:
    table.put_solution(SOLUTION)
    table.put_entitlement(jti="mine", plan="hourly")
    holder, late = Holder(USER, "mine"), START + 3_599
    assert [write(table, holder, SOLUTION, 1, now)[0] for now in (late, late, late + 1, late)] == [
        True,
        True,
        True,
        False,
    ]


def decide(table: Table, now: int) -> Decision:
    request = Request("POST", "/search", authorization=(f"Bearer {Signer().token()}",))
    return Gate(table.store).decide(SOLUTION.solution_id, request, now)


def test_a_request_written_after_midnight_still_meets_its_own_days_count(table: Table) -> None:
    holder = Holder(USER, jti_of(secret_of()))
    table.seed()
    late = START - 1
    for _ in range(4):
        assert write(table, holder, SOLUTION, 1, late)[0]
    assert write(table, holder, SOLUTION, 1, START)[0]
    assert not write(table, holder, SOLUTION, 1, late)[0]
