"""Sequences of key events, age of the token and age of what the gate remembers, each with the decision that must come.

Times are seconds from the moment that the new key is published; the gate has read the ring at `gate_read`, and has not
looked since unless its cache time is over.
"""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.keyring import KeyRing, PendingKey
from entitlements.refusals import Refused
from entitlements.token import parse
from gatepass.local.gateway import Api, Authorizer, LocalGateway, Mock, Route
from tests.support.market import START, Marketplace, bearer, kms_keys
from tests.support.signer import SOLUTION, USER, Signer, ring
from tests.support.table import API, Table
from token_service.signing.key_lifecycle import (
    AUTHORIZED_AFTER,
    SETTLING,
    SIGNING,
    STORED_AFTER,
    promote,
    publish,
    retire,
    revoke,
)
from token_service.signing.rotation import rotate

OLD, NEW = Signer("old"), Signer("new")
PUBLISH = (0, lambda r: publish(r, NEW.key(), START))


def at(when: int, change: Callable[[KeyRing], KeyRing]) -> tuple[int, Callable[[KeyRing], KeyRing]]:
    return when, change


def promoted(when: int, in_haste: bool = False) -> Any:
    return when, lambda r: promote(r, NEW.key().kid, START + when, in_haste)


def rolled_back(when: int) -> Any:
    return when, lambda r: promote(r, OLD.key().kid, START + when)


def revoked(when: int, signer: Signer = OLD) -> Any:
    return when, lambda r: revoke(r, signer.key().kid, "leaked", START + when)


def retired(when: int, signer: Signer = OLD) -> Any:
    return when, lambda r: retire(r, signer.key().kid, START + when)


@dataclass(frozen=True)
class Case:
    events: tuple[Any, ...]
    token: Signer
    gate_read: int
    request: int
    decision: str
    resign: bool = False


ROTATED = (PUBLISH, promoted(SETTLING))
CASES = {
    "before anything, an old token": Case((PUBLISH,), OLD, -30, -1, "ok"),
    "published, an old token at a gate that has not heard of it": Case((PUBLISH,), OLD, -1, 10, "ok"),
    "published, an old token at a gate that has": Case((PUBLISH,), OLD, 5, 10, "ok"),
    "promoted, a new token at a gate that read last just before the publication":
        Case(ROTATED, NEW, -1, SETTLING, "ok"),
    "promoted, a new token at a gate that read last just after it": Case(ROTATED, NEW, 1, SETTLING, "ok"),
    "promoted, a new token at a cold gate": Case(ROTATED, NEW, SETTLING, SETTLING, "ok"),
    "promoted, an old token at a gate that thinks it still signs": Case(ROTATED, OLD, 60, SETTLING + 1, "ok"),
    "promoted, an old token at a gate that knows better": Case(ROTATED, OLD, SETTLING, SETTLING + 1, "ok", resign=True),
    "promoted, an old token a year later": Case(ROTATED, OLD, SETTLING, 31_536_000, "ok", resign=True),
    "promoted in haste, a new token at a gate that read 2 s ago": Case((PUBLISH, promoted(0, True)), NEW, -1, 1, "key_unknown"),
    "promoted in haste, a new token at a gate that read 5 s ago": Case((PUBLISH, promoted(0, True)), NEW, -4, 1, "ok"),
    "promoted in haste, an old token at a gate that read 2 s ago": Case((PUBLISH, promoted(0, True)), OLD, -1, 1, "ok"),
    "rolled back, a new token": Case((*ROTATED, rolled_back(90)), NEW, 91, 92, "ok", resign=True),
    "rolled back, a new token at a gate that has not heard of it": Case((*ROTATED, rolled_back(90)), NEW, 89, 92, "ok"),
    "rolled back, an old token": Case((*ROTATED, rolled_back(90)), OLD, 91, 92, "ok"),
    "old key revoked, an old token 59 s later at a gate that read just before":
        Case((*ROTATED, revoked(100)), OLD, 100, 159, "key_revoked"),
    "old key revoked, a gate that read a second before it, within the cache time":
        Case((*ROTATED, revoked(100)), OLD, 99, 158, "ok", resign=True),
    "old key revoked, a gate that read a second before it, after the cache time":
        Case((*ROTATED, revoked(100)), OLD, 99, 159, "key_revoked"),
    "old key revoked, a new token": Case((*ROTATED, revoked(100)), NEW, 101, 102, "ok"),
    "new key revoked before it ever signed, an old token": Case((PUBLISH, revoked(10, NEW)), OLD, 11, 12, "ok"),
    "old key retired, an old token at a gate that remembers it": Case((*ROTATED, retired(100)), OLD, 99, 101, "ok", resign=True),
    "old key retired, an old token at a gate that has read since": Case((*ROTATED, retired(100)), OLD, 101, 102, "key_unknown"),
    "old key retired, a new token": Case((*ROTATED, retired(100)), NEW, 101, 102, "ok"),
    "published key retired unused, an old token": Case((PUBLISH, retired(10, NEW)), OLD, 11, 12, "ok"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_decision_of_each_sequence(table: Table, name: str) -> None:
    case, key_ring, gate = CASES[name], ring(OLD.key()), Gate(table.store)
    table.seed(plan="pro")
    steps = [*case.events, (case.gate_read, None)]
    table.put_ring(key_ring)
    # At the same second the ring changes first.
    for when, change in sorted(steps, key=lambda step: (step[0], step[1] is None)):
        if change is None:
            gate.decide(SOLUTION, bearer(OLD.token()), START + when)
        elif when <= case.request:
            key_ring = change(key_ring)
            table.put_ring(key_ring)
    decision = gate.decide(SOLUTION, bearer(case.token.token()), START + case.request)
    assert (decision.reason.value, decision.resign) == (case.decision, case.resign)


event = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 300)),
    st.tuples(st.sampled_from(["rotate", "create", "promote", "mint", "refresh"]), st.just(0)),
    st.tuples(st.just("replace_mac"), st.integers(0, 1)),
    st.tuples(st.sampled_from(["retire", "revoke"]), st.integers(0, 2)),
    st.tuples(st.just("request"), st.integers(0, 1)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(event, min_size=6, max_size=25))
