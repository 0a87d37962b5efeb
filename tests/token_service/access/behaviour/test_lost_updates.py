"""Changes of an entitlement that meet others: no update is lost, and an end of access always gets through."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from entitlements.items import entitlement_key, item_to_wire, token_key
from entitlements.refusals import Refused
from entitlements.solution import read_solution
from tests.support.market import Marketplace
from tests.support.signer import SOLUTION, USER
from tests.support.table import Table, config
from token_service.access import changes
from token_service.access.changes import Change, Rule
from token_service.access.grants import Access
from token_service.access.records import Action, Entitlement
from token_service.errors import Busy
from token_service.repository import Repository


class Interrupted:
    """A DynamoDB client that lets something happen before each transaction it carries."""

    def __init__(self, client: Any, before: Callable[[list[dict[str, Any]]], None]) -> None:
        self._client, self._before = client, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        self._before(request["TransactItems"])
        return self._client.transact_write_items(**request)


def interrupted(market: Marketplace, before: Callable[[list[dict[str, Any]]], None]) -> Access:
    client = Interrupted(market.table.client, before)
    return Access(Repository(client, market.table.name, sleep=lambda _: None), market.clock, "operator")


def once(change: Callable[[], object]) -> Callable[[list[dict[str, Any]]], None]:
    left = [change]

    def before(_: list[dict[str, Any]]) -> None:
        if left:
            left.pop()()

    return before


def held(actions: list[dict[str, Any]]) -> None:
    """The entitlement is in use without a gap: every transaction that touches it is cancelled."""
    if any("Update" in action for action in actions):
        reasons = [{"Code": "TransactionConflict"} for _ in actions]
        error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
        raise ClientError(error, "TransactWriteItems")


def events(market: Marketplace) -> list[str]:
    return [item["event"] for item in market.table.all() if item["sk"].startswith("audit#")]


@pytest.fixture
def granted(market: Marketplace) -> Marketplace:
    market.access.grant(USER, SOLUTION, "pro")
    return market


def test_two_changes_of_the_time_paid_for_do_not_overwrite_each_other(granted: Marketplace) -> None:
    """The audit tells what was there before: after a lost update it would name a time that had been replaced."""
    first, second = int(granted.now) + 60, int(granted.now) + 120
    access = interrupted(granted, once(lambda: granted.access.set_plan(USER, SOLUTION, "pro", first)))
    assert access.set_plan(USER, SOLUTION, "pro", second).paid_until == second
    entries = [item for item in granted.table.all() if item.get("event") == "plan_set"]
    assert sorted(entry.get("paid_until_before", "") for entry in entries) == ["", "2026-11-24T00:01:00Z"]


@pytest.mark.parametrize(("end", "status"), [("suspend", "suspended"), ("revoke", "revoked")])
def test_an_end_of_access_wins_over_a_rotation_before_each_of_its_attempts(
    granted: Marketplace, end: str, status: str
) -> None:
    token = granted.minting.mint(USER, SOLUTION)
    rotated: list[str] = []

    def rotate(_: Any) -> None:
        rotated.append(granted.minting.rotate(USER, SOLUTION))

    found = getattr(interrupted(granted, rotate), end)(USER, SOLUTION)
    assert rotated
    assert found.status == status
    for one in (token, *rotated):
        assert granted.decide(one) in ("entitlement_suspended", "entitlement_revoked", "token_superseded")


@pytest.mark.parametrize(("end", "status"), [("suspend", "suspended"), ("revoke", "revoked")])
def test_an_end_of_access_gets_through_where_no_transaction_does(granted: Marketplace, end: str, status: str) -> None:
    token = granted.minting.mint(USER, SOLUTION)
    with pytest.raises(Busy):
        interrupted(granted, held).set_plan(USER, SOLUTION, "registered")
    found = getattr(interrupted(granted, held), end)(USER, SOLUTION)
    assert found.status == status
    assert granted.decide(token) == f"entitlement_{status}"
    assert events(granted).count(status) == 1
    assert (granted.table.get(token_key(USER, SOLUTION)) is None) == (end == "revoke")
    if end == "revoke":
        assert "jti" not in (granted.table.get(entitlement_key(USER, SOLUTION)) or {})


@pytest.mark.parametrize("transactions", [lambda _: None, held])
def test_a_suspension_does_not_undo_a_revocation(
    granted: Marketplace, transactions: Callable[[list[dict[str, Any]]], None]
) -> None:
    revoke = once(lambda: granted.access.revoke(USER, SOLUTION))

    def before(actions: list[dict[str, Any]]) -> None:
        revoke(actions)
        transactions(actions)

    with pytest.raises(Refused, match="already revoked"):
        interrupted(granted, before).suspend(USER, SOLUTION, "chargeback")
    found = granted.access.find(USER, SOLUTION)
    assert found is not None
    assert (found.status, found.suspended_reason) == ("revoked", "")


def test_a_mint_that_a_revocation_overtakes_mints_nothing(granted: Marketplace) -> None:
    client = Interrupted(granted.table.client, once(lambda: granted.access.revoke(USER, SOLUTION)))
    granted.minting._repository = Repository(client, granted.table.name)
    with pytest.raises(Refused, match="grant it again"):
        granted.minting.mint(USER, SOLUTION)
    assert granted.table.get(token_key(USER, SOLUTION)) is None


def test_ends_of_access_get_through_while_others_rotate_and_spend(real_table: Table, moto_endpoint: str) -> None:
    """Four rotate and four spend without a pause; each of three rounds suspends, resumes, revokes and grants again."""
    market, done = Marketplace(real_table, moto_endpoint), threading.Event()
    market.access.grant(USER, SOLUTION, "pro")
    tokens = [market.minting.mint(USER, SOLUTION)]

    def rotate() -> None:
        while not done.is_set():
            try:
                tokens.append(market.minting.rotate(USER, SOLUTION))
            except (Refused, Busy):
                continue

    def spend() -> None:
        while not done.is_set():
            market.decide(tokens[-1])

    def patiently(change: Callable[[str, str], object]) -> None:
        while True:
            try:
                change(USER, SOLUTION)
            except Busy:  # a way back in may be
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        try:
            threads = [pool.submit(one) for one in (rotate, spend) * 4]
            for _ in range(3):
                assert market.access.suspend(USER, SOLUTION).status == "suspended"
                assert {market.decide(token) for token in tokens[-3:]} & {"ok"} == set()
                patiently(market.access.resume)
                assert market.access.revoke(USER, SOLUTION).status == "revoked"
                assert {market.decide(token) for token in tokens[-3:]} & {"ok"} == set()
                patiently(market.access.grant)
        finally:
            done.set()
        for thread in threads:
            thread.result()
    assert [events(market).count(event) for event in ("suspended", "revoked")] == [3, 3]


# ---- further actions of the same transaction ------------------------------------------------------------------------


def effect(number: int) -> Action:
    """As a payment's: it can be written once."""
    item = {"pk": f"razorpay#pay_{number}", "sk": "effect"}
    return "Put", {"Item": item_to_wire(item), "ConditionExpression": "attribute_not_exists(pk)"}


