"""The life cycle of a signing key: published, signing, verifying, then retired or revoked. Pure: a ring in, a ring out.

Gates would refuse valid tokens if a key signed before they know it, or were removed while tokens still need it. So a
key is published first, promoted once every gate has refreshed the ring, and removed last. An invalid transition raises
`Refused` with the code `transition_wrong` and says what to do instead.
"""

from collections.abc import Mapping
from typing import Final

from entitlements.directory import MAX_AGE
from entitlements.keyring import KeyRing, KeyState, PendingKey, SigningKey
from entitlements.refusals import Code, Refused

SIGNING: Final = "signing"
MAC: Final = "mac"
"""The purposes of a pending key, as they are named in the stored ring."""
SETTLING: Final = int(MAX_AGE) + 5
"""Seconds until every gate has a changed ring: the cache time plus the clock skew between two machines."""
STORED_AFTER: Final = 29 + 5
"""Seconds until every token is stored that a key has signed: the time limit of the token service's function
(template.yaml), in which a mint reads the ring and stores its token, plus the clock skew between two machines.
"""
AUTHORIZED_AFTER: Final = 300
"""Seconds until the roles, which allow keys by the stack's tag, can use a new one: "It might take up to five
minutes for tag and alias changes to affect KMS key authorization"
(https://docs.aws.amazon.com/kms/latest/developerguide/abac.html).
"""


def require_none_published(ring: KeyRing) -> None:
    """Refuse a second published key: `rotate` could not tell which of the two to promote."""
    waiting = next((key for key in ring.keys if key.state is KeyState.PUBLISHED), None)
    if waiting is not None:
        raise _wrong(f"{waiting.kid} is already published: promote it, or retire it first")


def publish(ring: KeyRing, key: SigningKey, now: int) -> KeyRing:
    """Add a new key that verifies and does not sign yet."""
    require_none_published(ring)
    if ring.find(key.kid):
        raise _wrong(f"{key.kid} is in the ring already")
    keys = (*ring.keys, key._replace(state=KeyState.PUBLISHED, since=now))
    return ring.next_version(keys, pending=_without(ring.pending, SIGNING))


def seconds_to_wait(key: SigningKey, now: int) -> int:
    """Seconds until every gate knows a published key and KMS lets the token service sign with it."""
    if key.state is not KeyState.PUBLISHED:
        return 0
    return max(0, key.since + SETTLING - now, unauthorized_for(key.created_at, now))


def unauthorized_for(created_at: int, now: int) -> int:
    """Seconds for which KMS may still refuse a new key because its tag has not taken effect."""
    return max(0, created_at + AUTHORIZED_AFTER - now)


def seconds_until_stored(key: SigningKey, now: int) -> int:
    """Seconds until a key's last tokens are stored, so that they are counted. A published key has signed none."""
    return max(0, key.since + STORED_AFTER - now) if key.state is KeyState.VERIFYING else 0


def replace_mac_key(ring: KeyRing, now: int, in_haste: bool = False) -> KeyRing:
    """Derive the secrets of new generations from the pending MAC key.

    `in_haste` does not wait until KMS lets the token service use the key: until then, no new token can be minted.
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
    """Make a key the signing key; the previous one keeps verifying. A verifying key can be promoted again.

    `in_haste` does not wait. Gates look up an unknown key at most every 5 s, and refuse its tokens until then. While
    KMS refuses to sign with it, users get the tokens that they already have.
    """
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} is already the signing key")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is revoked for good: create another key")
    if not in_haste and (wait := seconds_to_wait(key, now)):
        raise _wrong(f"{kid} was made or published too recently: wait {wait} s or pass --now")
    return _with(ring, ring.signing_key._replace(state=KeyState.VERIFYING, since=now),
                 key._replace(state=KeyState.SIGNING, since=now))  # fmt: skip


def retire(ring: KeyRing, kid: str, now: int, force: bool = False) -> KeyRing:
    """Remove a key from the ring. The caller checks whether live tokens still need it.

    `force` does not wait. A mint that read the ring before the promotion may store a token of this key after the count:
    that token must be fetched again.
    """
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} is the signing key: promote another first (gatepass keys rotate)")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is revoked and stays in the ring, so that it cannot be added again")
    if not force and (wait := seconds_until_stored(key, now)):
        raise _wrong(
            f"{kid} signed until a moment ago, and its last tokens may not be stored yet: wait {wait} s or pass --force"
        )
    return ring.next_version(tuple(k for k in ring.keys if k.kid != kid))


def revoke(ring: KeyRing, kid: str, reason: str, now: int) -> KeyRing:
    """Revoke a key: gates refuse its tokens."""
    key = _find(ring, kid)
    if key.state is KeyState.SIGNING:
        raise _wrong(f"{kid} is the signing key: run gatepass keys rotate --now first, then revoke it")
    if key.state is KeyState.REVOKED:
        raise _wrong(f"{kid} is already revoked: {key.reason}")
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
