"""Rotation of the signing key, in steps that can be interrupted at any point and continued."""

from collections.abc import Callable
from typing import Final

from entitlements.keyring import KeyRing, KeyState, SigningKey
from entitlements.refusals import Code, Refused
from token_service.signing.key_lifecycle import AUTHORIZED_AFTER, SETTLING, SIGNING, seconds_to_wait, unauthorized_for
from token_service.signing.keys import Keys

RECENT: Final = 600
"""Seconds after a promotion in which another run does nothing: it repeats a run interrupted after its last step."""
DAY: Final = 86_400
GRACE_DAYS: Final = 3
"""A daily schedule needs up to three runs for a rotation (make, publish, promote); this allows one of them to fail."""
UNTIL: Final = "until every gate has refreshed the key ring and KMS lets the token service use the key"

Tell = Callable[[str], object]


def age(key: SigningKey, now: float) -> int:
    """Seconds since a key was made."""
    return max(0, int(now) - key.created_at)


def steps(ring: KeyRing, now: float, older_than: int, in_haste: bool) -> list[str]:
    """Describe the steps that a rotation would take now; empty if none is due. `older_than` is in seconds."""
    published, made = _published(ring), ring.pending.get(SIGNING)
    if published is None and not _begun_or_due(ring, now, older_than, in_haste):
        return []
    wait = 0 if in_haste else AUTHORIZED_AFTER
    if not in_haste and published:
        wait = seconds_to_wait(published, int(now))
    elif not in_haste and made and made.kms_key_id:
        wait = max(SETTLING, unauthorized_for(made.since, int(now)))
    create = f"publish {made.kms_key_id}" if made and made.kms_key_id else "create a key in KMS and publish it"
    return [
        *([] if published else [f"{create} in the ring"]),
        *([f"wait {wait} s, {UNTIL}"] if wait else []),
        f"promote {published.kid if published else 'it'}; {ring.signing_key.kid} goes on verifying",
    ]


def rotate(
    keys: Keys,
    clock: Callable[[], float],
    wait: Callable[[int], object],
    tell: Tell,
    older_than: int = 0,
    in_haste: bool = False,
) -> bool:
    """Carry out the remaining steps of a rotation; False if none was due. `wait` takes seconds."""
    ring = keys.ring()
    published = _published(ring)
    if published is None:
        if not _begun_or_due(ring, clock(), older_than, in_haste):
            return False
        published = _publish(keys, clock, wait, tell)
    left = 0 if in_haste else seconds_to_wait(published, int(clock()))
    if left:
        tell(f"waiting {left} s, {UNTIL}")
        wait(left)
    _promote(keys, published.kid, tell, in_haste)
    return True


def advance(keys: Keys, clock: Callable[[], float], tell: Tell, older_than: int = 0) -> bool:
    """Take one step of a rotation without waiting: publish a key, or promote the published one; False if none was due.

    For a schedule, whose next run takes the next step. A key that KMS does not let it read yet stays pending.
    """
    ring = keys.ring()
    published = _published(ring)
    if published is not None:
        if seconds_to_wait(published, int(clock())):
            tell(f"{published.kid} is left to the next run: {UNTIL}")
        else:
            _promote(keys, published.kid, tell)
        return True
    if not _begun_or_due(ring, clock(), older_than):
        return False
    try:
        tell(f"published {keys.create().kid}: the next run promotes it")
    except Refused as error:
        # Lambda may run a function twice concurrently, and again after a failure: another run may be in progress.
        expected = error.code is Code.KEY_ANNOUNCED or (error.code is Code.KMS_REFUSED and _unreadable_for(keys, clock))
        if not expected:
            raise
        tell(f"left to the next run: {error}")
    return True


def replace_mac(
    keys: Keys, clock: Callable[[], float], wait: Callable[[int], object], tell: Tell, in_haste: bool = False
) -> KeyRing:
    """Create a MAC key, wait until KMS lets the token service use it, and derive the secrets of new tokens from it."""
    made = keys.make_mac_key()
    left = 0 if in_haste else unauthorized_for(made.since, int(clock()))
    if left:
        tell(f"made {made.kms_key_id}\nwaiting {left} s, until KMS lets the token service use it")
        wait(left)
    return keys.replace_mac_key(in_haste)


def _publish(keys: Keys, clock: Callable[[], float], wait: Callable[[int], object], tell: Tell) -> SigningKey:
    try:
        key = keys.create()
    except Refused as error:
        if error.code is Code.KEY_ANNOUNCED and (others := _published_by_another(keys, wait, tell)):
            return others
        left = _unreadable_for(keys, clock) if error.code is Code.KMS_REFUSED else 0
        if not left:
            raise
        tell(f"waiting {left} s: {error}")
        wait(left)
        key = keys.create()
    tell(f"published {key.kid}")
    return key


def _published_by_another(keys: Keys, wait: Callable[[int], object], tell: Tell) -> SigningKey | None:
    """The key that another run is making, when it has published it; None if it does not within half a minute."""
    tell("another run is making a key: waiting for it")
    for _ in range(6):
        wait(5)
        if published := _published(keys.ring()):
            return published
    return None


def _unreadable_for(keys: Keys, clock: Callable[[], float]) -> int:
    """Seconds for which KMS may still refuse to return the pending key's public key."""
    made = keys.pending(SIGNING)
    return unauthorized_for(made.since, int(clock())) if made and made.kms_key_id else 0


def _promote(keys: Keys, kid: str, tell: Tell, in_haste: bool = False) -> None:
    before = keys.ring().signing_key.kid
    try:
        if before != kid:
            keys.promote(kid, in_haste)
    except Refused:
        if keys.ring().signing_key.kid != kid:
            raise
        before = kid
    if before == kid:
        tell(f"another run promoted {kid}")
        return
    tell(f"promoted {kid}; {before} goes on verifying until its tokens are renewed")


def _published(ring: KeyRing) -> SigningKey | None:
    return next((key for key in ring.keys if key.state is KeyState.PUBLISHED), None)


def _due(ring: KeyRing, now: float, older_than: int, in_haste: bool) -> bool:
    signing = ring.signing_key
    promoted = any(key.state is KeyState.VERIFYING and key.since == signing.since for key in ring.keys)
    cut_off = promoted and int(now) - signing.since < RECENT and not in_haste
    return age(signing, now) >= older_than and not cut_off


def _begun_or_due(ring: KeyRing, now: float, older_than: int, in_haste: bool = False) -> bool:
    return SIGNING in ring.pending or _due(ring, now, older_than, in_haste)
