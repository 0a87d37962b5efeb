"""Minting and changes of access on a real table, with moto's KMS: one token, no way back, an audit entry for each."""

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from entitlements.gate import Gate, Request
from entitlements.items import entitlement_key, token_key
from entitlements.keyring import KeyRing
from entitlements.refusals import Refused
from entitlements.token import parse
from entitlements.windows import windows_at
from tests.support import emulators
from tests.support.proxy import Answer, proxy
from tests.support.signer import SOLUTION, USER, secret_of
from tests.support.table import Table
from token_service.access.grants import Access
from token_service.access.minting import Minting
from token_service.access.records import Entitlement
from token_service.errors import Busy, Throttled
from token_service.repository import Repository
from token_service.signing.kms import Kms
from token_service.usage.entries import changes

NOW = 1_795_478_400.0


class Service:
    def __init__(self, table: Table, kms_endpoint: str) -> None:
        self.table = table
        self.kms = Kms(emulators.client("kms", kms_endpoint))
        signing_key = self.kms.signing_key(self.kms.create_signing_key("test"), int(NOW))
        table.put_ring(KeyRing("gatepass-test", (signing_key,), self.kms.create_mac_key("test"), b"a" * 32))
        table.put_solution()
        repository = Repository(table.client, table.name)
        self.access = Access(repository, lambda: NOW, "operator")
        self.minting = Minting(repository, self.kms, lambda: NOW, "operator")

    def reason(self, token: str) -> str:
        request = Request("POST", "/search", authorization=(f"Bearer {token}",))
        return Gate(self.table.store).decide(SOLUTION, request, NOW).reason.value

    def events(self) -> list[str]:
        entries = [item for item in self.table.all() if item["sk"].startswith("audit#")]
        return sorted(item["event"] for item in entries)


@pytest.fixture
def service(table: Table, moto_endpoint: str) -> Service:
    return Service(table, moto_endpoint)


def test_minting_twice_gives_the_very_same_token(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    token = service.minting.mint(USER, SOLUTION)
    assert service.minting.mint(USER, SOLUTION) == token
    assert service.reason(token) == "ok"
    assert service.events() == ["granted", "token_minted"]


def test_concurrent_mints_end_in_one_token(real_table: Table, moto_endpoint: str) -> None:
    service = Service(real_table, moto_endpoint)
    service.access.grant(USER, SOLUTION)
    barrier = threading.Barrier(6)

    def mint(_: int) -> str:
        barrier.wait()
        return service.minting.mint(USER, SOLUTION)

    with ThreadPoolExecutor(6) as pool:
        tokens = set(pool.map(mint, range(6)))
    assert len(tokens) == 1
    assert service.reason(tokens.pop()) == "ok"
    assert service.events() == ["granted", "token_minted"]


def test_concurrent_grants_end_in_one_entitlement(real_table: Table, moto_endpoint: str) -> None:
    service = Service(real_table, moto_endpoint)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: service.access.grant(USER, SOLUTION), range(6)))
    assert len({entitlement.generation for entitlement in found}) == 1
    assert service.events() == ["granted"]


def test_nothing_is_minted_without_an_entitlement(service: Service) -> None:
    with pytest.raises(Refused, match="grant it first"):
        service.minting.mint(USER, SOLUTION)


