"""Finds the route of a request: first the stage, then the most specific path."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from gatepass.local.gateway.model import DEFAULT_ROUTE, DEFAULT_STAGE, Api, Route

_STATIC, _VARIABLE, _GREEDY = range(3)


@dataclass(frozen=True)
class Match:
    """A route and the values of its path variables."""

    route: Route
    path_parameters: dict[str, str]


def path_in_stage(api: Api, path: str) -> str | None:
    """The path below the stage, or None if the request is for another stage.

    `$default` is served from the base of the URL, and every other stage below its name.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html
    """
    if api.stage == DEFAULT_STAGE:
        return path or "/"
    prefix = f"/{api.stage}"
    if path != prefix and not path.startswith(prefix + "/"):
        return None
    return path[len(prefix) :] or "/"


def find_route(api: Api, method: str, path: str) -> Match | None:
    """The route for a method and a path below the stage, or None."""
    return _find_rest(api, method, path) if api.type == "REST" else _find_http(api, method, path)


def _find_rest(api: Api, method: str, path: str) -> Match | None:
    """REST APIs select the resource by path, and then its method.

    `POST /pets` is therefore refused if `/pets` has only `GET`, even if `ANY /{proxy+}` exists. Trailing slashes
    are ignored (by report: the router of localstack, which was checked against AWS).
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
    """
    matches = _matches(api, path.rstrip("/") or "/")
    if not matches:
        return None
    best = min(_specificity(match.route) for match in matches)
    resource = [match for match in matches if _specificity(match.route) == best]
    for wanted in (method, "ANY"):
        for match in resource:
            if match.route.method == wanted:
                return match
    return None


def _find_http(api: Api, method: str, path: str) -> Match | None:
    """HTTP APIs: a full match of route and method, then a greedy one, then `$default`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """
    candidates = [match for match in _matches(api, path) if match.route.method in (method, "ANY")]
    if candidates:
        return min(
            candidates,
            key=lambda match: (
                _GREEDY in _specificity(match.route),
                _specificity(match.route),
                match.route.method == "ANY",
            ),
        )
    return next((Match(route, {}) for route in api.routes if route.path == DEFAULT_ROUTE), None)


def _matches(api: Api, path: str) -> list[Match]:
    segments = [] if path == "/" else path[1:].split("/")
    found = []
    for route in api.routes:
        if route.path == DEFAULT_ROUTE:
            continue
        parameters = _bind(route.segments, segments)
        if parameters is not None:
            found.append(Match(route, parameters))
    return found


def _bind(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """The decoded path variables (by report: dherault/serverless-offline#638), or None if the path does not match."""
    parameters = {}
    for index, part in enumerate(pattern):
        if index >= len(segments) or not segments[index]:
            return None
        if part.endswith("+}"):
            parameters[part[1:-2]] = unquote("/".join(segments[index:]))
            return parameters
        if part.startswith("{"):
            parameters[part[1:-1]] = unquote(segments[index])
        elif part != segments[index]:
            return None
    return parameters if len(pattern) == len(segments) else None


def _specificity(route: Route) -> tuple[int, ...]:
    """Lower is more specific, segment by segment."""
    return tuple(
        _GREEDY if part.endswith("+}") else _VARIABLE if part.startswith("{") else _STATIC for part in route.segments
    )
