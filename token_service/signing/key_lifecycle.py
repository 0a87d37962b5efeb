"""The life of a signing key: published, signing, verifying, and then retired or revoked. Pure: a ring in, a ring out.

A key that signs before a gate knows it, or is gone while tokens rest on it, would have good tokens refused. So a key is
published first, promoted once every gate has read the ring anew, and leaves the ring last. A wrong transition raises
`Refused` with the code `transition_wrong` and what to do instead.
"""

from collections.abc import Mapping
from typing import Final

from entitlements.directory import MAX_AGE
from entitlements.keyring import KeyRing, KeyState, PendingKey, SigningKey
from entitlements.refusals import Code, Refused

SIGNING: Final = "signing"
MAC: Final = "mac"
"""What a pending key is for: names of the stored ring."""
SETTLING: Final = int(MAX_AGE) + 5
"""Seconds until every gate has a changed ring: their cache time, and what the clocks of two machines may differ."""


AUTHORIZED_AFTER: Final = 300
"""Seconds until the roles, which know their keys by the stack's tag, may use a new one: "It might take up to five
minutes for tag and alias changes to affect KMS key authorization"
(https://docs.aws.amazon.com/kms/latest/developerguide/abac.html).
"""


def require_none_published(ring: KeyRing) -> None:
    """Refuse a second key in waiting: which of the two `rotate` should promote would be a guess."""
    waiting = next((key for key in ring.keys if key.state is KeyState.PUBLISHED), None)
    if waiting is not None:
        raise _wrong(f"{waiting.kid} is published already: promote it, or retire it first")


def publish(ring: KeyRing, key: SigningKey, now: int) -> KeyRing:
    """Add a new key that verifies and does not sign yet."""
    require_none_published(ring)
    if ring.find(key.kid):
        raise _wrong(f"{key.kid} is in the ring already")
    keys = (*ring.keys, key._replace(state=KeyState.PUBLISHED, since=now))
    return ring.next_version(keys, pending=_without(ring.pending, SIGNING))


def seconds_to_wait(key: SigningKey, now: int) -> int:
    """How long a published key has to wait until every gate knows it and KMS lets the token service sign with it."""
    if key.state is not KeyState.PUBLISHED:
        return 0
    return max(0, key.since + SETTLING - now, unauthorized_for(key.created_at, now))


def unauthorized_for(created_at: int, now: int) -> int:
    """For how many seconds KMS may still refuse the use of a key by its tag."""
    return max(0, created_at + AUTHORIZED_AFTER - now)


def replace_mac_key(ring: KeyRing, now: int, in_haste: bool = False) -> KeyRing:
    """Derive the secrets of new generations from the pending MAC key.

    `in_haste` does so before KMS is sure to let the token service use it: until then nobody gets a new token.
    """
    made = ring.pending.get(MAC)
    if made is None or not made.kms_key_id:
        raise _wrong("there is no new MAC key yet: gatepass keys replace-mac makes it")
    if not in_haste and (wait := unauthorized_for(made.since, now)):
        raise _wrong(f"{made.kms_key_id} was made too recently for KMS to allow its use: wait {wait} s or pass --now")
    return ring.next_version(ring.keys, made.kms_key_id, _without(ring.pending, MAC))


def _without(pending: Mapping[str, PendingKey], kind: str) -> dict[str, PendingKey]:
    return {name: key for name, key in pending.items() if name != kind}


def promote(ring: KeyRing, kid: str, now: int, in_haste: bool = False) -> KeyRing:
    """Make a key the one that signs; the one before it goes on verifying. Also the way back to a key that verifies.

    `in_haste` promotes a key that gates may not know yet: they look for an unknown one at most every 5 s, and refuse
    its tokens till then. KMS may refuse it too: until it does not, users get the tokens that they have.
    """
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} signs already")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is revoked for good: create another key")
    if not in_haste and (wait := seconds_to_wait(key, now)):
        raise _wrong(f"{kid} was made or published too recently: wait {wait} s or pass --now")
    return _with(ring, ring.signing_key._replace(state=KeyState.VERIFYING, since=now),
                 key._replace(state=KeyState.SIGNING, since=now))  # fmt: skip


def retire(ring: KeyRing, kid: str) -> KeyRing:
    """Take a key out of the ring. Whether live tokens rest on it is for the caller to know."""
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} is the key that signs: promote another first (gatepass keys rotate)")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is revoked, and stays in the ring so that it never comes back")
    return ring.next_version(tuple(k for k in ring.keys if k.kid != kid))


def revoke(ring: KeyRing, kid: str, reason: str, now: int) -> KeyRing:
    """Refuse a key from now on."""
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} is the key that signs: gatepass keys rotate --now first, then revoke it")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is revoked already: {key.reason}")
    return _with(ring, key._replace(state=KeyState.REVOKED, since=now, reason=reason))


def _wrong(message: str) -> Refused:
    return Refused(Code.TRANSITION_WRONG, message)


def _find(ring: KeyRing, kid: str) -> SigningKey:
    key = ring.find(kid)
    if key is None:
        raise _wrong(f"there is no key {kid} in the ring: gatepass keys list shows them")
    return key


def _with(ring: KeyRing, *changed: SigningKey) -> KeyRing:
    by_kid = {key.kid: key for key in changed}
    return ring.next_version(tuple(by_kid.get(key.kid, key) for key in ring.keys))
