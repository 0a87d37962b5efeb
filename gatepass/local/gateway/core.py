"""The gateway as a function from request to response."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from gatepass.local.gateway.authorize import ResultCache, authorize
from gatepass.local.gateway.cors import is_preflight, with_cors
from gatepass.local.gateway.failures import (
    BODY_TOO_LARGE,
    HEADERS_TOO_LARGE,
    NO_SUCH_METHOD,
    NO_SUCH_ROUTE,
    NO_SUCH_STAGE,
    Failure,
)
from gatepass.local.gateway.integrations import integrate
from gatepass.local.gateway.invocation import Invocation
from gatepass.local.gateway.messages import HttpRequest, HttpResponse
from gatepass.local.gateway.model import Api
from gatepass.local.gateway.routing import Match, find_route, path_in_stage
from gatepass.local.gateway.templates import respond

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAX_HEADER_BYTES = 10_240
MAX_BODY_BYTES = 10 * 1024 * 1024


def handle(
    api: Api,
    request: HttpRequest,
    cache: ResultCache | None = None,
    clock: Callable[[], float] = time.time,
) -> HttpResponse:
    """Answer one request as the API would. Without a `cache`, nothing is kept between calls."""
    path = path_in_stage(api, request.path)
    match = None if path is None else find_route(api, request.method, path)
    invocation = Invocation(
        api=api,
        request=with_forwarded_for(request),
        path=path or "/",
        resource=match.route.path if match else "",
        route_key=match.route.key if match else "",
        path_parameters=match.path_parameters if match else {},
        request_id=str(uuid.uuid4()),
        now=clock(),
    )
    outcome: HttpResponse | Failure
    if (excess := _excess(api, request)) is not None:
        outcome = excess
    elif match is None:
        outcome = _unrouted(api, request, in_stage=path is not None)
    else:
        outcome = _routed(invocation, match, ResultCache() if cache is None else cache, clock)
    response = respond(invocation, outcome) if isinstance(outcome, Failure) else outcome
    return response if api.cors is None else with_cors(api.cors, request, response)


def with_forwarded_for(request: HttpRequest) -> HttpRequest:
    """The request with its peer's address last in `X-Forwarded-For`. The client controls everything before it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
    """
    replaced = {"x-forwarded-for", "x-forwarded-proto"}
    headers = [pair for pair in request.headers if pair[0].lower() not in replaced]
    claimed = request.header_values("X-Forwarded-For")
    headers.append(("X-Forwarded-For", ", ".join([*claimed, request.source_ip])))
    headers.append(("X-Forwarded-Proto", "http"))
    return replace(request, headers=tuple(headers))


def _excess(api: Api, request: HttpRequest) -> Failure | None:
    """The quotas: REST APIs count the header values; HTTP APIs also count the request line."""
    size = sum(len(value.encode()) for _, value in request.headers)
    if api.type == "HTTP":
        query = f"?{request.query}" if request.query else ""
        size += len(f"{request.method} {request.path}{query} {request.protocol}".encode())
    if size > MAX_HEADER_BYTES:
        return HEADERS_TOO_LARGE
    return BODY_TOO_LARGE if len(request.body) > MAX_BODY_BYTES else None


def _unrouted(api: Api, request: HttpRequest, *, in_stage: bool) -> HttpResponse | Failure:
    """The answer if no route matches the request.

    Only here does an HTTP API with CORS answer preflight itself. An `ANY` or `$default` route also matches the
    `OPTIONS` request and applies its authorizer, so such APIs need an `OPTIONS` route without one: see
    "Configuring CORS for an HTTP API with a $default route" at
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html (for `ANY` by report:
    aws/serverless-application-model#1603, anomalyco/sst#5493).
    """
    if api.type == "REST":
        return NO_SUCH_METHOD if in_stage else NO_SUCH_STAGE
    if in_stage and api.cors is not None and is_preflight(request):
        return HttpResponse(204)
    return NO_SUCH_ROUTE


def _routed(
    invocation: Invocation, match: Match, cache: ResultCache, clock: Callable[[], float]
) -> HttpResponse | Failure:
    context = None
    if match.route.authorizer is not None:
        decision = authorize(invocation, match.route.authorizer, cache, clock)
        if isinstance(decision, Failure):
            return decision
        context = decision.context
    return integrate(invocation, match.route.integration, context, clock)
