"""Signatures that were verified once hold as long as the key ring does, and not a request longer."""

import pytest

from entitlements import es256
from entitlements.gate import Gate, Request
from entitlements.keyring import KeyState
from entitlements.token import Claims, parse
from entitlements.verified import MAX_TOKENS, VerifiedTokens
from tests.support.signer import SOLUTION, USER, Signer, ring
from tests.support.table import Table

TOKEN = Signer().token()
NOW = 1_795_478_400.0
CLAIMS = Claims(USER, SOLUTION, "jti", 0, "kid")


class Counted:
    """A gate, and how often it verified a signature."""

    def __init__(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate, self.verified = Gate(table.store), 0
        verify = es256.verify

        def count(*arguments: object) -> bool:
            self.verified += 1
            return verify(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(es256, "verify", count)

    def __call__(self, token: str = TOKEN, now: float = NOW, solution_id: str = SOLUTION) -> str:
        request = Request("POST", "/search", authorization=(f"Bearer {token}",))
        return self.gate.decide(solution_id, request, now).reason.value


@pytest.fixture
def counted(table: Table, monkeypatch: pytest.MonkeyPatch) -> Counted:
    table.seed(plan="pro")
    return Counted(table, monkeypatch)


def test_a_token_is_verified_once_also_across_refreshes_of_an_unchanged_ring(counted: Counted) -> None:
    assert [counted(now=NOW + 61 * n) for n in range(3)] == ["ok"] * 3
    assert counted.verified == 1


def test_a_changed_ring_begins_with_none_and_a_revoked_key_is_seen(table: Table, counted: Counted) -> None:
    assert counted() == "ok"
    table.put_ring(ring(Signer("new").key(), Signer().key(KeyState.VERIFYING)))
    assert counted(now=NOW + 60) == "ok"
    assert counted.verified == 2
    table.put_ring(ring(Signer("new").key(), Signer().key(KeyState.REVOKED)))
    assert counted(now=NOW + 120) == "key_revoked"


def test_what_the_table_says_is_asked_every_time(table: Table, counted: Counted) -> None:
    assert counted() == "ok"
    table.put_entitlement(jti="newer")
    assert counted() == "token_superseded"


def test_a_known_token_is_still_for_its_own_solution_only(table: Table, counted: Counted) -> None:
    table.put("solution#other", "config", document=_other(table))
    assert counted() == "ok"
    assert counted(solution_id="other") == "solution_mismatch"


def _other(table: Table) -> str:
    return table.put_solution().to_document().replace(f'"{SOLUTION}"', '"other"')


def test_a_bad_token_is_never_remembered(counted: Counted) -> None:
    bad = Signer("another").token(kid=Signer().key().kid)
    assert [counted(bad), counted(bad)] == ["signature_invalid"] * 2
    assert counted.verified == 2


def test_the_one_longest_unused_makes_room() -> None:
    tokens, current = VerifiedTokens(), ring()
    for n in range(MAX_TOKENS):
        tokens.add(str(n), current, CLAIMS)
    assert tokens.find("0") is not None
    tokens.add("one more", current, CLAIMS)
    assert tokens.find("1") is None
    assert tokens.find("0") is not None
    assert tokens.find("one more") is not None


def test_no_token_is_kept_in_memory_itself() -> None:
    tokens = VerifiedTokens()
    tokens.add(TOKEN, ring(), CLAIMS)
    secret = parse(TOKEN)
    assert secret is not None
    assert TOKEN[:47] not in repr(vars(tokens))
    assert repr(secret.secret) not in repr(vars(tokens))
