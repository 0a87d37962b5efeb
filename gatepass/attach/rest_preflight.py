"""A REST API's `OPTIONS` methods: a mock that answers preflight, and the way back to what was there."""

import json
from typing import Any, Final

from gatepass.attach.apis import PARTIAL
from gatepass.aws_calls import Aws

OPERATION: Final = "GatepassPreflight"
"""Marks an OPTIONS method as ours, even one that was cut off half way."""
KEPT: Final = "the API's own"
"""An OPTIONS method that stays: a mock, or one that has an authorization of its own."""
OWN: Final = "method"
"""The key of a value that is a backend's OPTIONS method, whole."""
_HEADER: Final = "method.response.header."
_METHOD: Final = ("apiKeyRequired", "requestParameters", "requestModels", "requestValidatorId")
_INTEGRATION: Final = (
    "type", "uri", "connectionType", "connectionId", "credentials", "requestParameters", "requestTemplates",
    "passthroughBehavior", "cacheNamespace", "cacheKeyParameters", "contentHandling", "timeoutInMillis", "tlsConfig",
    "responseTransferMode", "integrationTarget",
)  # fmt: skip
_ANSWER: Final = ("statusCode", "selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
_METHOD_ANSWER: Final = ("statusCode", "responseParameters", "responseModels")


def value_of(method: dict[str, Any] | None) -> Any:
    """What an OPTIONS method is: None, the headers that a mock of ours sends, a backend's method whole, or kept."""
    if method is None:
        return None
    integration = method.get("methodIntegration") or {}
    if method.get("operationName") == OPERATION:
        answers = integration.get("integrationResponses") or {}
        if integration.get("type") != "MOCK" or "204" not in answers:
            return PARTIAL
        headers = answers["204"].get("responseParameters", {})
        return {name.removeprefix(_HEADER): value.strip("'") for name, value in headers.items()}
    if integration.get("type", "MOCK") == "MOCK" or method.get("authorizationType") != "NONE":
        return KEPT
    return {OWN: _whole(method, integration)}


def _whole(method: dict[str, Any], integration: dict[str, Any]) -> dict[str, Any]:
    """All that making the method again needs, in the words of the calls that make it."""
    verb = integration.get("httpMethod")
    return {
        "put_method": _some(method, _METHOD),
        "operation": method.get("operationName") or "",
        "put_method_response": [_some(one, _METHOD_ANSWER) for one in _sorted(method.get("methodResponses"))],
        "put_integration": _some(integration, _INTEGRATION) | ({"integrationHttpMethod": verb} if verb else {}),
        "put_integration_response": [_some(one, _ANSWER) for one in _sorted(integration.get("integrationResponses"))],
    }


def _some(facts: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: facts[name] for name in names if facts.get(name) not in (None, "", {}, [], False)}


def _sorted(answers: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [answer for _, answer in sorted((answers or {}).items())]


def write(aws: Aws, where: dict[str, str], was: Any, value: Any) -> None:
    """Put `value` in place of `was`. Several calls, of which none is live before the deployment."""
    where = where | {"httpMethod": "OPTIONS"}
    if was is not None:
        aws.call("apigateway", "delete_method", **where)
    if value is None:
        return
    whole = value[OWN] if OWN in value else _mock(value)
    # The mark stands until everything does, so that a method that was cut off is known for ours.
    aws.call("apigateway", "put_method", **where, **whole["put_method"], authorizationType="NONE",
             operationName=OPERATION)  # fmt: skip
    for one in whole["put_method_response"]:
        aws.call("apigateway", "put_method_response", **where, **one)
    aws.call("apigateway", "put_integration", **where, **whole["put_integration"])
    for one in whole["put_integration_response"]:
        aws.call("apigateway", "put_integration_response", **where, **one)
    if whole["operation"] != OPERATION:
        patch = [{"op": "replace", "path": "/operationName", "value": whole["operation"]}]
        aws.call("apigateway", "update_method", **where, patchOperations=patch)


def _mock(headers: dict[str, str]) -> dict[str, Any]:
    named = {_HEADER + name: f"'{text}'" for name, text in headers.items()}
    template = {"application/json": json.dumps({"statusCode": 204})}
    return {
        "put_method": {},
        "operation": OPERATION,
        "put_method_response": [{"statusCode": "204", "responseParameters": dict.fromkeys(named, False)}],
        "put_integration": {"type": "MOCK", "requestTemplates": template},
        "put_integration_response": [{"statusCode": "204", "responseParameters": named}],
    }
