"""Project Wycheproof's vectors: signatures and tokens that other libraries took and should not have."""

import json
from pathlib import Path
from typing import Any

from entitlements import base64url, es256

VECTORS = Path(__file__).with_name("wycheproof")


def read(name: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())["keys"]
    return keys


def test_every_signature_is_judged_as_it_should_be() -> None:
    judged = {"valid": 0, "invalid": 0}
    for key in read("ecdsa_p256_sha256_p1363.json"):
        point = bytes.fromhex(key["point"])
        x, y = base64url.encode(point[1:33]), base64url.encode(point[33:])
        for number, comment, message, signature, result in key["tests"]:
            found = es256.verify(x, y, bytes.fromhex(message), bytes.fromhex(signature))
            assert found == (result == "valid"), (number, comment)
            judged[result] += 1
    assert judged == {"valid": 173, "invalid": 89}


def accepted(jws: str, key: dict[str, Any]) -> bool:
    """By what a token is read with: canonical base64url, the key's own algorithm, and the signature."""
    text, _, signature = jws.rpartition(".")
    try:
        parts = [base64url.decode(part) for part in (*text.split("."), signature)]
    except ValueError:
        return False
    return len(parts) == 3 and es256.verify(key["x"], key["y"], text.encode(), parts[2])


def test_every_jws_is_judged_as_it_should_be() -> None:
    """But for keys that are meant for something else: the ring has none, and says of none what it is for."""
    judged = 0
    for key in read("jws_p256.json"):
        for number, comment, jws, result in key["tests"]:
            if comment not in ("rejectWrongUse", "rejectWrongKeyOps"):
                assert accepted(jws, key) == (result == "valid"), (number, comment)
                judged += 1
    assert judged == 39
