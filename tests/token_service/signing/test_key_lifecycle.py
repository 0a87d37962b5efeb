"""Transitions of a key as pure functions: which are taken, which are refused, and with what advice."""

import pytest

from entitlements.keyring import KeyRing, KeyState, PendingKey
from entitlements.refusals import Refused
from tests.support.signer import Signer, ring
from token_service.signing.key_lifecycle import (
    SETTLING,
    STORED_AFTER,
    promote,
    publish,
    replace_mac_key,
    retire,
    revoke,
)

NOW = 1_795_478_400
STOPPED = NOW + SETTLING
"""When the first key of `rotated` stopped signing."""
A, B, C = (Signer(name).key() for name in ("a", "b", "c"))


def states(key_ring: KeyRing) -> dict[str, str]:
    names = {A.kid: "a", B.kid: "b", C.kid: "c"}
    return {names[key.kid]: key.state.value for key in key_ring.keys}


def rotated() -> KeyRing:
    return promote(publish(ring(A), B, NOW), B.kid, STOPPED)


def test_a_whole_life() -> None:
    first = ring(A)
    published = publish(first, B, NOW)
    assert states(published) == {"a": "signing", "b": "published"}
    assert published.signing_key.kid == A.kid
    promoted = promote(published, B.kid, NOW + SETTLING)
    assert states(promoted) == {"a": "verifying", "b": "signing"}
    assert states(retire(promoted, A.kid, STOPPED + STORED_AFTER)) == {"b": "signing"}
    revoked = revoke(promoted, A.kid, "leaked", NOW + 99)
    assert states(revoked) == {"a": "revoked", "b": "signing"}
    assert (revoked.keys[0].reason, revoked.keys[0].since) == ("leaked", NOW + 99)
    assert [r.version for r in (first, published, promoted, revoked)] == [1, 2, 3, 4]


def test_the_table_keeps_all_of_it() -> None:
    revoked = revoke(rotated(), A.kid, 'leaked: "quoted"', NOW)
    again = KeyRing.from_document(revoked.to_document(), revoked.version)
    assert again.keys == revoked.keys


def test_a_key_that_verifies_can_sign_again() -> None:
    """The way back, should the new key fail: every gate knows it, so there is nothing to wait for."""
    assert states(promote(rotated(), A.kid, NOW + SETTLING)) == {"a": "signing", "b": "verifying"}


def test_the_jwk_set_holds_what_verifies_before_it_signs() -> None:
    assert [key["kid"] for key in publish(ring(A), B, NOW).jwks()["keys"]] == [A.kid, B.kid]
    assert [key["kid"] for key in revoke(rotated(), A.kid, "leaked", NOW).jwks()["keys"]] == [B.kid]


@pytest.mark.parametrize("waited", [0, SETTLING - 1])
def test_a_key_signs_only_once_every_gate_knows_it_unless_in_haste(waited: int) -> None:
    published = publish(ring(A), B, NOW)
    with pytest.raises(Refused, match=f"wait {SETTLING - waited} s or pass --now"):
        promote(published, B.kid, NOW + waited)
    assert states(promote(published, B.kid, NOW + waited, in_haste=True))["b"] == "signing"


@pytest.mark.parametrize("waited", [0, STORED_AFTER - 1])
def test_a_key_is_retired_only_once_the_last_tokens_that_it_signed_are_stored_unless_forced(waited: int) -> None:
    with pytest.raises(
        Refused, match=f"until a moment ago.*: wait {STORED_AFTER - waited} s or pass --force"
    ) as caught:
        retire(rotated(), A.kid, STOPPED + waited)
    assert caught.value.code == "transition_wrong"
    assert states(retire(rotated(), A.kid, STOPPED + waited, force=True)) == {"b": "signing"}
    assert states(retire(rotated(), A.kid, STOPPED + STORED_AFTER)) == {"b": "signing"}


