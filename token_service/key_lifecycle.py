"""The life of a signing key: published, signing, verifying, and then retired or revoked. Pure: a ring in, a ring out.

A key that signs before a gate knows it, or is gone while tokens rest on it, would have good tokens refused. So a key is
published first, promoted once every gate has read the ring anew, and leaves the ring last. A wrong transition raises
`Refused` with the code `transition_wrong` and what to do instead.
"""

from typing import Final

from entitlements.directory import MAX_AGE
from entitlements.keyring import KeyRing, KeyState, SigningKey
from token_service.errors import Refused

SETTLING: Final = int(MAX_AGE) + 5
"""Seconds until every gate has a changed ring: their cache time, and what the clocks of two machines may differ."""


def require_none_published(ring: KeyRing) -> None:
    """Refuse a second key in waiting: which of the two `rotate` should promote would be a guess."""
    waiting = next((key for key in ring.keys if key.state is KeyState.PUBLISHED), None)
    if waiting is not None:
        raise _wrong(f"{waiting.kid} is published already: promote it, or retire it first")


def publish(ring: KeyRing, key: SigningKey, now: int) -> KeyRing:
    """Add a new key that verifies and does not sign yet."""
    require_none_published(ring)
    return ring.next_version((*ring.keys, key._replace(state=KeyState.PUBLISHED, since=now)))


def seconds_to_wait(key: SigningKey, now: int) -> int:
    """How long a published key has to wait until every gate knows it."""
    return max(0, key.since + SETTLING - now) if key.state is KeyState.PUBLISHED else 0


def promote(ring: KeyRing, kid: str, now: int, in_haste: bool = False) -> KeyRing:
    """Make a key the one that signs; the one before it goes on verifying. Also the way back to a key that verifies.

    `in_haste` promotes a key that gates may not know yet: they look for an unknown one at most every 5 s, and refuse
    its tokens till then.
    """
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} signs already")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is revoked for good: create another key")
    if not in_haste and (wait := seconds_to_wait(key, now)):
        raise _wrong(f"{kid} is published too short a time for every gate to know it: wait {wait} s, or --now")
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
    return Refused("transition_wrong", message)


def _find(ring: KeyRing, kid: str) -> SigningKey:
    key = ring.find(kid)
    if key is None:
        raise _wrong(f"there is no key {kid} in the ring: gatepass keys list shows them")
    return key


def _with(ring: KeyRing, *changed: SigningKey) -> KeyRing:
    by_kid = {key.kid: key for key in changed}
    return ring.next_version(tuple(by_kid.get(key.kid, key) for key in ring.keys))
