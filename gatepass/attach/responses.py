"""What an attached API answers in the gate's name: gateway responses, preflight, CORS.

Templates of gateway responses escape nothing, which is why every variable stands in quotes and the context holds
only JSON-safe ASCII (`entitlements.decision.Decision.context`).
"""

import json
from typing import Final

from entitlements.origins import origins_of
from entitlements.solution import Solution
from gatepass.attach.resources import CorsConfiguration, CustomResponse, PreflightMock

_FACTS: Final = ",".join(
    f'"{name}":"$context.authorizer.{name}"'
    for name in ("reason", "plan", "limit", "used", "remaining", "resetsAt", "upgradeUrl")
)
REFUSED: Final = f'{{"message":"Refused",{_FACTS}}}'
LATER: Final = '{"message":"Access cannot be checked right now: try again."}'
METHODS: Final = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"
AUTHORIZATION: Final = "authorization"
HEADERS: Final = f"{AUTHORIZATION},content-type"
PREFLIGHT_SECONDS: Final = 600
"""For which a browser need not ask again: a preflight of an HTTP API may cost a call of the gate's function."""


def cors_origins(solution: Solution) -> list[str]:
    """Where browsers use the solution from, in an order that stays."""
    return sorted(origins_of(solution))


def _origin(solution: Solution) -> str:
    """A REST API's headers are fixed texts: one origin can be named, of several only `*` (no cookies are involved)."""
    known = cors_origins(solution)
    return known[0] if len(known) == 1 else "*"


def gateway_responses(solution: Solution) -> dict[str, CustomResponse]:
    """The gateway responses of a REST API, by type."""
    headers = {"gatewayresponse.header.Access-Control-Allow-Origin": f"'{_origin(solution)}'"}
    # An exception carries no context: who wants to know more asks /v1/validate. Where a token is got is known before.
    link = json.dumps(solution.upgrade_url.replace("$", "%24"))
    bodies = {
        "ACCESS_DENIED": ("403", REFUSED),
        "UNAUTHORIZED": ("401", f'{{"message":"Unauthorized","upgradeUrl":{link}}}'),
        "AUTHORIZER_FAILURE": ("500", LATER),
        "AUTHORIZER_CONFIGURATION_ERROR": ("500", LATER),
    }
    return {
        type_: CustomResponse(status, headers, {"application/json": body}) for type_, (status, body) in bodies.items()
    }


def preflight(solution: Solution) -> PreflightMock:
    """A REST API's answer to preflight."""
    return PreflightMock(
        {
            "Access-Control-Allow-Origin": _origin(solution),
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Allow-Methods": METHODS,
        }
    )


def cors(present: CorsConfiguration | None, solution: Solution) -> CorsConfiguration:
    """An HTTP API's CORS settings: what is there, with the `authorization` header allowed.

    `*` as an allowed header does not cover `authorization` (Fetch standard, CORS non-wildcard request-header name).
    """
    if present is None:
        return CorsConfiguration(
            {
                "AllowOrigins": cors_origins(solution) or ["*"],
                "AllowHeaders": HEADERS.split(","),
                "AllowMethods": METHODS.split(","),
                "MaxAge": PREFLIGHT_SECONDS,
            }
        )
    if AUTHORIZATION in map(str.lower, present.allow_headers):
        return present
    return present.with_headers([*present.allow_headers, AUTHORIZATION])


def cors_without_ours(value: CorsConfiguration, origin: CorsConfiguration) -> CorsConfiguration:
    """CORS settings that their owner changed since, without the header that attaching added to `origin`."""
    if AUTHORIZATION in map(str.lower, origin.allow_headers):
        return value
    return value.with_headers([name for name in value.allow_headers if name.lower() != AUTHORIZATION])
