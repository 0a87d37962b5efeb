"""The integration behind a route: Lambda proxy, HTTP proxy, mock."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from gatepass.local.gateway import event_payloads
from gatepass.local.gateway.failures import (
    HTTP_BACKEND_FAILED,
    HTTP_LAMBDA_FAILED,
    REST_BACKEND_FAILED,
    REST_BACKEND_TIMEOUT,
    REST_LAMBDA_FAILED,
    Failure,
)
from gatepass.local.gateway.invocation import Invocation
from gatepass.local.gateway.lambdas import (
    HTTP_INTEGRATION_TIMEOUT,
    REST_INTEGRATION_TIMEOUT,
    LambdaContext,
    function_name,
    invoke,
)
from gatepass.local.gateway.messages import HttpResponse, json_response
from gatepass.local.gateway.model import FINAL_STATUSES, HEADER_NAME, HttpProxy, Integration, LambdaFunction, Mock

# RFC 9110, section 7.6.1. The sender of a message sets its own length.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# "The following headers may be remapped": the page lists more, of which only this one is known to reach clients so.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = "www-authenticate"
_REST_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_log = logging.getLogger(__name__)


class MalformedResponseError(ValueError):
    """The function's answer does not have the documented form."""


def integrate(
    invocation: Invocation,
    integration: Integration,
    authorizer: Mapping[str, Any] | None,
    clock: Callable[[], float],
) -> HttpResponse | Failure:
    """Pass the request on and return the answer. Only Lambda functions get the authorizer's context."""
    if isinstance(integration, Mock):
        headers = {"Content-Type": "application/json"} | dict(integration.headers)
        return HttpResponse(integration.status, tuple(headers.items()), integration.body.encode())
    if isinstance(integration, HttpProxy):
        answer = _call_backend(invocation, integration)
    else:
        answer = _call_function(invocation, integration.function, authorizer, clock)
    if isinstance(answer, Failure) or invocation.api.type == "HTTP":
        return answer
    return replace(answer, headers=tuple((_renamed(name), value) for name, value in answer.headers))


def _renamed(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() == _REMAPPED else name


def _call_function(
    invocation: Invocation,
    function: LambdaFunction,
    authorizer: Mapping[str, Any] | None,
    clock: Callable[[], float],
) -> HttpResponse | Failure:
    rest = invocation.api.type == "REST"
    timeout = REST_INTEGRATION_TIMEOUT if rest else HTTP_INTEGRATION_TIMEOUT
    context = LambdaContext(invocation.api, function_name(function), timeout, clock)
    try:
        if rest:
            event = event_payloads.rest_proxy_event(invocation, authorizer)
            return read_rest_output(invoke(function, event, context))
        event = event_payloads.http_proxy_event_v2(invocation, authorizer)
        return read_http_output(invoke(function, event, context))
    except Exception as error:  # a function may raise anything
        ours = isinstance(error, MalformedResponseError)
        _log.warning("the integration failed: %s", error if ours else type(error).__name__)
        return REST_LAMBDA_FAILED if rest else HTTP_LAMBDA_FAILED


def read_rest_output(output: Any) -> HttpResponse:
    """The answer of a REST proxy function, which may have only the documented keys.

    `headers` and `multiValueHeaders` are merged. If both have a name, the latter takes precedence.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    if not isinstance(output, dict) or not output.keys() <= _REST_KEYS:
        raise MalformedResponseError(f"the output may have only {', '.join(sorted(_REST_KEYS))}")
    several = output.get("multiValueHeaders") or {}
    if not all(isinstance(values, list) for values in several.values()):
        raise MalformedResponseError("a value in multiValueHeaders is not a list")
    taken = {name.lower() for name in several}
    pairs = [
        (name, _header_text(value))
        for name, value in (output.get("headers") or {}).items()
        if name.lower() not in taken
    ]
    pairs += [(name, _header_text(value)) for name, values in several.items() for value in values]
    return _response(output.get("statusCode", 200), pairs, output)


def read_http_output(output: Any) -> HttpResponse:
    """The answer of an HTTP API's function, payload 2.0. Without a `statusCode`, the answer is inferred.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    if not isinstance(output, dict) or "statusCode" not in output:
        if isinstance(output, str):
            return HttpResponse(200, (("Content-Type", "application/json"),), output.encode())
        return json_response(200, output)
    pairs = [(name, _header_text(value)) for name, value in (output.get("headers") or {}).items()]
    pairs += [("Set-Cookie", str(cookie)) for cookie in output.get("cookies") or []]
    return _response(output["statusCode"], pairs, output)


def _response(status: Any, pairs: list[tuple[str, str]], output: dict[str, Any]) -> HttpResponse:
    try:
        code = int(status)
    except (TypeError, ValueError):
        raise MalformedResponseError("statusCode is not a number") from None
    # An interim status (1xx) would leave the client waiting for the final one.
    if code not in FINAL_STATUSES:
        raise MalformedResponseError("statusCode must be from 200 to 599")
    if not all(HEADER_NAME.fullmatch(name) for name, _ in pairs):
        raise MalformedResponseError("a header name is invalid")
    body = output.get("body") or ""
    if not isinstance(body, str):
        raise MalformedResponseError("body is not a string: serialize it")
    try:
        data = base64.b64decode(body, validate=True) if output.get("isBase64Encoded") else body.encode()
    except binascii.Error:
        raise MalformedResponseError("body is not base64, but isBase64Encoded is true") from None
    pairs = [pair for pair in pairs if pair[0].lower() not in _HOP_BY_HOP]
    # "API Gateway includes a Content-Type header for all integration responses":
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.insert(0, ("Content-Type", "application/json"))
    return HttpResponse(code, tuple(pairs), data)


def _header_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise MalformedResponseError("a header value is not a string, number, or boolean")


def _call_backend(invocation: Invocation, backend: HttpProxy) -> HttpResponse | Failure:
    """Forward over HTTP. The path is passed on without the stage, which belongs to the API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
    """
    rest = invocation.api.type == "REST"
    request, parts = invocation.request, urlsplit(backend.url)
    target = parts.path.rstrip("/") + invocation.path + (f"?{request.query}" if request.query else "")
    timeout = REST_INTEGRATION_TIMEOUT if rest else HTTP_INTEGRATION_TIMEOUT
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.putrequest(request.method, target, skip_accept_encoding=True)
        for name, value in request.headers:
            if name.lower() not in _HOP_BY_HOP and name.lower() != "host":
                connection.putheader(name, value.encode("latin-1", errors="replace"))
        if request.body or request.method in {"PATCH", "POST", "PUT"}:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        body = answer.read()
    except TimeoutError:
        return REST_BACKEND_TIMEOUT if rest else HTTP_BACKEND_FAILED
    except (OSError, http.client.HTTPException) as error:
        _log.warning("the backend failed: %s", type(error).__name__)
        return REST_BACKEND_FAILED if rest else HTTP_BACKEND_FAILED
    finally:
        connection.close()
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
    return HttpResponse(answer.status, tuple(headers), body)
