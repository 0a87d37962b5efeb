"""Reads every event that an authorizer can receive as one request.

REST: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
HTTP: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
WebSocket: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html

Nothing in an event is trusted, because the caller of an API controls most of it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from entitlements.gate import Request

ORIGIN_SECRET_HEADER: Final = "x-origin-secret"
READ_HEADERS: Final = ("authorization", "x-forwarded-for", ORIGIN_SECRET_HEADER)

# Paths can contain colons and slashes. Only the first parts of an ARN are separated by them.
_ARN: Final = re.compile(
    r"(?P<prefix>arn:[a-z-]+:execute-api:[^:/]*:[^:/]*):(?P<api_id>[A-Za-z0-9]+)/(?P<stage>[^/]+)"
    r"(?:/(?P<method>[^/]+)(?:/(?P<path>.*))?)?",
    re.DOTALL,
)
_VARIABLE: Final = re.compile(r"\{(?P<name>[^{}+]+)(?P<greedy>\+?)\}")


class Answer(StrEnum):
    """The answer formats that API Gateway accepts."""

    POLICY = "policy"
    SIMPLE = "simple"


class AuthorizerRequest(NamedTuple):
    """A request, and what its answer needs. `resource` is the ARN pattern of the API's whole stage."""

    api_id: str
    stage: str
    resource: str
    answer: Answer
    request: Request


def read_event(event: object) -> AuthorizerRequest | None:
    """Read an event. Returns None for events that API Gateway does not send to an authorizer."""
    if not isinstance(event, dict):
        return None
    arn = event.get("routeArn") if event.get("version") == "2.0" else event.get("methodArn")
    match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if match is None or event.get("type") not in ("TOKEN", "REQUEST"):
        return None
    # The whole stage, not one method: with a result cache, a policy for one method refuses all others, and an ARN in a
    # policy can have at most 512 characters.
    resource = f"{match['prefix']}:{match['api_id']}/{match['stage']}/*"
    if event["type"] == "TOKEN":
        request = _token_request(event, match)
    elif event.get("version") == "2.0":
        request = _http_request(event, match["stage"])
    else:
        request = _rest_request(event, match["stage"])
    answer = Answer.SIMPLE if event.get("version") == "2.0" else Answer.POLICY
    return AuthorizerRequest(match["api_id"], match["stage"], resource, answer, request)


def is_preflight(event: object) -> bool:
    """Whether an event is an `OPTIONS` request that an HTTP API sends as to a backend, with payload 2.0.

    Such an API answers preflight itself only if no route matches. If `ANY` or `$default` matches, `attach` creates an
    `OPTIONS` route to this function, and the API's CORS settings add their headers to the answer. Events for an
    authorizer differ: they have a `type` and a `routeArn`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    if not isinstance(event, dict) or event.get("version") != "2.0" or "type" in event or "routeArn" in event:
        return False
    return _mapping(_mapping(event.get("requestContext")).get("http")).get("method") == "OPTIONS"


def _token_request(event: Mapping[str, Any], arn: re.Match[str]) -> Request:
    """A TOKEN authorizer's event: a header value and a method ARN, without address or query."""
    return Request(
        method=(arn["method"] or "").upper(),
        path="/" + (arn["path"] or ""),
        authorization=_texts([event.get("authorizationToken")]),
    )


def _rest_request(event: Mapping[str, Any], stage: str) -> Request:
    """A REQUEST authorizer's event of a REST or WebSocket API, or of an HTTP API with payload 1.0."""
    context, headers = _mapping(event.get("requestContext")), _headers(event)
    websocket = "connectionId" in context or context.get("eventType") == "CONNECT"
    route = "" if websocket else _text(event.get("resource"))
    path = "/$connect" if websocket else _text(event.get("path"))
    if event.get("version") == "1.0":
        path = _without_stage(path, stage)
    return Request(
        method="GET" if websocket else _text(event.get("httpMethod") or context.get("httpMethod")).upper(),
        path=_routed_path(route, path, event),
        authorization=headers["authorization"],
        query_tokens=_query(event, "token"),
        query_token_allowed=websocket,
        source_ip=_text(_mapping(context.get("identity")).get("sourceIp")) or None,
        forwarded_for=headers["x-forwarded-for"],
        origin_secret=_only(headers[ORIGIN_SECRET_HEADER]),
    )