def test_no_sequence_locks_out_a_user_whose_token_was_good(market: Marketplace, events: list[tuple[str, int]]) -> None:
    """A request passes, or its key was retired or revoked and one renewal by the token alone lets it pass."""
    market.access.grant(USER, SOLUTION, "pro")
    token, gone = market.minting.mint(USER, SOLUTION), set()
    for name, number in events:
        keys = market.keys.ring().keys
        key = keys[number % len(keys)]
        try:
            if name == "wait":
                market.now += number
            elif name == "rotate":
                market.rotate()
            elif name == "create":
                market.keys.create()
            elif name == "promote":
                market.keys.promote(keys[-1].kid)
            elif name == "retire":
                market.keys.retire(key.kid, force=True)
                gone.add(key.kid)
            elif name == "revoke":
                market.keys.revoke(key.kid, "a test")
                gone.add(key.kid)
            elif name == "replace_mac":
                market.keys.replace_mac_key(in_haste=bool(number))
            elif name == "mint":
                assert parse(market.minting.mint(USER, SOLUTION)).secret == parse(token).secret  # type: ignore[union-attr]
            elif name == "refresh":
                token = market.refresh(token)
        except Refused as refused:
            if refused.code != "transition_wrong":
                raise
        if name == "request":
            reason = market.decide(token, number)
            if reason != "ok":
                parsed = parse(token)
                assert parsed is not None
                assert parsed.kid in gone
                assert reason in ("key_unknown", "key_revoked")
                token = market.refresh(token)
                assert market.decide(token, number) == "ok"


def test_a_token_keeps_its_secret_through_every_renewal(market: Marketplace) -> None:
    market.access.grant(USER, SOLUTION)
    first = market.minting.mint(USER, SOLUTION)
    market.rotate()
    renewed = market.refresh(first)
    assert renewed != first
    assert renewed.partition(".")[0] == first.partition(".")[0]
    assert market.minting.mint(USER, SOLUTION) == market.refresh(first) == market.refresh(renewed) == renewed
    assert market.decide(first) == market.decide(renewed) == "ok"


def test_only_the_current_secret_renews(market: Marketplace) -> None:
    market.access.grant(USER, SOLUTION)
    old = market.minting.mint(USER, SOLUTION)
    new = market.minting.rotate(USER, SOLUTION)
    jws = new.partition(".")[2]
    thief = Signer("thief").token(issuer="gatepass-test")
    for bad in (old, f"{old.partition('.')[0]}.{jws}", thief, Signer().token(issuer="gatepass-test")):
        with pytest.raises(Refused) as caught:
            market.refresh(bad)
        assert caught.value.code == "token_superseded"
    with pytest.raises(Refused) as caught:
        market.refresh(Signer().token(issuer="another"))
    assert caught.value.code == "issuer_mismatch"
    market.access.suspend(USER, SOLUTION)
    with pytest.raises(Refused) as caught:
        market.refresh(new)
    assert caught.value.code == "entitlement_suspended"
    market.access.revoke(USER, SOLUTION)
    with pytest.raises(Refused) as caught:
        market.refresh(new)
    assert caught.value.code == "token_superseded"


