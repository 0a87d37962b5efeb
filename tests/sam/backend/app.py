"""A backend without access code: answers with the context that the gate handed on."""

import json
from typing import Any


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Echo the authorizer's context."""
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