def effects(market: Marketplace) -> list[str]:
    return sorted(item["pk"] for item in market.table.all() if item["sk"] == "effect")


def joined(rule: Rule, number: int) -> Rule:
    def with_effect(current: Entitlement) -> Change | None:
        change = rule(current)
        return change and replace(change, also=(effect(number),))

    return with_effect


def credits(number: int) -> Rule:
    return joined(changes.add_credits(read_solution(config()), 5), number)


def test_a_change_and_what_joins_it_are_written_together_and_once(granted: Marketplace) -> None:
    granted.access.set_plan(USER, SOLUTION, "pack-100")
    for _ in range(2):
        with suppress(Busy):
            granted.access.change(USER, SOLUTION, credits(1))
    found = granted.access.find(USER, SOLUTION)
    assert found is not None
    assert (found.granted, effects(granted), events(granted).count("credits_added")) == (105, ["razorpay#pay_1"], 1)


def test_what_joins_a_change_is_written_once_however_many_are_faster(granted: Marketplace) -> None:
    granted.access.set_plan(USER, SOLUTION, "pack-100")
    others = [lambda n=n: granted.access.change(USER, SOLUTION, credits(n)) for n in range(3)]

    def before(_: Any) -> None:
        if others:
            others.pop()()

    found = interrupted(granted, before).change(USER, SOLUTION, credits(3))
    assert found.granted == 120
    assert effects(granted) == [f"razorpay#pay_{n}" for n in range(4)]


def test_one_effect_of_many_at_once_is_written_once(real_table: Table, moto_endpoint: str) -> None:
    granted = Marketplace(real_table, moto_endpoint)
    granted.access.grant(USER, SOLUTION)
    granted.access.set_plan(USER, SOLUTION, "pack-100")

    def apply(_: int) -> bool:
        try:
            granted.access.change(USER, SOLUTION, credits(1))
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(apply, range(8))) == 1
    found = granted.access.find(USER, SOLUTION)
    assert found is not None
    assert (found.granted, events(granted).count("credits_added")) == (105, 1)


def test_an_end_that_something_joins_is_not_written_without_it(granted: Marketplace) -> None:
    with pytest.raises(Busy):
        interrupted(granted, held).change(USER, SOLUTION, joined(changes.revoke, 1))
    assert effects(granted) == []
    found = granted.access.find(USER, SOLUTION)
    assert found is not None
    assert found.status == "active"
