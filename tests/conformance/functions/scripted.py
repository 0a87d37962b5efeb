"""An authorizer that does what the header `X-Script` says, so that every answer of one can be asked for."""

import uuid
from typing import Any

NUMBERS = {"text": "a", "whole": 7, "part": 1.5, "yes": True}


def lambda_handler(event: dict[str, Any], _: object) -> Any:
    """Answer in the form that the payload's version expects: a policy, or a simple response."""
    script = _header(event, "x-script")
    if script == "unauthorized":
        raise Exception("Unauthorized")  # the message alone decides
    if script == "fail":
        raise Exception("scripted failure")
    if script == "malformed":
        return {"statusCode": 401}
    arn = event.get("methodArn") or event["routeArn"]
    stage_of_arn, _, tail = arn.partition("/")[2].partition("/")
    context: dict[str, Any] = {"call": uuid.uuid4().hex}
    if script == "numbers":
        context |= NUMBERS
    if script == "nested":
        context["nested"] = {"a": 1}
    if script == "tell":
        context |= {
            "stage": stage_of_arn,
            "arn": tail,
            "path": event.get("rawPath") or event.get("path") or "",
            "repeated": _header(event, "x-repeated"),
            "version": event.get("version", ""),
        }
    if event.get("version") == "2.0":
        return {"isAuthorized": script not in ("", "deny"), "context": context}
    resource = {"elsewhere": f"{arn}/elsewhere", "one": arn}.get(script, arn.partition("/")[0] + "/*")
    effect = "Deny" if script in ("", "deny") else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "scripted",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }


def _header(event: dict[str, Any], wanted: str) -> str:
    repeated = [value for name, value in (event.get("multiValueHeaders") or {}).items() if name.lower() == wanted]
    if repeated:
        return ",".join(repeated[0]).replace(", ", ",")
    single = next((value for name, value in (event.get("headers") or {}).items() if name.lower() == wanted), "")
    return str(single).replace(", ", ",")
