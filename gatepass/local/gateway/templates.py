"""Gateway responses: simple substitution without escaping.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
HTTP APIs have none and answer with the status phrase:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gatepass.local.gateway.failures import Failure
from gatepass.local.gateway.invocation import Invocation
from gatepass.local.gateway.messages import HttpResponse, json_response
from gatepass.local.gateway.model import GatewayResponse, ResponseType

# Written out, because Python renames 413 and others between versions.
_HTTP_MESSAGES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_VARIABLE = re.compile(r"\$(context|stageVariables)((?:\.[A-Za-z0-9_-]+)+)")
_PARAMETER = re.compile(r"method\.request\.(header|querystring|path)\.(\S+)")
_HEADER_VARIABLE = re.compile(r"(context|stageVariables)((?:\.[A-Za-z0-9_-]+)+)")


def respond(invocation: Invocation, failure: Failure) -> HttpResponse:
    """The response for a failure: the API's own gateway response, or the default of its type."""
    if invocation.api.type == "HTTP":
        message = {"message": _HTTP_MESSAGES[failure.status]}
        return json_response(failure.status, message, (("Apigw-Requestid", invocation.request_id),))
    fixed = (("x-amzn-RequestId", invocation.request_id), ("x-amzn-ErrorType", failure.error_type))
    custom = _customization(invocation.api.gateway_responses, failure)
    if custom is None:
        # The default body of a denial spells its key "Message" (by report: aws/chalice#971).
        key = "Message" if failure.kind is ResponseType.ACCESS_DENIED else "message"
        return json_response(failure.status, {key: failure.message}, fixed)
    variables = _variables(invocation, failure)
    headers = {"Content-Type": "application/json"}
    for name, value in custom.headers.items():
        headers[name] = _header(value, invocation, variables)
    body = _VARIABLE.sub(lambda match: _text(_lookup(variables, match)), custom.template)
    return HttpResponse(custom.status or failure.status, (*headers.items(), *fixed), body.encode(errors="replace"))


def _customization(responses: Mapping[ResponseType | str, GatewayResponse], failure: Failure) -> GatewayResponse | None:
    """The response of the type, or of `DEFAULT_4XX` or `DEFAULT_5XX` for a type that has none.

    A default's status replaces that of every type that falls back to it. For UNAUTHORIZED only, the page does not
    mention the fallback, but CORS headers on 401s rely on it (aws/serverless-application-model#717).
    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    if failure.kind is None:
        return None
    fallback = ResponseType.DEFAULT_4XX if failure.status < 500 else ResponseType.DEFAULT_5XX
    return responses.get(failure.kind) or responses.get(fallback)


def _variables(invocation: Invocation, failure: Failure) -> dict[str, Any]:
    context = invocation.context_variables()
    context["authorizer"] = dict(failure.authorizer)
    context["error"] = {
        "message": failure.message,
        "messageString": json.dumps(failure.message),
        "responseType": failure.kind,
    }
    return {"context": context, "stageVariables": dict(invocation.api.stage_variables)}


def _lookup(variables: Mapping[str, Any], match: re.Match[str]) -> Any:
    value: Any = variables[match[1]]
    for part in match[2][1:].split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    """A variable's text. A missing variable is empty, and quotes in a value are not escaped."""
    if value is None or isinstance(value, dict):
        return ""
    return str(value)


def _header(value: str, invocation: Invocation, variables: Mapping[str, Any]) -> str:
    """A header's value: a quoted or bare literal, a request parameter, or a variable.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.responseParameters.html
    """
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if parameter := _PARAMETER.fullmatch(value):
        return _request_parameter(invocation, parameter[1], parameter[2])
    if variable := _HEADER_VARIABLE.fullmatch(value):
        return _text(_lookup(variables, variable))
    return value


def _request_parameter(invocation: Invocation, place: str, name: str) -> str:
    if place == "header":
        return next(reversed(invocation.request.header_values(name)), "")
    if place == "path":
        return invocation.path_parameters.get(name, "")
    return dict(invocation.request.query_pairs()).get(name, "")
