"""A REST API's `OPTIONS` methods: a mock that answers preflight, and the way back to what was there."""

import json
from typing import Any, Final

from gatepass.attach.resources import BackendMethod, Preflight, PreflightMock, PreflightState, without_nulls
from gatepass.aws_calls import Aws

OPERATION: Final = "GatepassPreflight"
"""Marks an OPTIONS method as ours, even one that was cut off half way."""
_TEXT: Final = "CONVERT_TO_TEXT"
"""The content handling of every mock of ours. Without it, an API whose binary media types match the request (`*/*`
does) hands a mock binary data, which no template transforms: it answers 500. Preflight has no body, so that nothing
else changes. https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
https://serverlessland.com/snippets/apigateway-mock-integration-binary-media-types
"""
_HEADER: Final = "method.response.header."
_METHOD: Final = ("apiKeyRequired", "requestParameters", "requestModels", "requestValidatorId")
_INTEGRATION: Final = (
    "type", "uri", "connectionType", "connectionId", "credentials", "requestParameters", "requestTemplates",
    "passthroughBehavior", "cacheNamespace", "cacheKeyParameters", "contentHandling", "timeoutInMillis", "tlsConfig",
    "responseTransferMode", "integrationTarget",
)  # fmt: skip
_ANSWER: Final = ("statusCode", "selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
_METHOD_ANSWER: Final = ("statusCode", "responseParameters", "responseModels")


def value_of(method: dict[str, Any] | None, binary: bool) -> Preflight | None:
    """What an OPTIONS method is. `binary` is whether its API has binary media types: then a mock of ours that does not
    take requests for text answers 500, and is partial.
    """
    if method is None:
        return None
    integration = method.get("methodIntegration") or {}
    if method.get("operationName") == OPERATION:
        answers = integration.get("integrationResponses") or {}
        fails = binary and integration.get("contentHandling") != _TEXT
        if integration.get("type") != "MOCK" or "204" not in answers or fails:
            return PreflightState.PARTIAL
        headers = answers["204"].get("responseParameters") or {}
        return PreflightMock({name.removeprefix(_HEADER): value.strip("'") for name, value in headers.items()})
    if integration.get("type", "MOCK") == "MOCK" or authorization_type(method) != "NONE":
        return PreflightState.KEPT
    verb = integration.get("httpMethod")
    return BackendMethod(
        put_method=_some(method, _METHOD),
        operation=method.get("operationName") or "",
        put_method_response=[_some(one, _METHOD_ANSWER) for one in _sorted(method.get("methodResponses"))],
        put_integration=_some(integration, _INTEGRATION) | ({"integrationHttpMethod": verb} if verb else {}),
        put_integration_response=[_some(one, _ANSWER) for one in _sorted(integration.get("integrationResponses"))],
    )


def authorization_type(method: dict[str, Any]) -> str:
    """A method's authorization in AWS's word. AWS always says it, though its model makes it optional; other gateways
    leave it out.

    https://docs.aws.amazon.com/apigateway/latest/api/API_Method.html
    """
    # A method with an authorizer is not open: who detaches later would leave it so.
    return method.get("authorizationType") or ("CUSTOM" if method.get("authorizerId") else "NONE")


def _some(facts: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: without_nulls(facts[name]) for name in names if facts.get(name) not in (None, "", {}, [], False)}


def _sorted(answers: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [answer for _, answer in sorted((answers or {}).items())]


def delete(aws: Aws, where: dict[str, str]) -> None:
    """Delete the method; `where` names it."""
    aws.call("apigateway", "delete_method", **where)


def write(aws: Aws, where: dict[str, str], value: PreflightMock | BackendMethod, replaces: bool) -> None:
    """Make the method that `where` names. Several calls, of which none is live before the deployment."""
    if replaces:
        delete(aws, where)
    whole = value if isinstance(value, BackendMethod) else _mock(value)
    # The mark stands until everything does, so that a method that was cut off is known for ours.
    aws.call("apigateway", "put_method", **where, **whole.put_method, authorizationType="NONE",
             operationName=OPERATION)  # fmt: skip
    for one in whole.put_method_response:
        aws.call("apigateway", "put_method_response", **where, **one)
    aws.call("apigateway", "put_integration", **where, **whole.put_integration)
    for one in whole.put_integration_response:
        aws.call("apigateway", "put_integration_response", **where, **one)
    if whole.operation != OPERATION:
        patch = [{"op": "replace", "path": "/operationName", "value": whole.operation}]
        aws.call("apigateway", "update_method", **where, patchOperations=patch)


def _mock(mock: PreflightMock) -> BackendMethod:
    """A mock as the method that it is."""
    named = {_HEADER + name: f"'{text}'" for name, text in mock.headers.items()}
    template = {"application/json": json.dumps({"statusCode": 204})}
    return BackendMethod(
        put_method={},
        operation=OPERATION,
        put_method_response=[{"statusCode": "204", "responseParameters": dict.fromkeys(named, False)}],
        put_integration={"type": "MOCK", "requestTemplates": template, "contentHandling": _TEXT},
        put_integration_response=[{"statusCode": "204", "responseParameters": named}],
    )
