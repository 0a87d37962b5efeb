"""Who holds a leaked signing key, and no secret, learns nothing from how long a refusal takes.

Times are not measured: a token that names the stored `jti` and one that names any other take the same steps of Python, call
for call, up to a comparison in constant time, and neither reaches the table.
"""

import ast
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from entitlements import base64url
from entitlements.gate import Gate, Request
from entitlements.reasons import Reason
from entitlements.token import jti_of
from tests.support.emulators import ROOT
from tests.support.signer import ISSUED_AT, ISSUER, SOLUTION, USER, Signer, secret_of
from tests.support.table import Table

STORED = jti_of(secret_of())
HEADER = {"alg": "ES256", "kid": Signer().key().kid, "typ": "gp+jwt"}


def forged(jti: str) -> str:
    payload = {"iss": ISSUER, "sub": USER, "aud": SOLUTION, "jti": jti, "iat": ISSUED_AT}
    return Signer().forge(HEADER, payload, b"\7" * 32)


def steps(act: Callable[[], object]) -> list[tuple[str, int]]:
    """Every instruction of the core that is executed, by module and offset."""
    taken: list[tuple[str, int]] = []

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if "/entitlements/" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            taken.append((frame.f_code.co_name, frame.f_lasti))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return taken


@pytest.mark.parametrize(
    "other",
    [
        ("A" if STORED[0] != "A" else "B") + STORED[1:],
        STORED[:-1] + ("A" if STORED[-1] != "A" else "E"),
        base64url.encode(bytes(32)),
        jti_of(b"another secret"),
    ],
)
def test_the_stored_jti_is_refused_by_the_same_steps_as_any_other(real_table: Table, other: str) -> None:
    real_table.seed()
    gate = Gate(real_table.store)
    warm = Request("POST", "/search", authorization=(f"Bearer {Signer().token()}",))
    assert gate.decide(SOLUTION, warm, ISSUED_AT).reason is Reason.OK
    taken = []
    for jti in (STORED, other):
        request = Request("POST", "/search", authorization=(f"Bearer {forged(jti)}",))
        real_table.calls.clear()
        taken.append(steps(lambda request=request: gate.decide(SOLUTION, request, ISSUED_AT)))  # type: ignore[misc]
        assert gate.decide(SOLUTION, request, ISSUED_AT).reason is Reason.SIGNATURE_INVALID
        assert real_table.calls == []
    assert len(taken[0]) > 100
    assert taken[0] == taken[1]


def test_secrets_are_compared_in_constant_time_alone() -> None:
    """In the token: every comparison that a secret or its `jti` is part of."""
    tree = ast.parse((ROOT / "entitlements/token.py").read_text())
    compared = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert [text for text in compared if "secret" in text or "jti" in text] == []
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls.count("hmac.compare_digest") == 1
