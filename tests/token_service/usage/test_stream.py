"""What records mean: levels of counters, and which of them are a start."""

from typing import Any

import pytest

from entitlements.items import entitlement_key, token_key, visitor_key
from tests.support.events import stream
from tests.support.signer import SOLUTION, USER
from token_service.usage.stream import Level, Malformed, StreamRecord, levels


def told(*arguments: Any) -> list[tuple[str, str, int, bool]]:
    found = levels(StreamRecord.read(stream(*arguments)), lambda _, plan, until, at: "lapsed" if until else plan)
    return [(one.day, one.plan, one.used, one.baseline) for one in found]


HELD = entitlement_key(USER, SOLUTION)
VISITED = visitor_key("hash", SOLUTION)
PRO: dict[str, Any] = {"plan": "pro"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            (HELD, "MODIFY", PRO | {"d20261123": 3}, PRO | {"d20261123": 5}),
            [("20261123", "pro", 3, False), ("20261123", "pro", 5, False)],
            id="a request",
        ),
        pytest.param(
            (HELD, "MODIFY", {"plan": "registered", "d20261123": 3}, PRO | {"d20261123": 3}), [], id="another plan"
        ),
        pytest.param(
            (HELD, "MODIFY", PRO | {"d20261122": 7}, PRO | {"d20261122": 7, "d20261123": 1}),
            [("20261122", "pro", 7, False), ("20261123", "pro", 1, False)],
            id="the first request of a day tells of the day before again",
        ),
        pytest.param(
            (HELD, "MODIFY", PRO | {"d20261122": 7, "d20261123": 1}, PRO | {"d20261122": 8, "d20261123": 1}),
            [("20261122", "pro", 7, False), ("20261122", "pro", 8, False)],
            id="a late request of the day before",
        ),
        pytest.param(
            (HELD, "INSERT", None, PRO | {"d20261123": 4, "total": 9}), [("20261123", "pro", 4, True)], id="an import"
        ),
        pytest.param((HELD, "INSERT", None, PRO | {"total": 0}), [], id="a registration"),
        pytest.param((HELD, "REMOVE", PRO | {"d20261123": 4}, None), [], id="deleted"),
        pytest.param(
            (HELD, "MODIFY", PRO, PRO | {"paid_until": 1, "d20261123": 1}),
            [("20261123", "lapsed", 1, False)],
            id="a plan that had lapsed",
        ),
        pytest.param((HELD, "MODIFY", PRO, PRO | {"m202611": 4, "h2026112301": 4, "total": 4}), [], id="other windows"),
        pytest.param((HELD, "MODIFY", PRO, PRO | {"d20261123": "1.5", "disabled": 3}), [], id="what is no counter"),
        pytest.param(
            (VISITED, "INSERT", None, {"d20261123": 1, "total": 1}),
            [("20261123", "anonymous", 1, False)],
            id="a visitor's first request",
        ),
    ],
)
def test_levels(arguments: Any, expected: list[tuple[str, str, int, bool]]) -> None:
    assert told(*arguments) == expected


def test_a_level_names_its_subject() -> None:
    record = StreamRecord.read(stream(VISITED, "INSERT", None, {"d20261123": 2}))
    assert list(levels(record, lambda *_: "")) == [Level("hash", True, SOLUTION, "20261123", "anonymous", 2)]


def test_kinds() -> None:
    kinds = {
        key: StreamRecord.read(stream(key, "INSERT", None, {})).kind
        for key in (HELD, VISITED, token_key(USER, SOLUTION))
    }
    assert list(kinds.values()) == ["entitlement", "visitor", ""]


@pytest.mark.parametrize(
    "record", [{}, {"dynamodb": None}, {"dynamodb": {"Keys": {"pk": {"S": "a"}}}}, {"dynamodb": []}]
)
def test_a_record_of_another_shape_is_malformed(record: Any) -> None:
    with pytest.raises(Malformed):
        StreamRecord.read(record)
