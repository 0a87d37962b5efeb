"""Tokens that were verified lately: their signatures hold as long as the key ring does."""

import hashlib
from typing import Final, NamedTuple

from entitlements.keyring import KeyRing
from entitlements.token import MAX_LENGTH, Claims

MAX_TOKENS: Final = 1_000


class Verified(NamedTuple):
    """What a token says, and the ring that it was verified by: by any other it must be verified anew."""

    ring: KeyRing
    claims: Claims


class VerifiedTokens:
    """Claims by the hash of the token: the tokens themselves, which are secret, are not kept in memory."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[bytes, Verified] = {}

    def find(self, token: str) -> Verified | None:
        """What is known of a token; whether the ring is still the current one is for the caller to see."""
        if len(token) > MAX_LENGTH:
            return None
        digest = _digest(token)
        known = self._known.pop(digest, None)
        if known is not None:
            self._known[digest] = known  # the youngest again
        return known

    def add(self, token: str, ring: KeyRing, claims: Claims) -> None:
        """Remember a token that passed every check; the one longest unused makes room, another ring empties it all."""
        oldest = next(iter(self._known), None)
        if oldest is not None and self._known[oldest].ring is not ring:
            self._known = {}
        elif oldest is not None and len(self._known) >= MAX_TOKENS:
            self._known.pop(oldest, None)
        self._known[_digest(token)] = Verified(ring, claims)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
