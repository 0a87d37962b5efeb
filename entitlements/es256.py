"""ES256 (RFC 7518 section 3.4): ECDSA on P-256 with SHA-256, the only algorithm of tokens.

It uses `cryptography` directly: PyJWT would add a third to the CPU of a cold start for this one function
(docs/decisions/0006-what-a-cold-start-imports.md). Tests check that both accept the same signatures.
"""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from entitlements import base64url

COORDINATE_BYTES: Final = 32


class _EcdsaWithSha256(ECDSA):
    """`ECDSA(SHA256())`, whose constructor would load the library's back end to ask about deterministic signing: half
    of the CPU of importing the library, for a question that no verification has.
    """

    algorithm = SHA256()
    deterministic_signing = False

    def __init__(self) -> None:
        """Leave the base class's constructor out."""


_ECDSA: Final = _EcdsaWithSha256()


def verify(x: str, y: str, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (R and S, 32 bytes each) is that of the key with these base64url coordinates."""
    if len(signature) != 2 * COORDINATE_BYTES:
        return False
    r, s = signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    try:
        public_key(x, y).verify(der, message, _ECDSA)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def public_key(x: str, y: str) -> EllipticCurvePublicKey:
    """The public key. Cached, since creating it checks the point; raises `ValueError` if it is not on the curve."""
    numbers = [int.from_bytes(base64url.decode(coordinate), "big") for coordinate in (x, y)]
    return EllipticCurvePublicNumbers(numbers[0], numbers[1], SECP256R1()).public_key()
