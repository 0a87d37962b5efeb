"""Each line of an import: what it may hold, and how its faults are told."""

import json
from typing import Any

import pytest

from entitlements.solution import Solution, read_solution
from gatepass.commands.entitlement_lines import BadLine, read_line
from tests.gatepass.commands.conftest import NOW, line
from tests.support.signer import SOLUTION, USER
from tests.support.table import config

SOLUTIONS: dict[str, Solution] = {SOLUTION: read_solution(config())}


def faults(text: str) -> dict[str, str]:
    with pytest.raises(BadLine) as caught:
        read_line(text, SOLUTIONS.get, NOW)
    return caught.value.faults


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("user_id", None, "is missing"),
        ("user_id", 7, "must be a string"),
        ("user_id", "jane@example.com", "must be the Cognito sub"),
        ("user_id", USER.upper(), "must be the Cognito sub"),
        ("solution_id", None, "is missing"),
        ("solution_id", "UPPER", "must be 2 to 63"),
        ("solution_id", "other", "there is no solution other"),
        ("status", None, "is missing"),
        ("status", "Active", "must be active, suspended or revoked"),
        ("plan", None, "is missing"),
        ("plan", "gold", "has no plan gold for users; it has registered, pro, pack-100"),
        ("plan", "\x1b[31m", "has no such plan"),
        ("plan", "anonymous", "has no plan anonymous for users"),
        ("total", -1, "must be a whole number"),
        ("total", True, "must be a whole number"),
        ("total", 3.0, "must be a whole number"),
        ("total", "3", "must be a whole number"),
        ("total", 10**16, "must be a whole number"),
        ("granted", float("nan"), "must be a whole number"),
        ("d20261123", 1.5, "must be a whole number"),
        ("d20261123", -1, "must be a whole number"),
        ("d20261131", 1, "there is no such day"),
        ("m202613", 1, "there is no such month"),
        ("h2026112324", 1, "there is no such hour"),
        ("h2026112401", 1, "is in the future"),
        ("d20261126", 1, "is in the future"),
        ("m202612", 1, "is in the future"),
        ("paid_until", 1_795_478_400_000, "in seconds since the epoch"),
        ("paid_until", "2026-11-24", "in seconds since the epoch"),
        ("created_at", "yesterday", "must be a time such as"),
        ("created_at", 5, "must be a time such as"),
        ("created_at", "0001-01-01T00:00:00", "must be a time such as"),
        ("suspended_reason", "late", "is allowed only with the status suspended"),
        ("email", "jane@example.com", "is not a key of an entitlement"),
        ("generation", "x", "is not a key of an entitlement"),
        ("d2026112", 1, "is not a key of an entitlement"),
        ("h20261123", 1, "is not a key of an entitlement"),
        ("d\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0663", 1, "is not a key of an entitlement"),
    ],
)  # fmt: skip
def test_each_fault_is_named_by_its_key_and_repeats_no_address(key: str, value: Any, told: str) -> None:
    named = faults(json.dumps(line(1) | {key: value} if value is not None else line(1, **{key: None})))
    assert list(named) == [key if key.isascii() else ascii(key)]
    assert told in next(iter(named.values()))
    assert "jane" not in repr(named)


def test_a_line_s_other_faults() -> None:
    assert faults("[]") == {"(line)": "must be a JSON object"}
    assert faults("[" * 100_000) == {"(line)": "is not JSON"}
    assert faults("9" * 5_000) == {"(line)": "is not JSON"}
    assert faults('{"plan": 1, "plan": 2}') == {"plan": "is repeated"}
    assert faults(json.dumps(line(1, plan="pack-100"))) == {"granted": "is missing: the plan pack-100 is prepaid"}
    assert list(faults(json.dumps(line(1) | {"\x1b[2J": 1, "": 2, "k" * 99: 3}))) == [
        "'\\x1b[2J'",
        "''",
        f"'{'k' * 40}'",
    ]
    for reason in ("x" * 201, "two\nlines", "\ud800", 7):
        assert "suspended_reason" in faults(json.dumps(line(1, status="suspended", suspended_reason=reason)))
    assert set(faults("{}")) == {"user_id", "solution_id", "status", "plan"}


def test_only_counters_that_still_count_are_kept() -> None:
    """Of any time zone: at this moment it is the 24th in UTC, may be the 23rd in the West, and the 25th tomorrow."""
    counters = {
        "h2026112322": 8,
        "h2026112323": 9,
        "h2026112400": 10,
        "d20261122": 1,
        "d20261123": 2,
        "d20261124": 3,
        "d20261125": 4,
        "m202609": 5,
        "m202610": 6,
        "m202611": 7,
    }
    read = read_line(json.dumps(line(1) | counters), SOLUTIONS.get, NOW)
    assert read.counters == {
        "h2026112323": 9,
        "h2026112400": 10,
        "d20261123": 2,
        "d20261124": 3,
        "d20261125": 4,
        "m202610": 6,
        "m202611": 7,
    }
