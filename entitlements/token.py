"""The token: an opaque secret and a JWT that vouches for it.

    gp1_<secret>.<header>.<payload>.<signature>

The format, which must never change under `gp1_`, since every token ever issued has it:

- `secret`: 32 bytes, base64url without padding, 43 characters.
- `header`: a JSON object of exactly `alg` (the key's own, ES256), `kid` and `typ` = `gp+jwt`
  (RFC 7515 section 4.1; explicit typing, RFC 8725 section 3.11).
- `payload`: a JSON object with `iss`, `sub` (user id), `aud` (solution id), `jti` = base64url(SHA-256(secret bytes))
  and `iat` (seconds). No `exp`: a token is permanent, and ends when its `jti` is no longer the stored one.
- `signature`: 64 bytes R || S (RFC 7518 section 3.4), 86 characters.
- Every part has one spelling, canonical base64url without padding, except that ES256 accepts the twin of a signature
  (r, n - s): as good as the original, since what a token allows depends on the secret and the stored `jti`.
"""

import hashlib
import hmac
import json
import re
from typing import Any, Final, NamedTuple

from entitlements import base64url, es256
from entitlements.identifiers import SOLUTION_ID, USER_ID
from entitlements.keyring import ALGORITHM, KeyRing, KeyState
from entitlements.reasons import Reason

PREFIX: Final = "gp1_"
TYPE: Final = "gp+jwt"
SECRET_BYTES: Final = 32
MAX_LENGTH: Final = 2048
"""Bytes. API Gateway takes 10,240 bytes of headers in all; a real token has about 560."""

TOKEN: Final = re.compile(
    r"gp1_(?P<secret>[A-Za-z0-9_-]{43})"
    r"\.(?P<jws>(?P<header>[A-Za-z0-9_-]{2,})\.(?P<payload>[A-Za-z0-9_-]{2,})\.(?P<signature>[A-Za-z0-9_-]{86}))"
)
"""Also the expression for secret scanners."""


class Claims(NamedTuple):
    """The claims of a verified token."""

    user_id: str
    solution_id: str
    jti: str
    issued_at: int
    kid: str


class ParsedToken(NamedTuple):
    """A token of the right shape, with nothing verified yet."""

    secret: bytes
    jws: str
    kid: str
    algorithm: str
    payload: bytes
    signature: bytes

    def claims(self) -> dict[str, Any] | None:
        """The payload's claims, verified or not; None if it is not a JSON object."""
        try:
            claims = json.loads(self.payload.decode("ascii"))
        except (ValueError, RecursionError):
            return None
        return claims if isinstance(claims, dict) else None


def jti_of(secret: bytes) -> str:
    """The public id of a secret: the table and the JWT contain nothing else of it."""
    return base64url.encode(hashlib.sha256(secret).digest())


def secret_message(user_id: str, solution_id: str, generation: str) -> bytes:
    """The message whose MAC is the secret. No part can hold the separator, so no two grants share a message."""
    return f"gatepass/v1|{user_id}|{solution_id}|{generation}".encode("ascii")


def signing_input(*, kid: str, issuer: str, user_id: str, solution_id: str, jti: str, issued_at: int) -> str:
    """The text to sign: header and payload (RFC 7515 section 5.1)."""
    header = {"alg": ALGORITHM, "kid": kid, "typ": TYPE}
    payload = {"iss": issuer, "sub": user_id, "aud": solution_id, "jti": jti, "iat": issued_at}
    return ".".join(
        base64url.encode(json.dumps(part, separators=(",", ":")).encode("ascii")) for part in (header, payload)
    )


def assemble(secret: bytes, jws: str) -> str:
    """The token itself."""
    return f"{PREFIX}{base64url.encode(secret)}.{jws}"


def parse(token: str) -> ParsedToken | None:
    """Parse a token; None if it is malformed. Checks length first, then shape, then encoding."""
    if len(token) > MAX_LENGTH or not (match := TOKEN.fullmatch(token)):
        return None
    try:
        secret = base64url.decode(match["secret"])
        signature = base64url.decode(match["signature"])
        payload = base64url.decode(match["payload"])
        # As it was written: from bytes, Python's reader would also take UTF-16 and a byte order mark.
        header = json.loads(base64url.decode(match["header"]).decode("ascii"))
    except (ValueError, RecursionError):
        return None
    # Exactly these members: an unknown one could be a `crit`, `jwk` or `jku` that another reader would act on.
    if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"} or header["typ"] != TYPE:
        return None
    if not isinstance(header["kid"], str) or not isinstance(header["alg"], str):
        return None
    return ParsedToken(secret, match["jws"], header["kid"], header["alg"], payload, signature)


def verify(token: ParsedToken, ring: KeyRing, solution_id: str) -> Claims | Reason:
    """Verify a parsed token for a solution; the reason of the first check that fails, cheapest first.

    Whether the token is still the current one is decided by the table.
    """
    key = ring.find(token.kid)
    if key is None:
        return Reason.KEY_UNKNOWN
    if key.state is KeyState.REVOKED:
        return Reason.KEY_REVOKED
    signed = token.jws.rpartition(".")[0].encode("ascii")
    if token.algorithm != ALGORITHM or not es256.verify(key.x, key.y, signed, token.signature):
        return Reason.SIGNATURE_INVALID
    claims = claims_of(token)
    if claims is None:
        return Reason.TOKEN_MALFORMED
    issuer, found = claims
    if issuer != ring.issuer:
        return Reason.ISSUER_MISMATCH
    if found.solution_id != solution_id:
        return Reason.SOLUTION_MISMATCH
    # The last check offline, and the one that makes a stolen signing key useless.
    if not hmac.compare_digest(jti_of(token.secret), found.jti):
        return Reason.SIGNATURE_INVALID
    return found


def claims_of(token: ParsedToken) -> tuple[str, Claims] | None:
    """Issuer and claims of a token, verified or not; None if they are not of the token's shape."""
    payload = token.claims()
    if payload is None:
        return None
    issuer, user_id, solution_id, jti, issued_at = (payload.get(name) for name in ("iss", "sub", "aud", "jti", "iat"))
    if not (isinstance(issuer, str) and isinstance(jti, str) and jti.isascii() and type(issued_at) is int):
        return None
    # The ids become keys of the table, so only these formats are accepted.
    if not (isinstance(user_id, str) and USER_ID.fullmatch(user_id)):
        return None
    if not (isinstance(solution_id, str) and SOLUTION_ID.fullmatch(solution_id)):
        return None
    return issuer, Claims(user_id, solution_id, jti, issued_at, token.kid)
