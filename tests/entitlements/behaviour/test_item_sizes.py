"""An item that the gate writes stays below 1 KB: a decision costs one write unit.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html: a write unit is up to 1 KB.
"""

import dataclasses
from typing import Any

import pytest

from entitlements import base64url
from entitlements.decision import Holder, Subject, Visitor
from entitlements.identifiers import PLAN_NAME, SOLUTION_ID
from entitlements.items import Item, item_to_wire
from entitlements.mapping_reader import MAX_COUNT
from entitlements.solution import Solution, read_solution
from entitlements.spend import REQUEST_ID_BYTES, SLOTS, spend
from entitlements.windows import LIMITABLE, STALE_COUNTERS_KEPT, WINDOWS, windows_at
from gatepass.commands.entitlement_lines import LAST_SECOND, MOST
from tests.support.signer import USER
from tests.support.table import Table, config
from token_service.access.records import Entitlement, new_generation, timestamp

NOW = 1_795_478_400
LONGEST = "z" * 63
KEY_ARN = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-" + "0" * 32
SHA_256 = base64url.encode(b"\xff" * 32)

LARGEST: dict[str, Any] = {
    "user_id": USER,
    "solution_id": LONGEST,
    "status": "active",
    "plan": LONGEST,
    "generation": new_generation(),
    "jti": SHA_256,
    "mac_key_id": KEY_ARN,
    "total": MOST,
    "granted": MOST,
    "paid_until": LAST_SECOND,
    "payments_revision": MOST,
    "created_at": timestamp(NOW),
    # What only a suspended or a closed entitlement has: the gate never writes to one.
    "suspended_reason": "",
    "closed_as": "",
}


def counters() -> dict[str, int]:
    """Every window and the one just past; as many stale ones as are kept, and those that the next request adds."""
    windows = windows_at(NOW, "UTC")
    open_ = [window for window in windows.open.values() if window.resets_at]
    longest = max((window.last for window in open_), key=len)
    stale = [f"{longest[0]}{int(longest[1:]) - 1 - n}" for n in range(STALE_COUNTERS_KEPT + len(WINDOWS))]
    assert windows.stale(stale) == sorted(stale)
    return dict.fromkeys([*stale, *(name for window in open_ for name in (window.last, window.counter))], MOST)


SLOTS_TAKEN = {f"r{n}": base64url.encode(bytes([n]) * REQUEST_ID_BYTES) for n in range(SLOTS)}


def largest_solution() -> Solution:
    """Every window is limited, as high as it goes."""
    limits = {"limits": dict.fromkeys(LIMITABLE, MAX_COUNT)}
    plans = {"anonymous": limits, LONGEST: limits, "pack": {"credits": MAX_COUNT, **limits}}
    return read_solution(config(solution_id=LONGEST, plans=plans, default_plan=LONGEST, costs={}))


def holder() -> tuple[Subject, Item]:
    subject = Holder(USER, SHA_256)
    entitlement = Entitlement(**LARGEST, counters=counters())
    return subject, subject.key(LONGEST)._asdict() | entitlement.to_item() | SLOTS_TAKEN


def visitor() -> tuple[Subject, Item]:
    subject = Visitor(SHA_256)
    item = subject.key(LONGEST)._asdict() | counters() | SLOTS_TAKEN
    return subject, item | {"total": MAX_COUNT, "expires_at": LAST_SECOND}


def size(item: Item) -> int:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html, rounded up."""
    total = 0
    for name, value in item.items():
        assert type(value) in (str, int), name
        total += len(name) + (len(value.encode()) if isinstance(value, str) else (len(str(value)) + 1) // 2 + 2)
    return total


def test_every_attribute_of_an_entitlement_is_counted_as_large_as_it_gets() -> None:
    fields = {field.name for field in dataclasses.fields(Entitlement)}
    assert fields - {"counters"} == set(LARGEST)
    assert PLAN_NAME.fullmatch(LONGEST)
    assert not PLAN_NAME.fullmatch(LONGEST + "z")
    assert SOLUTION_ID.fullmatch(LONGEST)
    assert not SOLUTION_ID.fullmatch(LONGEST + "z")


@pytest.mark.parametrize("largest", [holder, visitor])
def test_the_largest_item_that_the_gate_writes_is_below_1_kb(largest: Any) -> None:
    assert size(largest()[1]) < 1_024


@pytest.mark.parametrize("largest", [holder, visitor])
def test_the_write_of_the_largest_item_costs_one_unit(real_table: Table, largest: Any) -> None:
    subject, item = largest()
    # Room for one more, so that the write is carried out.
    item |= dict.fromkeys([w.counter for w in windows_at(NOW, "UTC").open.values()], MAX_COUNT - 1)
    real_table.client.put_item(TableName=real_table.name, Item=item_to_wire(item))
    request = spend(subject, largest_solution(), windows_at(NOW, "UTC"), 1, NOW, b"\xff" * REQUEST_ID_BYTES)
    answer = real_table.client.update_item(TableName=real_table.name, ReturnConsumedCapacity="TOTAL", **request)
    assert answer["Attributes"]["total"] == {"N": str(MAX_COUNT)}
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_a_larger_item_would_cost_more(real_table: Table) -> None:
    """That the emulator counts at all."""
    subject, item = holder()
    item |= dict.fromkeys([w.counter for w in windows_at(NOW, "UTC").open.values()], 1) | {"note": "x" * 1_024}
    real_table.client.put_item(TableName=real_table.name, Item=item_to_wire(item))
    request = spend(subject, largest_solution(), windows_at(NOW, "UTC"), 1, NOW, b"\xff" * REQUEST_ID_BYTES)
    answer = real_table.client.update_item(TableName=real_table.name, ReturnConsumedCapacity="TOTAL", **request)
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2.0
