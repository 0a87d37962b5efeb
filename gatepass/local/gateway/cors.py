"""CORS of HTTP APIs. REST APIs have no such settings: they use an `OPTIONS` route and response headers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

from dataclasses import replace

from gatepass.local.gateway.messages import HttpRequest, HttpResponse
from gatepass.local.gateway.model import Cors


def is_preflight(request: HttpRequest) -> bool:
    """Whether a request is a preflight request of a browser (Fetch standard, CORS-preflight request)."""
    return (
        request.method == "OPTIONS"
        and bool(request.header_values("Origin"))
        and bool(request.header_values("Access-Control-Request-Method"))
    )


def with_cors(cors: Cors, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with the API's CORS headers instead of the integration's, which are ignored.

    The API's own 401 and 403 have them too: browsers report their preflight as "does not have HTTP ok
    status", which they do only for answers whose origin they accept (by report: anomalyco/sst#5493).
    """
    headers = [pair for pair in response.headers if not pair[0].lower().startswith("access-control-")]
    origin = _allowed_origin(cors, next(iter(request.header_values("Origin")), ""))
    if origin:
        headers.append(("Access-Control-Allow-Origin", origin))
        if cors.allow_credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        if is_preflight(request):
            headers += _preflight_headers(cors)
        elif cors.expose_headers:
            headers.append(("Access-Control-Expose-Headers", ",".join(cors.expose_headers)))
    return replace(response, headers=tuple(headers))


def _preflight_headers(cors: Cors) -> list[tuple[str, str]]:
    headers = []
    if cors.allow_methods:
        headers.append(("Access-Control-Allow-Methods", ",".join(cors.allow_methods)))
    if cors.allow_headers:
        headers.append(("Access-Control-Allow-Headers", ",".join(cors.allow_headers)))
    if cors.max_age is not None:
        headers.append(("Access-Control-Max-Age", str(cors.max_age)))
    return headers


def _allowed_origin(cors: Cors, origin: str) -> str | None:
    """The allowed origin to return: `*`, the origin itself (listed, or by `https://*` or `http://*`), or None."""
    if not origin:
        return None
    if "*" in cors.allow_origins:
        return "*"
    scheme = origin.partition("://")[0]
    return origin if origin in cors.allow_origins or f"{scheme}://*" in cors.allow_origins else None