def test_the_key_that_secrets_are_derived_from_can_be_replaced(market: Marketplace) -> None:
    market.access.grant(USER, SOLUTION)
    token = market.minting.mint(USER, SOLUTION)
    before = market.keys.ring().mac_key_id
    after = market.keys.make_mac_key().kms_key_id
    with pytest.raises(Refused, match="wait 300 s or pass --now"):
        market.keys.replace_mac_key()
    assert market.keys.ring().mac_key_id == before
    market.now += AUTHORIZED_AFTER
    assert market.keys.replace_mac_key().mac_key_id == after
    assert market.minting.mint(USER, SOLUTION) == token
    assert market.keys.secrets_by_mac_key() == {before: 1}
    rotated = market.minting.rotate(USER, SOLUTION)
    assert market.minting.mint(USER, SOLUTION) == rotated
    assert market.keys.secrets_by_mac_key() == {after: 1}
    market.access.revoke(USER, SOLUTION)
    market.access.grant(USER, SOLUTION)
    assert market.decide(market.minting.mint(USER, SOLUTION)) == "ok"
    assert market.keys.secrets_by_mac_key() == {after: 1}


def test_a_key_is_retired_only_when_no_live_token_rests_on_it(market: Marketplace) -> None:
    market.access.grant(USER, SOLUTION)
    token = market.minting.mint(USER, SOLUTION)
    old = market.keys.ring().signing_key.kid
    market.rotate()
    with pytest.raises(Refused, match=f"wait {STORED_AFTER} s or pass --force"):
        market.keys.retire(old)
    market.now += STORED_AFTER
    with pytest.raises(Refused, match="1 live tokens were signed by"):
        market.keys.retire(old)
    market.refresh(token)
    assert market.keys.tokens_by_key()[old] == 0
    market.keys.retire(old)
    assert market.keys.ring().find(old) is None


