"""A test-only issuer without KMS: a fixed key, deterministic signatures (RFC 6979), so that tokens are golden."""

import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from entitlements import base64url
from entitlements.keyring import KeyRing, KeyState, SigningKey
from entitlements.token import assemble, jti_of, signing_input

ISSUER = "gatepass-test"
USER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
SOLUTION = "faiss-search"
ISSUED_AT = 1_790_000_000


class Signer:
    """Everything that would be KMS's, from a name."""

    def __init__(self, name: str = "gatepass test-only signing key") -> None:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (2**255) + 1
        self.private = ec.derive_private_key(number, ec.SECP256R1())

    def key(self, state: KeyState = KeyState.SIGNING) -> SigningKey:
        numbers = self.private.public_key().public_numbers()
        x, y = (base64url.encode(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        return SigningKey(x, y, state, created_at=ISSUED_AT, test_only=True)

    def sign(self, text: str) -> str:
        der = self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return base64url.encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def token(
        self,
        user_id: str = USER,
        solution_id: str = SOLUTION,
        secret: bytes | None = None,
        issuer: str = ISSUER,
        kid: str | None = None,
    ) -> str:
        secret = secret if secret is not None else secret_of(user_id, solution_id)
        text = signing_input(
            kid=kid or self.key().kid,
            issuer=issuer,
            user_id=user_id,
            solution_id=solution_id,
            jti=jti_of(secret),
            issued_at=ISSUED_AT,
        )
        return assemble(secret, f"{text}.{self.sign(text)}")

    def forge(self, header: Any, payload: Any, secret: bytes) -> str:
        """A properly signed token with any header and payload."""
        text = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, payload))
        return assemble(secret, f"{text}.{self.sign(text)}")


def secret_of(user_id: str = USER, solution_id: str = SOLUTION, generation: str = "1") -> bytes:
    return hashlib.sha256(f"test-only {user_id} {solution_id} {generation}".encode()).digest()


def ring(*keys: SigningKey, issuer: str = ISSUER) -> KeyRing:
    return KeyRing(issuer, keys or (Signer().key(),), "", hashlib.sha256(b"test-only address key").digest())
