"""What is known to break JWTs elsewhere, tried on tokens: RFC 8725 (JWT best current practices) and published attacks."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entitlements import base64url
from entitlements.reasons import Reason
from entitlements.token import assemble, jti_of, parse, verify
from tests.support.signer import ISSUED_AT, ISSUER, SOLUTION, USER, Signer, ring, secret_of

SIGNER = Signer()
KID = SIGNER.key().kid
HEADER = {"alg": "ES256", "kid": KID, "typ": "gp+jwt"}
PAYLOAD = {"iss": ISSUER, "sub": USER, "aud": SOLUTION, "jti": jti_of(secret_of()), "iat": ISSUED_AT}
MALFORMED, BAD, UNKNOWN = Reason.TOKEN_MALFORMED, Reason.SIGNATURE_INVALID, Reason.KEY_UNKNOWN
PEM = SIGNER.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def outcome(token: str) -> object:
    parsed = parse(token)
    return verify(parsed, ring(), SOLUTION) if parsed else MALFORMED


def signed(header: object, payload: object = PAYLOAD, signer: Signer = SIGNER) -> str:
    return signer.forge(header, payload, secret_of())


def with_signature(signature: bytes, header: object = HEADER) -> str:
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, PAYLOAD))
    return assemble(secret_of(), f"{text}.{base64url.encode(signature)}")


def raw(header: str) -> str:
    """A header as text, properly signed."""
    text = f"{base64url.encode(header.encode())}.{base64url.encode(json.dumps(PAYLOAD).encode())}"
    return assemble(secret_of(), f"{text}.{SIGNER.sign(text)}")


def hmac_by(key: bytes) -> str:
    header = HEADER | {"alg": "HS256"}
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, PAYLOAD))
    return assemble(secret_of(), f"{text}.{base64url.encode(hmac.digest(key, text.encode(), 'sha256'))}")


def der() -> bytes:
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in (HEADER, PAYLOAD))
    return SIGNER.private.sign(text.encode(), ec.ECDSA(hashes.SHA256()))


def good() -> list[str]:
    return SIGNER.token().removeprefix("gp1_").split(".")


ATTACKS: dict[str, tuple[str, Any]] = {
    # RFC 8725 section 2.1: the attacker chooses the algorithm
    "no signature, alg none": (with_signature(b"", HEADER | {"alg": "none"}), MALFORMED),
    "no signature, alg ES256": (with_signature(b""), MALFORMED),
    "alg none with the good signature": (signed(HEADER | {"alg": "none"}), BAD),
    "alg NoNe": (signed(HEADER | {"alg": "NoNe"}), BAD),
    "HMAC by the public key, as PEM": (hmac_by(PEM), MALFORMED),
    "HMAC by the public key, as point": (hmac_by(base64url.decode(SIGNER.key().x)), MALFORMED),
    "another curve's name": (signed(HEADER | {"alg": "ES384"}), BAD),
    "ES256K": (signed(HEADER | {"alg": "ES256K"}), BAD),
    # CVE-2022-21449 and its like: numbers that every message fits
    "r and s zero": (with_signature(bytes(64)), BAD),
    "r zero": (with_signature(bytes(32) + b"\1" * 32), BAD),
    "s zero": (with_signature(b"\1" * 32 + bytes(32)), BAD),
    "r and s the order of the group": (
        with_signature(bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") * 2),
        BAD,
    ),
    "r and s all ones": (with_signature(b"\xff" * 64), BAD),
    # RFC 7518 section 3.4: the signature has one form
    "DER in place of r and s": (with_signature(der()), MALFORMED),
    "signature with a byte more": (f"gp1_{'.'.join(good())}AA", MALFORMED),
    # RFC 8725 sections 3.9 and 3.10: what the header says is not followed
    "kid is a path": (signed(HEADER | {"kid": "../../../../dev/null"}), UNKNOWN),
    "kid is SQL": (signed(HEADER | {"kid": "x' UNION SELECT 'secret"}), UNKNOWN),
    "kid is a URL": (signed(HEADER | {"kid": "https://attacker.example/keys"}), UNKNOWN),
    "kid is a list": (signed(HEADER | {"kid": [KID]}), MALFORMED),
    "kid with a NUL": (signed(HEADER | {"kid": KID + "\0"}), UNKNOWN),
    "jku": (signed(HEADER | {"jku": "https://attacker.example/jwks.json"}), MALFORMED),
    "x5u": (signed(HEADER | {"x5u": "https://attacker.example/chain.pem"}), MALFORMED),
    "x5c": (signed(HEADER | {"x5c": ["MIIB"]}), MALFORMED),
    "jwk of the attacker, who signed": (signed(HEADER | {"jwk": {"kty": "EC"}}, signer=Signer("attacker")), MALFORMED),
    "signed by the attacker, kid of ours": (signed(HEADER, signer=Signer("attacker")), BAD),
    # RFC 7515 section 4.1.11, RFC 7797, RFC 7516: extensions that a reader might act on
    "crit": (signed(HEADER | {"crit": ["exp"]}), MALFORMED),
    "b64 false": (signed(HEADER | {"b64": False, "crit": ["b64"]}), MALFORMED),
    "zip": (signed(HEADER | {"zip": "DEF"}), MALFORMED),
    "five parts, as encrypted": (f"gp1_{'.'.join([*good(), 'AA'])}", MALFORMED),
    "JSON serialization": (json.dumps({"payload": good()[2], "signature": good()[3]}), MALFORMED),
    # RFC 8725 sections 3.11 and 3.12: tokens of another kind
    "typ JWT": (signed(HEADER | {"typ": "JWT"}), MALFORMED),
    "typ with media type": (signed(HEADER | {"typ": "application/gp+jwt"}), MALFORMED),
    "no typ": (signed({"alg": "ES256", "kid": KID}), MALFORMED),
    "the bare JWT": (".".join(good()[1:]), MALFORMED),
    "a token inside of a token": (signed(HEADER, {"jwt": SIGNER.token()}), MALFORMED),
    # RFC 8725 section 2.4 and 8259 section 4: two readers, two meanings
    "a header's name twice": (raw(f'{{"alg":"none","alg":"ES256","kid":"{KID}","typ":"JWT","typ":"gp+jwt"}}'), "same"),
    "header in UTF-16": (
        assemble(secret_of(), f"{base64url.encode(json.dumps(HEADER).encode('utf-16'))}.{good()[2]}.{good()[3]}"),
        MALFORMED,
    ),
    "header with a byte order mark": (raw("\ufeff" + json.dumps(HEADER)), MALFORMED),
    "claims as text": (signed(HEADER, json.dumps(PAYLOAD)), MALFORMED),
    # substitution
    "another user's claims": (f"gp1_{good()[0]}.{good()[1]}.{base64url.encode(b'{}')}.{good()[3]}", BAD),
    "another secret": (assemble(b"\7" * 32, ".".join(good()[1:])), BAD),
    "the jti in place of the secret": (assemble(hashlib.sha256(secret_of()).digest(), ".".join(good()[1:])), BAD),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_does_not_work(name: str) -> None:
    token, expected = ATTACKS[name]
    found = outcome(token)
    if expected == "same":
        # Only the holder of the key can have signed it, and the algorithm is the key's own whatever the header says.
        assert found == outcome(SIGNER.token())
    else:
        assert found is expected
