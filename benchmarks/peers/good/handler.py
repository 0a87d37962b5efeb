"""A good conventional authorizer: a client made once, a key parsed once, one get and one conditional update.

It serves one solution, whose rules come with the deployment. Settings: TABLE, SOLUTION_ID, ISSUER, PUBLIC_KEY (PEM,
P-256), DAY_LIMITS (JSON: plan to requests a day, null for no limit), UPGRADE_URL.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_pem_public_key

TABLE = os.environ["TABLE"]
SOLUTION_ID = os.environ["SOLUTION_ID"]
ISSUER = os.environ["ISSUER"]
UPGRADE_URL = os.environ["UPGRADE_URL"]
DAY_LIMITS: dict[str, int | None] = json.loads(os.environ["DAY_LIMITS"])
PUBLIC_KEY: Any = load_pem_public_key(os.environ["PUBLIC_KEY"].encode())

dynamodb = boto3.client(
    "dynamodb",
    config=Config(
        connect_timeout=0.5,
        read_timeout=1.0,
        retries={"mode": "standard", "total_max_attempts": 2},
        tcp_keepalive=True,
    ),
)


class Unauthorized(Exception):
    """API Gateway answers 401 to an exception whose message is this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Decide one request."""
    claims = verified_claims(event["headers"].get("authorization", ""))
    now = datetime.now(UTC)
    day = f"d{now:%Y%m%d}"
    key = {"pk": {"S": f"user#{claims['sub']}"}, "sk": {"S": f"solution#{SOLUTION_ID}"}}
    item = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")
    if item is None:
        log("entitlement_missing", claims["sub"])
        raise Unauthorized
    plan = item["plan"]["S"] if item["plan"]["S"] in DAY_LIMITS else ""
    if item["status"]["S"] != "active":
        return answer(f"entitlement_{item['status']['S']}", claims["sub"], plan, item, now, day)
    if item.get("jti", {}).get("S") != claims["jti"]:
        log("token_superseded", claims["sub"])
        raise Unauthorized
    if not plan:
        return answer("plan_unknown", claims["sub"], plan, item, now, day)
    limit = DAY_LIMITS[plan]
    # Known already: no write for one whose quota is spent. The update's condition decides all others.
    if limit is not None and count(item, day) >= limit:
        return answer("quota_exceeded", claims["sub"], plan, item, now, day)
    try:
        counters = spend(key, claims["jti"], plan, limit, now, day)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return answer("quota_exceeded", claims["sub"], plan, item | {day: {"N": str(limit or 0)}}, now, day)
    return answer("ok", claims["sub"], plan, counters, now, day)


def verified_claims(authorization: str) -> dict[str, Any]:
    """The claims of the bearer's token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        log("token_missing", "")
        raise Unauthorized
    try:
        return jwt.decode(
            token,
            PUBLIC_KEY,
            algorithms=["ES256"],
            audience=SOLUTION_ID,
            issuer=ISSUER,
            options={"require": ["iss", "aud", "sub", "jti"]},
        )
    except jwt.InvalidTokenError:
        log("token_refused", "")
        raise Unauthorized from None


def spend(key: dict[str, Any], jti: str, plan: str, limit: int | None, now: datetime, day: str) -> dict[str, Any]:
    """Count one request if it is still within the day's limit; the new counters."""
    condition = "#status = :active AND jti = :jti AND #plan = :plan"
    values = {":one": {"N": "1"}, ":active": {"S": "active"}, ":jti": {"S": jti}, ":plan": {"S": plan}}
    names = {"#total": "total", "#status": "status", "#plan": "plan", "#day": day, "#month": f"m{now:%Y%m}"}
    if limit is not None:
        condition += " AND (attribute_not_exists(#day) OR #day < :limit)"
        values[":limit"] = {"N": str(limit)}
    response: dict[str, Any] = dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="ADD #total :one, #month :one, #day :one",
        ConditionExpression=condition,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
        ReturnValues="UPDATED_NEW",
    )
    attributes: dict[str, Any] = response["Attributes"]
    return attributes


def count(item: dict[str, Any], counter: str) -> int:
    """A counter of an item in DynamoDB's JSON."""
    return int(item.get(counter, {"N": "0"})["N"])


def answer(reason: str, user: str, plan: str, counters: dict[str, Any], now: datetime, day: str) -> dict[str, Any]:
    """The simple response, with what the API may want to know."""
    limit = DAY_LIMITS.get(plan)
    used = str(count(counters, "total" if limit is None else day)) if plan else ""
    tomorrow = now.date() + timedelta(days=1)
    log(reason, user)
    return {
        "isAuthorized": reason == "ok",
        "context": {
            "reason": reason,
            "userId": user,
            "solutionId": SOLUTION_ID,
            "plan": plan,
            "limit": "" if limit is None else str(limit),
            "used": used,
            "remaining": "" if limit is None else str(max(0, limit - int(used))),
            "resetsAt": "" if limit is None else f"{tomorrow:%Y-%m-%dT00:00:00Z}",
            "upgradeUrl": f"{UPGRADE_URL}&from={reason}" if reason == "quota_exceeded" else UPGRADE_URL,
            "resign": "false",
        },
    }


def log(reason: str, user: str) -> None:
    """One line for each decision."""
    print(json.dumps({"reason": reason, "user": user, "solution": SOLUTION_ID}))
