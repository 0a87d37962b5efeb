"""The events for other systems: read from one record, with an id that a repetition shares."""

import json
from typing import Any

import pytest

from entitlements.items import Key, audit_key, entitlement_key, payment_key
from entitlements.solution import read_solution
from tests.support.events import stream
from tests.support.signer import SOLUTION, USER
from tests.support.table import config
from token_service.usage.notices import Notice, notices
from token_service.usage.stream import StreamRecord

HELD = entitlement_key(USER, SOLUTION)
ENTRY = audit_key(USER, "2026-11-24T00:00:00.000Z", "abcd")
SET_UP = read_solution(config())


def told(key: Key, event: str, old: dict[str, Any] | None, new: dict[str, Any]) -> list[Notice]:
    return list(notices(StreamRecord.read(stream(key, event, old, new)), SET_UP))


def request(before: int, after: int, **more: Any) -> list[tuple[str, int, int]]:
    attributes: dict[str, Any] = {"plan": "registered"} | more
    counters = [attributes | {"d20261123": count} for count in (before, after)]
    return [
        (str(n.detail["window"]), int(n.detail["percent"]), int(n.detail["used"]))
        for n in told(HELD, "MODIFY", *counters)
    ]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((6, 7), []),
        ((7, 8), [("day", 80, 8)]),
        ((8, 9), []),
        ((9, 10), [("day", 100, 10)]),
        ((7, 10), [("day", 80, 10), ("day", 100, 10)]),
        ((10, 10), []),
        ((12, 13), []),
    ],
)
def test_a_quota_tells_when_a_threshold_is_reached(levels: tuple[int, int], expected: list[Any]) -> None:
    assert request(*levels) == expected


def test_a_lapsed_plan_has_the_quota_of_the_default_one() -> None:
    assert request(7, 8, plan="pro", paid_until=1_795_478_399) == [("day", 80, 8)]
    assert request(7, 8, plan="pro") == []
    assert request(7, 8, plan="gone") == []


def test_credits_are_a_quota() -> None:
    attributes = {"plan": "pack-100", "granted": 100}
    (notice,) = told(HELD, "MODIFY", attributes | {"total": 79}, attributes | {"total": 80})
    assert (notice.detail["window"], notice.detail["percent"], notice.detail["limit"]) == ("credits", 80, 100)
    assert told(HELD, "MODIFY", {"plan": "pack-100", "total": 79}, {"plan": "pack-100", "total": 80}) == []


def test_a_threshold_has_one_id_for_each_user_solution_window_and_threshold() -> None:
    def ident(before: int, after: int, counter: str = "d20261123") -> str:
        old, new = ({"plan": "registered", counter: count} for count in (before, after))
        (notice,) = told(HELD, "MODIFY", old, new)
        return notice.notice_id

    assert ident(7, 8) == ident(7, 9) == f"{USER}/{SOLUTION}/d20261123/80% of 10"
    assert len({ident(7, 8), ident(9, 10), ident(7, 8, "d20261124")}) == 3


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"event": "plan_set", "plan": "pro", "plan_before": "registered"}, ["Plan Changed"]),
        (
            {"event": "payment_settled", "plan": "pro", "plan_before": "registered", "payment": "pay_1"},
            ["Plan Changed"],
        ),
        ({"event": "payment_settled", "payment": "pay_1"}, []),
        ({"event": "payment_settled", "subscription": "sub_1", "cause": "cancelled"}, []),
        ({"event": "plan_set", "plan": "pro", "plan_before": "pro", "paid_until": "2026-12-24T00:00:00Z"}, []),
        ({"event": "revoked"}, ["Entitlement Revoked"]),
        ({"event": "account_deleted"}, ["Entitlement Revoked"]),
        ({"event": "granted", "plan": "registered"}, []),
    ],
)
def test_an_audit_entry_tells_of_plans_and_revocations(entry: dict[str, str], expected: list[str]) -> None:
    found = told(ENTRY, "INSERT", None, entry | {"solution": SOLUTION, "actor": "operator"})
    assert [one.kind for one in found] == expected
    assert told(ENTRY, "MODIFY", None, entry) == []
    for one in found:
        assert one.notice_id == f"{USER}/{ENTRY.sk}/{one.kind}"
        assert {"actor", "pk"}.isdisjoint(one.detail)


def test_a_payment_tells_once_that_it_was_applied() -> None:
    key = payment_key(USER, "2026-11-24T00:00:00.000Z", "pay_1")
    payment: dict[str, Any] = {"payment_id": "pay_1", "solution": SOLUTION, "plan": "pro", "amount": 49900}
    (notice,) = told(key, "INSERT", None, payment)
    assert (notice.kind, notice.notice_id, notice.detail["amount"]) == ("Payment Applied", f"{USER}/pay_1", 49900)
    assert told(key, "MODIFY", payment, payment | {"refunded": 100}) == []
    assert told(key, "INSERT", None, payment | {"returned": "paid_already"}) == []


def test_the_entry_of_the_bus() -> None:
    (notice,) = told(ENTRY, "INSERT", None, {"event": "revoked", "solution": SOLUTION})
    entry = notice.entry("bus")
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == ("bus", "gatepass", "Entitlement Revoked")
    assert json.loads(entry["Detail"]) == {
        "id": notice.notice_id,
        "time": "2026-11-24T00:00:00Z",
        "user_id": USER,
        "solution_id": SOLUTION,
        "event": "revoked",
    }
