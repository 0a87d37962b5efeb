"""A cache of recently verified tokens, valid as long as the key ring is unchanged."""

import hashlib
from typing import Final, NamedTuple

from entitlements.keyring import KeyRing
from entitlements.token import MAX_LENGTH, Claims

MAX_TOKENS: Final = 1_000


class Verified(NamedTuple):
    """A token's claims, and the ring that verified it. With another ring it must be verified again."""

    ring: KeyRing
    claims: Claims


class VerifiedTokens:
    """Claims by the hash of the token: the tokens themselves, which are secret, are not kept in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[bytes, Verified] = {}

    def find(self, token: str) -> Verified | None:
        """The cached entry of a token. The caller checks whether its ring is still the current one."""
        if len(token) > MAX_LENGTH:
            return None
        digest = _digest(token)
        known = self._known.pop(digest, None)
        if known is not None:
            self._known[digest] = known  # the most recently used
        return known

    def add(self, token: str, ring: KeyRing, claims: Claims) -> None:
        """Add a token that passed every check. A full cache drops the least recently used; a new ring clears it."""
        oldest = next(iter(self._known), None)
        if oldest is not None and self._known[oldest].ring is not ring:
            self._known = {}
        elif oldest is not None and len(self._known) >= MAX_TOKENS:
            self._known.pop(oldest, None)
        self._known[_digest(token)] = Verified(ring, claims)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
