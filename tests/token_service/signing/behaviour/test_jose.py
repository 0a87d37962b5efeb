"""Two independent JOSE libraries accept the JWT of our tokens by our JWK set, and refuse every altered one."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from joserfc import errors, jwt
from joserfc.jwk import KeySet

from entitlements import base64url
from tests.support.emulators import ROOT, unavailable
from tests.support.market import ISSUER, Marketplace
from tests.support.signer import SOLUTION, USER, Signer

JOSE = ROOT / ".tools" / "jose"


def altered(good: str) -> dict[str, str]:
    header, payload, signature = good.split(".")
    claims = json.loads(base64url.decode(payload))
    other_claims = base64url.encode(json.dumps(claims | {"sub": "0" * 36}).encode())
    none = base64url.encode(json.dumps({"alg": "none", "typ": "gp+jwt"}).encode())
    return {
        "another claim": f"{header}.{other_claims}.{signature}",
        "another signature": f"{header}.{payload}.{('B' if signature[0] == 'A' else 'A') + signature[1:]}",
        "no signature": f"{header}.{payload}.",
        "no algorithm": f"{none}.{payload}.",
        "another key": Signer("another")
        .token(kid=json.loads(base64url.decode(header))["kid"], issuer=ISSUER)
        .partition(".")[2],
        "an unknown key": Signer("another").token(issuer=ISSUER).partition(".")[2],
    }


@pytest.fixture
def minted(market: Marketplace) -> tuple[dict[str, Any], list[str]]:
    """A JWK set after a rotation, with the next key published too, and a JWT of each key that has signed."""
    market.access.grant(USER, SOLUTION)
    old = market.minting.mint(USER, SOLUTION)
    market.rotate()
    new = market.refresh(old)
    market.keys.create()
    return market.keys.ring().jwks(), [token.partition(".")[2] for token in (old, new)]


def test_joserfc_agrees(minted: tuple[dict[str, Any], list[str]]) -> None:
    jwks, jwts = minted
    keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]
    assert len(keys.keys) == 3
    for good in jwts:
        token = jwt.decode(good, keys, algorithms=["ES256"])
        assert (token.claims["sub"], token.claims["aud"], token.header["typ"]) == (USER, SOLUTION, "gp+jwt")
        for bad in altered(good).values():
            with pytest.raises((errors.JoseError, ValueError)):
                jwt.decode(bad, keys, algorithms=["ES256"])


def test_jose_of_npm_agrees(minted: tuple[dict[str, Any], list[str]]) -> None:
    if shutil.which("node") is None or not JOSE.is_dir():
        unavailable("Node.js with the npm package jose (make tools)")
    jwks, jwts = minted
    bad = [text for good in jwts for text in altered(good).values()]
    asked = {"jwks": jwks, "jwts": [*jwts, *bad], "issuer": ISSUER, "audience": SOLUTION}
    run = subprocess.run(
        ["node", str(JOSE / "verify.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = run.stdout.split()
    assert told[:2] == [USER, USER]
    assert all(code.startswith("ERR_J") for code in told[2:])
    assert len(told) == len(jwts) + len(bad)
