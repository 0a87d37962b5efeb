"""The backend of the API under test: it answers with what it received, and knows nothing of access."""

import json
from typing import Any

REPEATED = "x-repeated"


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Echo the parts of the event that the cases look at."""
    context = event["requestContext"]
    received = {
        "authorizer": context.get("authorizer"),
        "path": event.get("rawPath") or event.get("path"),
        "stage": context.get("stage"),
        "proxy": (event.get("pathParameters") or {}).get("proxy"),
        "repeated": _of(event.get("headers")),
        "all_repeated": _of(event.get("multiValueHeaders")),
    }
    headers = {"Content-Type": "application/json", "WWW-Authenticate": "Custom"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(received)}


def preflight(event: dict[str, Any], _: object) -> dict[str, Any]:
    """What a route for `OPTIONS` answers, and the gate's own function too; CORS adds its headers."""
    return {"statusCode": 204}


def _of(headers: dict[str, Any] | None) -> Any:
    value = next((value for name, value in (headers or {}).items() if name.lower() == REPEATED), None)
    # A comma with a space joins values as well (RFC 9110, section 5.3).
    return value.replace(", ", ",") if isinstance(value, str) else value
