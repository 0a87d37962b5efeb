"""Identity sources: expressions that name where a request contains the caller's identity.

REST: https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html (`identitySource`).
HTTP: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
(identity sources). Path parameters cannot be identity sources
(https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Location(StrEnum):
    """Where an identity source reads from."""

    HEADER = "header"
    QUERY = "querystring"
    CONTEXT = "context"
    STAGE_VARIABLE = "stageVariables"


@dataclass(frozen=True)
class IdentitySource:
    """One parsed expression."""

    location: Location
    name: str


_REST = re.compile(
    r"(?:method\.request\.(?P<place>header|querystring)|(?P<scope>context|stageVariables))\.(?P<name>\S+)"
)
_HTTP = re.compile(r"\$(?:request\.(?P<place>header|querystring)|(?P<scope>context|stageVariables))\.(?P<name>\S+)")
_HELP = {
    "REST": "write method.request.header.NAME, method.request.querystring.NAME, context.NAME or stageVariables.NAME",
    "HTTP": "write $request.header.NAME, $request.querystring.NAME, $context.NAME or $stageVariables.NAME",
}


def parse_identity_source(expression: str, api_type: Literal["REST", "HTTP"]) -> IdentitySource:
    """Parse one expression. Raises a ValueError that says how to write it."""
    match = (_REST if api_type == "REST" else _HTTP).fullmatch(expression)
    if match is None:
        raise ValueError(f"{expression!r} is not an identity source of {api_type} APIs: {_HELP[api_type]}")
    return IdentitySource(Location(match["place"] or match["scope"]), match["name"])