def test_a_key_that_never_signed_is_retired_at_once() -> None:
    assert states(retire(publish(ring(A), B, NOW), B.kid, NOW)) == {"a": "signing"}


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (lambda: publish(publish(ring(A), B, NOW), C, NOW), "promote it, or retire it first"),
        (lambda: promote(rotated(), B.kid, NOW), "is already the signing key"),
        (lambda: promote(revoke(rotated(), A.kid, "x", NOW), A.kid, NOW), "create another key"),
        (lambda: promote(rotated(), C.kid, NOW), "keys list shows them"),
        (lambda: retire(rotated(), B.kid, STOPPED), "promote another first"),
        (lambda: retire(revoke(rotated(), A.kid, "x", NOW), A.kid, STOPPED), "cannot be added again"),
        (lambda: retire(rotated(), C.kid, STOPPED), "keys list shows them"),
        (lambda: revoke(rotated(), B.kid, "x", NOW), "keys rotate --now first"),
        (lambda: revoke(revoke(rotated(), A.kid, "why", NOW), A.kid, "x", NOW), "already revoked: why"),
        (lambda: revoke(rotated(), C.kid, "x", NOW), "keys list shows them"),
    ],
)
def test_a_wrong_transition_says_what_to_do_instead(change: object, advice: str) -> None:
    with pytest.raises(Refused, match=advice) as caught:
        change()  # type: ignore[operator]
    assert caught.value.code == "transition_wrong"


def test_exactly_one_key_signs_whatever_is_tried() -> None:
    for change in (
        lambda r: publish(r, C, NOW),
        lambda r: promote(r, A.kid, NOW),
        lambda r: retire(r, A.kid, STOPPED, force=True),
    ):
        assert sum(key.state is KeyState.SIGNING for key in change(rotated()).keys) == 1


def test_the_key_that_hashes_addresses_survives_every_replacement_of_the_mac_key() -> None:
    first = KeyRing("t", (A,), "mac-1", b"a" * 32)
    assert (first.email_key_id, first.email_key) == ("", "mac-1")
    assert "email_key_id" not in first.to_document()
    same = first.next_version(first.keys, "mac-1")
    assert (same.email_key_id, same.email_key) == ("", "mac-1")
    second = first.next_version(first.keys, "mac-2")
    third = publish(second.next_version(second.keys, "mac-3"), B, NOW)
    again = KeyRing.from_document(third.to_document(), third.version)
    assert (again.mac_key_id, again.email_key_id, again.email_key) == ("mac-3", "mac-1", "mac-1")


@pytest.mark.parametrize(
    ("age", "waited", "left"), [(0, SETTLING, 235), (0, 299, 1), (240, 0, SETTLING), (290, 10, 55)]
)
def test_a_key_signs_only_once_kms_lets_its_users_use_it(age: int, waited: int, left: int) -> None:
    published = publish(ring(A), B._replace(created_at=NOW - age), NOW)
    with pytest.raises(Refused, match=f"wait {left} s or pass --now"):
        promote(published, B.kid, NOW + waited)
    assert states(promote(published, B.kid, NOW + waited + left))["b"] == "signing"


def test_what_is_pending_stays_so_until_it_is_in_use() -> None:
    pending = {"signing": PendingKey("arn:b", NOW), "mac": PendingKey("arn:m", NOW)}
    first = KeyRing("t", (A,), "mac-1", b"a" * 32, pending=pending)
    again = KeyRing.from_document(first.to_document(), 1)
    promoted = promote(publish(again, B, NOW), B.kid, NOW + SETTLING)
    assert again.pending == {**promoted.pending, "signing": pending["signing"]}
    assert publish(again, B, NOW).pending == {"mac": pending["mac"]}
    with pytest.raises(Refused, match="wait 1 s or pass --now"):
        replace_mac_key(again, NOW + 299)
    replaced = replace_mac_key(again, NOW + 300)
    assert (replaced.mac_key_id, replaced.email_key, replaced.pending) == (
        "arn:m",
        "mac-1",
        {"signing": pending["signing"]},
    )
    assert replace_mac_key(again, NOW, in_haste=True).mac_key_id == "arn:m"
    for bare in (ring(A), ring(A).next_version((A,), pending={"mac": PendingKey("", NOW)})):
        with pytest.raises(Refused, match="no new MAC key yet"):
            replace_mac_key(bare, NOW + 300)


def test_a_key_is_published_once() -> None:
    with pytest.raises(Refused, match="in the ring already"):
        publish(rotated(), A, NOW)
