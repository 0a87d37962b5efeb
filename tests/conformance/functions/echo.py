"""The backend of the API under test: it answers with what it received, and knows nothing of access."""

import json
from typing import Any

REPEATED = "x-repeated"


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Echo the parts of the event that the cases look at; 204 to `OPTIONS`, as a route for preflight answers."""
    context = event["requestContext"]
    if (event.get("httpMethod") or context.get("http", {}).get("method")) == "OPTIONS":
        return {"statusCode": 204}
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


def _of(headers: dict[str, Any] | None) -> Any:
    return next((value for name, value in (headers or {}).items() if name.lower() == REPEATED), None)
