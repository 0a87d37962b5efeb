"""The suite's solutions, users, and tokens, written to a table of an emulator by a test-only key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from entitlements.solution import Solution, read_solution
from entitlements.token import jti_of
from tests.conformance.model import TokenKind
from tests.support.signer import Signer, secret_of
from tests.support.table import Table

USERS = {kind: f"00000000-0000-4000-8000-0000000001{number:02d}" for number, kind in enumerate(TokenKind)}


def solution(name: str = "solution") -> Solution:
    """A solution of this folder."""
    return read_solution(yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text()))


def seed(table: Table, *api_ids: str) -> Mapping[TokenKind, str]:
    """Write what the gate needs for these APIs; the tokens."""
    ours, other = solution(), solution("other-solution")
    table.put_ring()
    for one in (ours, other):
        table.put_solution(one)
    for api_id in api_ids:
        table.put(f"api#{api_id}", "config", solution_id=ours.solution_id)
    name = ours.solution_id
    changes: dict[TokenKind, dict[str, Any]] = {
        TokenKind.GOOD: {"plan": "tester"},
        TokenKind.SUPERSEDED: {"plan": "tester", "jti": jti_of(b"a newer token")},
        TokenKind.SPENT: {"plan": "once", "total": 1},
    }
    for kind, values in changes.items():
        table.put_entitlement(USERS[kind], name, **{"jti": jti_of(secret_of(USERS[kind], name))} | values)
    other_user = USERS[TokenKind.OTHER]
    table.put_entitlement(
        other_user, other.solution_id, plan="tester", jti=jti_of(secret_of(other_user, other.solution_id))
    )
    tokens = {kind: Signer().token(USERS[kind], name) for kind in changes}
    return tokens | {TokenKind.OTHER: Signer().token(other_user, other.solution_id)}
