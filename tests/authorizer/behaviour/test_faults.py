"""Between the gate and DynamoDB everything breaks: it never opens, never hangs, and counts a request once."""

import itertools
import os
import random
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authorizer.answers import AccessNotDecided
from authorizer.credentials import Credentials
from authorizer.dynamodb import ATTEMPTS, DynamoDB
from authorizer.handler import make_handler
from entitlements import base64url
from entitlements.gate import Gate
from entitlements.items import Key, entitlement_key
from entitlements.spend import SLOTS
from tests.support import emulators
from tests.support.emulators import free_port
from tests.support.events import http_2
from tests.support.faulty import HELD_SECONDS, Fault, Faulty, faulty
from tests.support.signer import SOLUTION, USER, Signer
from tests.support.table import API, Table

NOW = 1_795_478_400.0
LIMIT = 10
EVENT = http_2(Signer().token())
VISIT = http_2(None)


class HurriedDynamoDB(DynamoDB):
    """The gate's client, which waits for an answer for little more than half its time."""

    answer_seconds = HELD_SECONDS * 0.75
    call_seconds = answer_seconds * DynamoDB.call_seconds / DynamoDB.answer_seconds


class Place:
    """A gate, the broken network behind it, and the table."""

    def __init__(self, network: Faulty, table: Table) -> None:
        self.network, self.table = network, table
        self.lines: list[str] = []
        self.handle = self.gate()

    def gate(self, random_bytes: Callable[[int], bytes] = os.urandom) -> Callable[[Any, Any], dict[str, Any]]:
        """A handler that knows its configuration, which the faults are not to strike, and has no connection."""
        credentials = Credentials("testing", "testing")
        self.store = HurriedDynamoDB(self.table.name, "us-east-1", self.network.url, lambda: credentials, None)
        gate = Gate(self.store, random_bytes)
        gate.directory.api(API, NOW), gate.directory.solution(SOLUTION, NOW), gate.directory.ring(NOW)
        while self.store._idle:
            self.store._idle.pop().close()
        self.network.applied, self.network.sent = [], 0
        return make_handler(gate, lambda: NOW, self.lines.append)

    def ask(self, event: object = EVENT) -> bool | None:
        """Whether the request passed; None if it was answered with 500."""
        began = time.monotonic()
        try:
            return bool(self.handle(event, None)["isAuthorized"])
        except AccessNotDecided:
            return None
        finally:
            # A busy machine adds to it, but a call that nothing bounds would take as long as the network holds it up.
            assert time.monotonic() - began < HurriedDynamoDB.call_seconds + 1

    @property
    def count(self) -> int:
        item = self.table.get(entitlement_key(USER, SOLUTION))
        assert item is not None
        return int(item.get("total", 0))


@pytest.fixture(scope="module")
def network(dynamodb_local_endpoint: str) -> Iterator[Faulty]:
    with faulty(dynamodb_local_endpoint) as running:
        yield running


@pytest.fixture(scope="module")
def module_table(dynamodb_local_endpoint: str) -> Table:
    table = Table(emulators.client("dynamodb", dynamodb_local_endpoint), f"t-{secrets.token_hex(6)}")
    table.seed()
    return table


@pytest.fixture
def place(network: Faulty, module_table: Table) -> Place:
    network.reset()
    module_table.put_entitlement()
    return Place(network, module_table)


def one_after_another(faults: list[Fault]) -> Iterator[Fault]:
    yield from faults
    yield from itertools.repeat(Fault.NONE)


ONCE: dict[Fault, bool | None] = dict.fromkeys(Fault, True) | {
    Fault.EXPIRED: None,
    Fault.DENIED: None,
    Fault.NOT_FOUND: None,
}
"""What a fault that strikes once does to a request: a repetition succeeds, except where it cannot help."""


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
def test_a_fault_that_strikes_once_costs_no_request_and_counts_none_twice(
    place: Place, fault: Fault, kept: bool
) -> None:
    if kept:
        assert place.ask() is True
    assert len(place.store._idle) == kept
    before, faults = place.count, one_after_another([fault])
    place.network.next_fault = lambda: next(faults)
    assert place.ask() is ONCE[fault]
    place.network.settle()
    assert place.count - before == (0 if ONCE[fault] is None else 1)
    assert place.ask() is True
    assert place.count - before == (1 if ONCE[fault] is None else 2)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.NONE, Fault.SLOW)],
                         ids=lambda fault: fault.value)  # fmt: skip
def test_a_fault_that_lasts_refuses_in_time_and_says_so(place: Place, fault: Fault) -> None:
    place.network.next_fault = lambda: fault
    assert place.ask() is None
    assert '"reason":"store_unavailable"' in place.lines[-1]
    assert place.network.sent <= ATTEMPTS + 1
    place.network.settle()
    assert place.count == (1 if fault.applies else 0)


