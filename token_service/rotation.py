"""Rotation of the signing key, in steps that can be interrupted anywhere and taken up again."""

from collections.abc import Callable
from typing import Final

from entitlements.keyring import KeyRing, KeyState, SigningKey
from token_service.key_lifecycle import SETTLING, seconds_to_wait
from token_service.keys import Keys

RECENT: Final = 600
"""Seconds after a promotion within which a rotation run again has nothing to do: it was cut off after its last step."""
DAY: Final = 86_400

Tell = Callable[[str], object]


def age(key: SigningKey, now: float) -> int:
    """Seconds since a key was made."""
    return max(0, int(now) - key.created_at)


def steps(ring: KeyRing, now: float, older_than: int, in_haste: bool) -> list[str]:
    """What a rotation would do now, in words; nothing where none is due. `older_than` in seconds."""
    published = _published(ring)
    if published is None and not _due(ring, now, older_than, in_haste):
        return []
    wait = 0 if in_haste else seconds_to_wait(published, int(now)) if published else SETTLING
    return [
        *([] if published else ["create a key in KMS and publish it in the ring"]),
        *([f"wait {wait} s, until every gate has read the ring anew"] if wait else []),
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
    """Do what is left to do of a rotation; False if none was due. `wait` is given seconds."""
    ring = keys.ring()
    published = _published(ring)
    if published is None:
        if not _due(ring, clock(), older_than, in_haste):
            return False
        published = keys.create()
        tell(f"published {published.kid}")
    left = 0 if in_haste else seconds_to_wait(published, int(clock()))
    if left:
        tell(f"waiting {left} s, until every gate has read the ring anew")
        wait(left)
    before = ring.signing_key.kid
    keys.promote(published.kid, in_haste)
    tell(f"promoted {published.kid}; {before} goes on verifying until its tokens are renewed")
    return True


def _published(ring: KeyRing) -> SigningKey | None:
    return next((key for key in ring.keys if key.state is KeyState.PUBLISHED), None)


def _due(ring: KeyRing, now: float, older_than: int, in_haste: bool) -> bool:
    signing = ring.signing_key
    promoted = any(key.state is KeyState.VERIFYING and key.since == signing.since for key in ring.keys)
    cut_off = promoted and int(now) - signing.since < RECENT and not in_haste
    return age(signing, now) >= older_than and not cut_off
