"""The authorizer of blueprints and posts: a boto3 resource, a JWKS client, RS256, two gets and an update.

It serves one solution, whose plans it reads from the table at each request, so that a change holds at once.
Settings: TABLE, SOLUTION_ID, ISSUER, JWKS_URL.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
from botocore.exceptions import ClientError

SOLUTION_ID = os.environ["SOLUTION_ID"]
ISSUER = os.environ["ISSUER"]

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
jwks = jwt.PyJWKClient(os.environ["JWKS_URL"], cache_keys=True)


class Unauthorized(Exception):
    """API Gateway answers 401 to an exception whose message is this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Decide one request."""
    claims = verified_claims(event["headers"].get("authorization", ""))
    user = claims["sub"]
    key = {"pk": f"user#{user}", "sk": f"solution#{SOLUTION_ID}"}
    entitlement = table.get_item(Key=key, ConsistentRead=True).get("Item")
    if entitlement is None:
        log("entitlement_missing", user)
        raise Unauthorized
    stored = table.get_item(Key={"pk": f"solution#{SOLUTION_ID}", "sk": "config"})["Item"]
    solution = json.loads(stored["document"])
    now = datetime.now(UTC)
    plan = entitlement["plan"] if entitlement["plan"] in solution["plans"] else ""
    if entitlement["status"] != "active":
        return answer(f"entitlement_{entitlement['status']}", user, plan, entitlement, solution, now)
    if entitlement.get("jti") != claims["jti"]:
        log("token_superseded", user)
        raise Unauthorized
    if not plan:
        return answer("plan_unknown", user, plan, entitlement, solution, now)
    day = f"d{now:%Y%m%d}"
    limit = solution["plans"][plan]["limits"].get("day")
    # Known already: no write for one whose quota is spent. The update's condition decides all others.
    if limit is not None and entitlement.get(day, 0) >= limit:
        return answer("quota_exceeded", user, plan, entitlement, solution, now)
    update: dict[str, Any] = {
        "Key": key,
        "UpdateExpression": "ADD #total :one, #month :one, #day :one",
        "ExpressionAttributeNames": {"#total": "total", "#month": f"m{now:%Y%m}", "#day": day},
        "ExpressionAttributeValues": {":one": 1},
        "ReturnValues": "ALL_NEW",
    }
    if limit is not None:
        update["ConditionExpression"] = "attribute_not_exists(#day) OR #day < :limit"
        update["ExpressionAttributeValues"][":limit"] = limit
    try:
        entitlement = table.update_item(**update)["Attributes"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return answer("quota_exceeded", user, plan, entitlement | {day: limit}, solution, now)
    return answer("ok", user, plan, entitlement, solution, now)


def verified_claims(authorization: str) -> dict[str, Any]:
    """The claims of the bearer's token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        log("token_missing", "")
        raise Unauthorized
    try:
        return jwt.decode(
            token,
            jwks.get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            audience=SOLUTION_ID,
            issuer=ISSUER,
            options={"require": ["iss", "aud", "sub", "jti"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise  # nobody's token is bad because the keys cannot be had: 500
    except jwt.PyJWTError:
        log("token_refused", "")
        raise Unauthorized from None


def answer(
    reason: str, user: str, plan: str, entitlement: dict[str, Any], solution: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """The simple response, with what the API may want to know."""
    limit = solution["plans"][plan]["limits"].get("day") if plan else None
    used = int(entitlement.get("total" if limit is None else f"d{now:%Y%m%d}", 0))
    tomorrow = now.date() + timedelta(days=1)
    query = {"solution_id": SOLUTION_ID} | ({"from": reason} if reason == "quota_exceeded" else {})
    log(reason, user)
    return {
        "isAuthorized": reason == "ok",
        "context": {
            "reason": reason,
            "userId": user,
            "solutionId": SOLUTION_ID,
            "plan": plan,
            "limit": "" if limit is None else str(limit),
            "used": str(used) if plan else "",
            "remaining": "" if limit is None else str(max(0, limit - used)),
            "resetsAt": "" if limit is None else f"{tomorrow:%Y-%m-%dT00:00:00Z}",
            "upgradeUrl": f"{solution['marketplace_url']}?{urlencode(query)}",
            "resign": "false",
        },
    }


def log(reason: str, user: str) -> None:
    """One line for each decision."""
    print(json.dumps({"reason": reason, "user": user, "solution": SOLUTION_ID}))