def test_rotating_ends_the_old_token_and_keeps_plan_and_counters(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    old = service.minting.mint(USER, SOLUTION)
    for _ in range(10):
        assert service.reason(old) == "ok"
    new = service.minting.rotate(USER, SOLUTION)
    assert new != old
    assert service.minting.mint(USER, SOLUTION) == new
    assert service.reason(old) == "token_superseded"
    assert service.reason(new) == "quota_exceeded"


def test_nothing_revives_a_revoked_token(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    token = service.minting.mint(USER, SOLUTION)
    service.access.revoke(USER, SOLUTION)
    assert service.reason(token) == "entitlement_revoked"
    with pytest.raises(Refused, match="grant it again"):
        service.minting.mint(USER, SOLUTION)
    service.access.grant(USER, SOLUTION)
    assert service.reason(token) == "token_superseded"
    assert service.minting.mint(USER, SOLUTION) != token
    assert service.events() == ["granted", "granted", "revoked", "token_minted", "token_minted"]


def test_only_what_is_granted_again_says_so(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    service.access.revoke(USER, SOLUTION)
    service.access.grant(USER, SOLUTION)
    granted = [item for item in service.table.all() if item.get("event") == "granted"]
    assert sorted(changes(item, None).get("registrations", 0) for item in granted) == [0, 1]


def test_revoking_and_granting_again_gives_no_second_quota(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    token = service.minting.mint(USER, SOLUTION)
    for _ in range(10):
        service.reason(token)
    service.access.revoke(USER, SOLUTION)
    service.access.grant(USER, SOLUTION)
    assert service.reason(service.minting.mint(USER, SOLUTION)) == "quota_exceeded"


def test_a_suspension_ends_as_it_began(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    token = service.minting.mint(USER, SOLUTION)
    service.access.suspend(USER, SOLUTION)
    assert service.reason(token) == "entitlement_suspended"
    with pytest.raises(Refused, match="resume"):
        service.minting.mint(USER, SOLUTION)
    with pytest.raises(Refused, match="resume"):
        service.access.grant(USER, SOLUTION)
    service.access.resume(USER, SOLUTION)
    assert service.reason(token) == "ok"


def test_an_upgrade_needs_no_new_token(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    token = service.minting.mint(USER, SOLUTION)
    assert [service.reason(token) for _ in range(11)][-1] == "quota_exceeded"
    service.access.set_plan(USER, SOLUTION, "pro")
    assert service.reason(token) == "ok"


def test_credits_count_from_what_was_used_before(service: Service) -> None:
    service.table.put_entitlement(total=250, plan="pro")
    assert service.access.set_plan(USER, SOLUTION, "pack-100").granted == 350
    assert service.access.set_plan(USER, SOLUTION, "pack-100").granted == 350


def test_added_credits_count_from_what_was_used_before_and_each_time(service: Service) -> None:
    service.table.put_entitlement(total=250, granted=100, plan="pack-100")
    assert service.access.add_credits(USER, SOLUTION, 5).granted == 255
    assert service.access.add_credits(USER, SOLUTION, 5).granted == 260
    assert service.events() == ["credits_added", "credits_added"]


def test_concurrent_purchases_all_count_while_credits_are_used(real_table: Table, moto_endpoint: str) -> None:
    service = Service(real_table, moto_endpoint)
    service.access.grant(USER, SOLUTION, "pack-100")
    token = service.minting.mint(USER, SOLUTION)

    def buy(_: int) -> None:
        while True:
            try:
                service.access.add_credits(USER, SOLUTION, 10)
            except Busy:  # nothing was written
                continue
            return

    with ThreadPoolExecutor(5) as pool:
        bought = pool.map(buy, range(4))
        passed = sum(service.reason(token) == "ok" for _ in range(60))
        list(bought)
    found = service.access.find(USER, SOLUTION)
    assert found is not None
    assert (found.granted, found.total) == (140, passed)
    assert service.events().count("credits_added") == 4


def test_credits_are_for_prepaid_plans_alone(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    with pytest.raises(Refused, match=r"is not prepaid: set a prepaid plan first \(set-plan\): pack-100"):
        service.access.add_credits(USER, SOLUTION, 5)
    service.access.set_plan(USER, SOLUTION, "pack-100")
    service.access.revoke(USER, SOLUTION)
    with pytest.raises(Refused, match="grant it again"):
        service.access.add_credits(USER, SOLUTION, 5)


def test_a_plan_paid_until_some_time_lapses_into_the_default_plan(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    token = service.minting.mint(USER, SOLUTION)
    service.access.set_plan(USER, SOLUTION, "pro", int(NOW) + 60)
    gate, request = Gate(service.table.store), Request("POST", "/search", authorization=(f"Bearer {token}",))
    before, after = (gate.decide(SOLUTION, request, NOW + seconds) for seconds in (59, 60))
    assert (before.plan, before.limit, after.plan, after.limit) == ("pro", None, "registered", 10)
    service.access.set_plan(USER, SOLUTION, "pro")
    assert gate.decide(SOLUTION, request, NOW + 60).plan == "pro"


def test_a_plan_is_paid_for_time_to_come_alone(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    for until in (int(NOW), int(NOW) - 1, 0):
        with pytest.raises(Refused, match="is in the past"):
            service.access.set_plan(USER, SOLUTION, "pro", until)
    for plan in ("registered", "pack-100"):
        with pytest.raises(Refused, match="does not lapse"):
            service.access.set_plan(USER, SOLUTION, plan, int(NOW) + 60)
    assert service.events() == ["granted"]


def test_taking_a_lapse_away_gives_no_second_pack(service: Service) -> None:
    """A plan may have become prepaid in its solution's configuration, under those who had paid until some time."""
    service.table.put_entitlement(plan="pack-100", granted=100, paid_until=int(NOW) + 60)
    found = service.access.set_plan(USER, SOLUTION, "pack-100")
    assert (found.granted, found.paid_until) == (100, None)


def test_the_reason_of_a_suspension_can_change_and_ends_with_it(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    for reason in ("chargeback", "chargeback", "", "fraud"):
        service.access.suspend(USER, SOLUTION, reason)
    found = service.access.find(USER, SOLUTION)
    assert found is not None
    assert found.suspended_reason == "fraud"
    assert service.access.resume(USER, SOLUTION).suspended_reason == ""
    service.access.suspend(USER, SOLUTION, "again")
    assert service.access.revoke(USER, SOLUTION).suspended_reason == ""
    assert service.events() == ["granted", "resumed", "revoked", "suspended", "suspended", "suspended"]
    with pytest.raises(Refused, match="must be one line"):
        service.access.suspend(USER, SOLUTION, "x" * 201)


def test_who_moves_in_gets_counters_and_a_token_of_this_table(service: Service) -> None:
    day = windows_at(NOW, "UTC").open["day"].counter
    moved = Entitlement(USER, SOLUTION, "active", "registered", "", total=10, counters={day: 9})
    assert service.access.move_in(moved) is True
    assert service.access.move_in(moved) is False
    found = service.access.find(USER, SOLUTION)
    assert found is not None
    assert found == replace(moved, generation=found.generation, created_at="2026-11-24T00:00:00.000Z")
    assert len(found.generation) == 22
    token = service.minting.mint(USER, SOLUTION)
    assert [service.reason(token) for _ in range(2)] == ["ok", "quota_exceeded"]
    assert service.events() == ["imported", "token_minted"]


@pytest.mark.parametrize("plan", ["anonymous", "gone"])
def test_only_a_plan_for_users_can_be_set(service: Service, plan: str) -> None:
    with pytest.raises(Refused, match="registered, pro, pack-100"):
        service.access.grant(USER, SOLUTION, plan)


def test_a_change_that_changes_nothing_leaves_no_trace(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    service.access.grant(USER, SOLUTION)
    service.access.resume(USER, SOLUTION)
    service.access.set_plan(USER, SOLUTION, "registered")
    assert service.events() == ["granted"]


def test_no_secret_is_stored_anywhere(service: Service) -> None:
    service.access.grant(USER, SOLUTION)
    parsed = parse(service.minting.mint(USER, SOLUTION))
    assert parsed is not None
    stored = repr(service.table.all())
    assert parsed.secret.hex() not in stored
    assert service.minting.mint(USER, SOLUTION).split(".")[0].removeprefix("gp1_") not in stored
    assert parsed.jws in stored
    assert secret_of().hex() not in stored


def test_the_index_holds_entitlements_and_nothing_else(service: Service) -> None:
    users = sorted(str(uuid.UUID(int=n)) for n in range(1, 4))
    for user in users:
        service.access.grant(user, SOLUTION)
        service.minting.mint(user, SOLUTION)
    assert sorted(e.user_id for e in service.access.of_solution(SOLUTION)) == users
    assert sorted(e.user_id for e in service.access.everything()) == users


def test_what_a_batch_left_out_is_asked_for_again(table: Table) -> None:
    keys = [entitlement_key(str(uuid.UUID(int=n)), SOLUTION) for n in range(3)]
    for key in (keys[0], keys[2]):
        table.put(*key)
    left_out = 2

    def answer(_: str, forward: Callable[[], Answer]) -> Answer:
        nonlocal left_out
        left_out -= 1
        if left_out < 0:
            return forward()
        unprocessed = {table.name: {"Keys": [key.wire for key in keys], "ConsistentRead": True}}
        return 200, json.dumps({"Responses": {table.name: []}, "UnprocessedKeys": unprocessed}).encode()

    with proxy(table.client.meta.endpoint_url) as between:
        between.on_call = answer
        repository = Repository(emulators.client("dynamodb", between.url), table.name, sleep=lambda _: None)
        assert [item["pk"] for item in repository.get_many(keys)] == [keys[0].pk, keys[2].pk]
        left_out = 99
        with pytest.raises(Throttled):
            list(repository.get_many(keys))


def test_changes_and_requests_at_once_lose_nothing(real_table: Table, moto_endpoint: str) -> None:
    """Transactions of the control plane collide with the gate's writes on the same item; both must get through."""
    service = Service(real_table, moto_endpoint)
    service.access.grant(USER, SOLUTION, "pro")
    token = service.minting.mint(USER, SOLUTION)
    gate = Gate(real_table.store)
    request = Request("POST", "/search", authorization=(f"Bearer {token}",))

    def use(_: int) -> int:
        return sum(gate.decide(SOLUTION, request, NOW).allowed for _ in range(40))

    with ThreadPoolExecutor(4) as pool:
        used = pool.map(use, range(3))
        for _ in range(5):
            service.access.set_plan(USER, SOLUTION, "registered")
            service.access.set_plan(USER, SOLUTION, "pro")
        passed = sum(used)
    item = real_table.get(entitlement_key(USER, SOLUTION)) or {}
    assert item["total"] == passed
    assert real_table.get(token_key(USER, SOLUTION)) is not None
