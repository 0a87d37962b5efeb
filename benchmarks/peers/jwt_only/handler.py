"""A JWT authorizer without a database: what plugins reach that know no quota and no revocation.

Settings: SOLUTION_ID, ISSUER, PUBLIC_KEY (PEM, P-256).
"""

import json
import os
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SOLUTION_ID = os.environ["SOLUTION_ID"]
ISSUER = os.environ["ISSUER"]
PUBLIC_KEY: Any = load_pem_public_key(os.environ["PUBLIC_KEY"].encode())


class Unauthorized(Exception):
    """API Gateway answers 401 to an exception whose message is this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Allow whoever holds a signed token; the facts that only a database knows stay empty."""
    scheme, _, token = event["headers"].get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    try:
        claims = jwt.decode(
            token,
            PUBLIC_KEY,
            algorithms=["ES256"],
            audience=SOLUTION_ID,
            issuer=ISSUER,
            options={"require": ["iss", "aud", "sub", "jti"]},
        )
    except jwt.InvalidTokenError:
        print(json.dumps({"reason": "token_refused"}))
        raise Unauthorized from None
    print(json.dumps({"reason": "ok", "user": claims["sub"]}))
    facts = {"reason": "ok", "userId": claims["sub"], "solutionId": SOLUTION_ID, "resign": "false"}
    return {
        "isAuthorized": True,
        "context": facts | dict.fromkeys(("plan", "limit", "used", "remaining", "resetsAt", "upgradeUrl"), ""),
    }