def _http_request(event: Mapping[str, Any], stage: str) -> Request:
    """A payload 2.0 event: repeated headers are joined by commas, and the query is also present in raw form."""
    http, headers = _mapping(_mapping(event.get("requestContext")).get("http")), _headers(event)
    _, _, route = _text(event.get("routeKey")).partition(" ")
    path = _without_stage(_text(event.get("rawPath") or http.get("path")), stage)
    query = parse_qs(_text(event.get("rawQueryString")), keep_blank_values=True)
    return Request(
        method=_text(http.get("method")).upper(),
        path=_routed_path(route, path, event),
        authorization=headers["authorization"],
        query_tokens=tuple(query.get("token", [])) or _query(event, "token"),
        source_ip=_text(http.get("sourceIp")) or None,
        forwarded_for=headers["x-forwarded-for"],
        origin_secret=_only(headers[ORIGIN_SECRET_HEADER]),
    )


def _routed_path(route: str, path: str, event: Mapping[str, Any]) -> str:
    """The path without stage and base path mapping, which `path` can contain: the route with its variables set."""
    if not route.startswith("/"):
        return path or "/"
    parameters = _mapping(event.get("pathParameters"))

    def fill(variable: re.Match[str]) -> str:
        value = parameters.get(variable["name"])
        if not isinstance(value, str):
            return variable[0]
        return _as_sent(path, value) if variable["greedy"] else _quoted(value, safe="")

    return _VARIABLE.sub(fill, route)


def _as_sent(path: str, decoded: str) -> str:
    """The part of `path` that API Gateway decoded into a greedy variable, as sent, because a backend may see it so."""
    # A percent-encoded character cannot span a slash, so segments can be decoded one by one. Only one suffix of the
    # path is as long as the variable.
    start, left = len(path), len(decoded) + 1
    while left > 0 and start > 0:
        before = path.rfind("/", 0, start)
        left -= len(unquote(path[before + 1 : start])) + 1
        start = before
        if left == 0 and start >= 0 and unquote(path[start + 1 :]) == decoded:
            return path[start + 1 :]
    return _quoted(decoded)


def _quoted(text: str, safe: str = "/") -> str:
    """Percent-encoded. A lone surrogate, which JSON can contain and UTF-8 cannot, is encoded, not refused."""
    return quote(text, safe, errors="surrogatepass")


def _without_stage(path: str, stage: str) -> str:
    """HTTP APIs add the stage to the path, except for `$default`."""
    return path.removeprefix(f"/{stage}") or "/" if path == f"/{stage}" or path.startswith(f"/{stage}/") else path


def _headers(event: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """All values of the headers that a decision reads. Names are not case-sensitive, and headers can be repeated."""
    repeated: dict[str, list[Any]] = {}
    single: dict[str, list[Any]] = {}
    for name, values in _mapping(event.get("multiValueHeaders")).items():
        if (lower := name.lower()) in READ_HEADERS and isinstance(values, list):
            repeated.setdefault(lower, []).extend(values)
    for name, value in _mapping(event.get("headers")).items():
        if (lower := name.lower()) in READ_HEADERS:
            single.setdefault(lower, []).append(value)
    return {name: _texts(repeated.get(name, [])) or _texts(single.get(name, [])) for name in READ_HEADERS}


def _query(event: Mapping[str, Any], name: str) -> tuple[str, ...]:
    repeated = _mapping(event.get("multiValueQueryStringParameters")).get(name)
    if isinstance(repeated, list) and repeated:
        return _texts(repeated)
    return _texts([_mapping(event.get("queryStringParameters")).get(name)])


def _texts(values: list[Any]) -> tuple[str, ...]:
    # A value that is not a string becomes an invalid token: an invalid token must not count as absent.
    return tuple(value if isinstance(value, str) else "?" for value in values if value is not None)


def _only(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