def test_the_last_unit_is_granted_also_when_its_answer_was_lost(place: Place) -> None:
    """The repetition finds the quota spent, by itself."""
    place.table.put_entitlement(total=9, d20261124=LIMIT - 1)
    faults = one_after_another([Fault.RESET_AFTER])
    place.network.next_fault = lambda: next(faults)
    assert place.ask() is True
    assert place.ask() is False
    assert place.count == LIMIT


def test_a_token_that_was_revoked_after_its_lost_write_is_refused(place: Place) -> None:
    place.network.after_applied = lambda: place.table.put_entitlement(
        status="suspended", total=1, r7=base64url.encode(b"\x07" * 6)
    )
    place.handle = place.gate(lambda n: b"\x07" * n)
    faults = one_after_another([Fault.RESET_AFTER])
    place.network.next_fault = faults.__next__
    assert place.ask() is False
    assert '"reason":"entitlement_suspended"' in place.lines[-1]


def test_a_slot_that_another_request_took_is_what_a_request_can_be_counted_again_by(place: Place) -> None:
    """The bound: once more for each repetition, and only then. Nothing is granted by it."""
    ids = iter([b"\x01-mine", b"\x01other"])
    place.handle = place.gate(lambda _: next(ids))
    faults = one_after_another([Fault.RESET_AFTER])
    place.network.next_fault = faults.__next__
    applied = iter([lambda: place.ask()])
    place.network.after_applied = lambda: next(applied, lambda: None)()
    assert place.ask() is True
    mine, other = base64url.encode(b"\x01-mine"), base64url.encode(b"\x01other")
    assert place.network.applied == [mine, other, mine]
    assert place.count == 3


def test_a_name_that_does_not_resolve_and_a_port_that_is_closed_refuse_in_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.store._address = (b"127.0.0.1", free_port())
    assert place.ask() is None
    assert "ConnectionRefusedError" in place.lines[-1]

    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert place.ask() is None
    assert "gaierror" in place.lines[-1]
    assert place.count == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.2, 0.6]), event=st.sampled_from([EVENT, VISIT]))
def test_any_faults_in_any_order_count_every_request_that_was_applied_once(
    place: Place, seed: int, share: float, event: object
) -> None:
    rng, network = random.Random(seed), place.network
    network.reset()
    place.table.put_entitlement()
    for item in place.table.all():
        if item["pk"].startswith("ip#"):
            place.table.client.delete_item(TableName=place.table.name, Key=Key.of(item).wire)
    place.handle = place.gate()
    quick = [fault for fault in Fault if "hang" not in fault.value and fault is not Fault.LATE]
    network.next_fault = lambda: rng.choice(quick) if rng.random() < share else Fault.NONE
    limit, kind = (LIMIT, "user#") if event is EVENT else (3, "ip#")
    answers = [place.ask(event) for _ in range(limit + 5)]
    counted = sum(item.get("total", 0) for item in place.table.all() if item["pk"].startswith(kind))
    writes = [request_id for request_id in network.applied if request_id]  # not the reads
    assert answers.count(True) <= counted == len(writes) == len(set(writes)) <= limit
    assert counted <= answers.count(True) + answers.count(None)


def test_requests_at_once_over_a_broken_network_never_exceed_the_quota(place: Place) -> None:
    """Many of one user take each other's slots: what is counted again had its slot taken in between."""
    place.table.put_solution(plans={"registered": {"limits": {"day": 60}}})
    place.handle = place.gate()
    rng = random.Random(7)
    faults = [Fault.RESET_AFTER, Fault.CLOSED_AFTER, Fault.ERROR_AFTER, Fault.ERROR_BEFORE, Fault.CHECKSUM_AFTER]
    place.network.next_fault = lambda: rng.choice(faults) if rng.random() < 0.3 else Fault.NONE
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: place.ask(), range(120)))
    place.table.put_solution()
    writes = [base64url.decode(request_id) for request_id in place.network.applied if request_id]  # not the reads
    assert place.count == len(writes) == 60
    assert answers.count(True) <= len(set(writes))
    assert max(Counter(writes).values()) <= ATTEMPTS + 1
    last: dict[bytes, int] = {}
    for at, request_id in enumerate(writes):
        if request_id in last:
            assert any(other[0] % SLOTS == request_id[0] % SLOTS for other in writes[last[request_id] + 1 : at])
        last[request_id] = at


def test_what_is_held_up_is_held_up_for_longer_than_a_client_waits() -> None:
    assert HurriedDynamoDB.answer_seconds < HELD_SECONDS
