"""The load run compares every single count, and finds what is wrong."""

from typing import Any

import pytest

from benchmarks import load
from benchmarks.load_crowd import CREDITS, MIX, PLANS, address, plan_of
from benchmarks.world import user_id
from entitlements.address import address_hash
from tests.support.signer import ring

USERS = 60


@pytest.mark.usefixtures("processes")
def test_two_containers_at_once_leave_exact_counts(dynamodb_local_endpoint: str) -> None:
    outcome = load.run(dynamodb_local_endpoint, 3, USERS, 20, 2)
    assert list(outcome.wrong) == []
    assert outcome.spent > 0
    assert {"ok", "ok_anonymous", "anonymous_quota_exceeded", "signature_invalid", "api_unknown"} <= set(
        outcome.reasons
    )
    report = outcome.report()
    assert "exact" in report
    assert "WRONG" not in report
    assert outcome.to_json()["calls"]["signature_invalid"] == 0


def seen(**changes: dict[str, int]) -> list[dict[str, Any]]:
    """One user on `registered` who tried 12 times, of which 10 passed; and a visitor."""
    counted = {"attempts": {user_id(0): 12, address(3): 5}, "allowed": {user_id(0): 10, address(3): 3}}
    return [counted | {"unavailable": {}} | changes]


VISITOR = address_hash(ring().address_key, address(3))
RIGHT = {user_id(0): {"total": 10, "d20261130": 10}, VISITOR: {"total": 3, "d20261130": 3}}


@pytest.mark.parametrize(
    ("stored", "changes", "wrong"),
    [
        ({}, {}, None),
        ({user_id(0): {"total": 11, "d20261130": 11}}, {}, "10 passed, 11 counted"),
        ({user_id(0): {"total": 11, "d20261130": 11}}, {"unavailable": {user_id(0): 1}}, "in its days"),
        ({user_id(0): {"total": 9, "d20261130": 9}}, {}, "10 passed, 9 counted"),
        (
            {user_id(0): {"total": 9, "d20261130": 9}},
            {"allowed": {user_id(0): 9, address(3): 3}},
            "12 tried, 9 counted",
        ),
        ({user_id(0): {"total": 10, "d20261130": 9}}, {}, "in its days"),
        ({VISITOR: {"total": 4, "d20261130": 4}}, {"allowed": {user_id(0): 10, address(3): 4}}, "over"),
        ({VISITOR: {}}, {}, "3 passed, 0 counted"),
    ],
)
def test_a_count_that_is_not_exact_is_named(stored: Any, changes: Any, wrong: str | None) -> None:
    found, spent = load._compare(seen(**changes), RIGHT | stored, USERS)
    assert spent >= 1
    assert ([] if wrong is None else [wrong]) == [wrong for line in found if wrong and wrong in line]
    assert len(found) == (wrong is not None)


def test_every_plan_and_kind_of_request_is_in_it() -> None:
    assert {plan_of(n, USERS) for n in range(USERS + 1)} | {"anonymous"} == set(PLANS)
    assert sum(MIX.values()) == 100
    assert load.limits_of("pack") == (None, CREDITS)
    assert load.limits_of("monthly").allows(50) == 8