def test_a_token_that_is_signed_before_a_promotion_and_stored_after_it_keeps_its_key(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mint has read the ring, so it signs with the old key; until it has stored the token, no count finds it."""
    market.access.grant(USER, SOLUTION)
    old, new = market.keys.ring().signing_key.kid, market.keys.create().kid
    market.now += AUTHORIZED_AFTER
    sign = market.minting._kms.sign

    def sign_while_an_operator_rotates(key_id: str, message: bytes) -> bytes:
        market.keys.promote(new)
        market.now += STORED_AFTER - 6
        assert market.keys.tokens_by_key()[old] == 0
        with pytest.raises(Refused, match="wait 6 s or pass --force"):
            market.keys.retire(old)
        return sign(key_id, message)

    monkeypatch.setattr(market.minting._kms, "sign", sign_while_an_operator_rotates)
    token = market.minting.mint(USER, SOLUTION)
    market.now += 6
    with pytest.raises(Refused, match="1 live tokens were signed by"):
        market.keys.retire(old)
    assert market.decide(token) == "ok"


def test_a_key_that_signed_again_while_its_tokens_were_counted_is_not_retired(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.access.grant(USER, SOLUTION)
    old = market.keys.ring().signing_key.kid
    market.rotate()
    new = market.keys.ring().signing_key.kid
    market.now += STORED_AFTER
    scan = market.keys._repository.scan_consistently

    def scan_while_another_operator_goes_back(prefixes: Any) -> Any:
        found = list(scan(prefixes))
        market.keys.promote(old)
        market.minting.mint(USER, SOLUTION)
        market.now += STORED_AFTER
        market.keys.promote(new)
        market.now += STORED_AFTER
        return found

    monkeypatch.setattr(market.keys._repository, "scan_consistently", scan_while_another_operator_goes_back)
    with pytest.raises(Refused) as caught:
        market.keys.retire(old)
    assert caught.value.code == "keyring_changed"
    assert market.decide(market.minting.mint(USER, SOLUTION)) == "ok"


def test_two_operators_at_once_cannot_corrupt_the_ring(real_table: Table, moto_endpoint: str) -> None:
    market = Marketplace(real_table, moto_endpoint)
    barrier = threading.Barrier(6)

    def create(_: int) -> str:
        barrier.wait()
        try:
            return market.keys.create().kid
        except Refused as refused:
            if refused.code not in ("keyring_changed", "transition_wrong", "key_announced"):
                raise
            return ""

    before = kms_keys(moto_endpoint)
    with ThreadPoolExecutor(6) as pool:
        created = [kid for kid in pool.map(create, range(6)) if kid]
    key_ring = market.keys.ring()
    assert [key.kid for key in key_ring.keys[1:]] == created
    # Announced, made and published: by one of them, and in KMS nobody else has made anything.
    assert (len(created), key_ring.version) == (1, 4)
    assert kms_keys(moto_endpoint) - before == {key_ring.keys[1].kms_key_id}


def test_every_change_leaves_an_audit_entry(market: Marketplace) -> None:
    old = market.keys.ring().signing_key.kid
    market.rotate()
    market.keys.revoke(old, "leaked in a log")
    entries = [item for item in market.table.all() if item["pk"] == "keyring" and item["sk"].startswith("audit#")]
    assert sorted(entry["event"] for entry in entries) == [
        "key_announced",
        "key_made",
        "key_promoted",
        "key_published",
        "key_revoked",
    ]
    assert {entry["actor"] for entry in entries} == {"operator"}
    assert [entry["reason"] for entry in entries if "reason" in entry] == ["leaked in a log"]


@pytest.mark.parametrize("reason", ["", " ", "x" * 201])
def test_a_key_is_revoked_for_a_reason(market: Marketplace, reason: str) -> None:
    with pytest.raises(Refused, match="--reason"):
        market.keys.revoke(market.keys.ring().signing_key.kid, reason)


HASTE = 60
"""How much faster than the world's the clock of the next test runs."""


def test_no_good_request_is_refused_while_keys_rotate_under_load(real_table: Table, moto_endpoint: str) -> None:
    """Through the local gateway: four users send without a pause, and renew now and then, over two whole rotations."""
    market, began = Marketplace(real_table, moto_endpoint), time.monotonic()
    clock = lambda: START + (time.monotonic() - began) * HASTE  # noqa: E731
    market.clock = clock  # type: ignore[method-assign]
    market.keys._clock = market.minting._clock = clock
    handler = make_handler(Gate(real_table.store), clock, lambda _: None)
    api = Api(API, "REST", (Route("POST", "/search", Mock(200), Authorizer(handler)),))
    users = [f"00000000-0000-4000-8000-{n:012d}" for n in range(4)]
    for user in users:
        market.access.grant(user, SOLUTION, "pro")
    done = threading.Event()

    def use(user: str) -> list[int]:
        token, seen = market.minting.mint(user, SOLUTION), list[int]()
        while not done.is_set():
            if len(seen) % 10 == 9:
                token = market.refresh(token)
            request = urllib.request.Request(f"{gateway.url}/search", b"{}", {"Authorization": f"Bearer {token}"})
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    seen.append(response.status)
            except urllib.error.HTTPError as error:
                seen.append(error.code)
        return seen

    with LocalGateway(api) as gateway, ThreadPoolExecutor(4) as pool:
        seen = [pool.submit(use, user) for user in users]
        kids = set()
        for _ in range(2):
            key = market.keys.create()
            time.sleep((AUTHORIZED_AFTER + 1) / HASTE)
            market.keys.promote(key.kid)
            kids.add(key.kid)
            time.sleep(1)
        done.set()
        statuses = [status for future in seen for status in future.result()]
    assert len(statuses) > 100
    assert set(statuses) == {200}
    assert set(market.keys.tokens_by_key()) <= kids


def rotation(market: Marketplace, wait: Callable[[int], object]) -> list[str]:
    """What a rotation tells; `wait` is what happens meanwhile."""
    told: list[str] = []
    rotate(market.keys, market.clock, wait, told.append)
    return told


def test_of_two_rotations_at_once_the_later_one_finds_the_first_one_s_work_done(market: Marketplace) -> None:
    before = market.keys.ring().signing_kid

    def wait(seconds: int) -> None:
        market.now += seconds
        rotate(market.keys, market.clock, lambda _: None, lambda _: None)

    told = rotation(market, wait)
    after = market.keys.ring().signing_kid
    assert after != before
    assert told[-1] == f"another run promoted {after}"
    assert len(market.keys.ring().keys) == 2


def test_a_rotation_waits_for_the_key_that_another_run_is_making(market: Marketplace) -> None:
    made: list[str] = []

    def publish(seconds: int) -> None:
        market.now += seconds
        if not made:
            market.now += AUTHORIZED_AFTER  # the one that announced it never came back
            made.append(market.keys.create().kid)

    market.keys.set_pending(SIGNING, None, PendingKey("", int(market.now)))
    told = rotation(market, publish)
    assert told[0] == "another run is making a key: waiting for it"
    assert market.keys.ring().signing_kid == made[0]
