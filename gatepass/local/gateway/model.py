"""The parts of an API. A configuration that AWS would refuse, or that cannot work, raises a ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from gatepass.local.gateway.identity_sources import Location, parse_identity_source

ApiType = Literal["REST", "HTTP"]
LambdaFunction = Callable[[dict[str, Any], Any], Any]

DEFAULT_STAGE = "$default"
DEFAULT_ROUTE = "$default"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
MAX_TTL_SECONDS = 3600  # https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html
# https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html (Cors)
MAX_CORS_AGE_SECONDS = 86_400
_VARIABLE = re.compile(r"\{([A-Za-z0-9._-]+)(\+?)\}")
# A response that ends an exchange, and the characters of a field's name: RFC 9110, sections 15 and 5.1.
FINAL_STATUSES = range(200, 600)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


def _check_response(status: int | None, headers: Mapping[str, str]) -> None:
    if status is not None and status not in FINAL_STATUSES:
        raise ValueError(f"{status!r} is not a response status: choose 200 to 599")
    for name in headers:
        if not HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name: write a name such as Access-Control-Allow-Origin")


def _check_texts(name: str, values: object) -> None:
    """Refuse a single string, which is also a sequence: the most common mistake with these fields."""
    if isinstance(values, str) or not isinstance(values, tuple | list):
        raise ValueError(f"{name} is {values!r}: write a tuple of strings, as in ('one',)")


class ResponseType(StrEnum):
    """The gateway responses of a REST API that can be customized.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """

    ACCESS_DENIED = "ACCESS_DENIED"
    API_CONFIGURATION_ERROR = "API_CONFIGURATION_ERROR"
    AUTHORIZER_CONFIGURATION_ERROR = "AUTHORIZER_CONFIGURATION_ERROR"
    AUTHORIZER_FAILURE = "AUTHORIZER_FAILURE"
    BAD_REQUEST_BODY = "BAD_REQUEST_BODY"
    BAD_REQUEST_PARAMETERS = "BAD_REQUEST_PARAMETERS"
    DEFAULT_4XX = "DEFAULT_4XX"
    DEFAULT_5XX = "DEFAULT_5XX"
    EXPIRED_TOKEN = "EXPIRED_TOKEN"
    INTEGRATION_FAILURE = "INTEGRATION_FAILURE"
    INTEGRATION_TIMEOUT = "INTEGRATION_TIMEOUT"
    INVALID_API_KEY = "INVALID_API_KEY"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    MISSING_AUTHENTICATION_TOKEN = "MISSING_AUTHENTICATION_TOKEN"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    RESOURCE_NOT_FOUND = "RESOURCE_NOT_FOUND"
    THROTTLED = "THROTTLED"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    WAF_FILTERED = "WAF_FILTERED"


@dataclass(frozen=True, eq=False)
class Authorizer:
    """A Lambda authorizer. Routes that share one object share its result cache, as on AWS.

    Two authorizers are never equal, even with the same values: each has its own cache, as each has its own ID on AWS.
    `payload_version` and `simple_responses` apply only to HTTP APIs.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """

    function: LambdaFunction
    type: Literal["TOKEN", "REQUEST"] = "REQUEST"
    identity_sources: tuple[str, ...] = ()
    ttl_seconds: int = 0
    payload_version: Literal["1.0", "2.0"] = "2.0"
    simple_responses: bool = True

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(f"{self.function!r} cannot be called: give a handler(event, context)")
        if self.type not in ("TOKEN", "REQUEST"):
            raise ValueError(f"{self.type!r} is not an authorizer type: choose TOKEN or REQUEST")
        if self.payload_version not in ("1.0", "2.0"):
            raise ValueError(f"{self.payload_version!r} is not a payload version: choose '1.0' or '2.0'")
        _check_texts("identity_sources", self.identity_sources)
        if not 0 <= self.ttl_seconds <= MAX_TTL_SECONDS:
            raise ValueError(f"ttl_seconds is {self.ttl_seconds}: choose 0 (no cache) to {MAX_TTL_SECONDS}")
        if self.ttl_seconds and not self.identity_sources:
            raise ValueError("a result cache needs a key: name identity_sources, or set ttl_seconds to 0")

    def check(self, api_type: ApiType) -> None:
        """Raise a ValueError if this authorizer cannot serve an API of that type."""
        sources = [parse_identity_source(expression, api_type) for expression in self.identity_sources]
        if self.type == "TOKEN":
            if api_type == "HTTP":
                raise ValueError("HTTP APIs have no TOKEN authorizers: use type REQUEST")
            if len(sources) != 1 or sources[0].location is not Location.HEADER:
                raise ValueError("a TOKEN authorizer reads one header: name it as method.request.header.NAME")


@dataclass(frozen=True)
class LambdaProxy:
    """A Lambda proxy integration: payload 1.0 on REST APIs, 2.0 on HTTP APIs."""

    function: LambdaFunction

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(f"{self.function!r} cannot be called: give a handler(event, context)")


@dataclass(frozen=True)
class HttpProxy:
    """An HTTP proxy integration: method, path, query, headers and body go to `url` + path."""

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{self.url!r} is not a backend URL: write http://HOST:PORT or http://HOST:PORT/BASE")


@dataclass(frozen=True)
class Mock:
    """A mock integration of a REST API: a fixed answer, such as the one to an `OPTIONS` preflight."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=_nothing)
    body: str = ""

    def __post_init__(self) -> None:
        _check_response(self.status, self.headers)


Integration = LambdaProxy | HttpProxy | Mock


@dataclass(frozen=True)
class Route:
    """A method and path with its integration: `/search`, `/items/{id}`, `/{proxy+}`, `$default` (HTTP)."""

    method: str
    path: str
    integration: Integration
    authorizer: Authorizer | None = None

    def __post_init__(self) -> None:
        if self.method != "ANY" and self.method not in METHODS:
            choices = ", ".join(sorted(METHODS))
            raise ValueError(f"{self.method!r} is not a method: choose ANY or one of {choices}")
        if self.path == DEFAULT_ROUTE:
            if self.method != "ANY":
                raise ValueError("the $default route matches every method: set its method to ANY")
            return
        segments = self.segments
        if not self.path.startswith("/") or (self.path != "/" and "" in segments):
            raise ValueError(f"{self.path!r} is not a path: start it with /, without empty segments or a trailing /")
        for index, segment in enumerate(segments):
            variable = _VARIABLE.fullmatch(segment)
            if variable is None and ("{" in segment or "}" in segment):
                raise ValueError(f"{self.path!r}: a path variable must be a whole segment, as in /items/{{id}}")
            if variable and variable[2] and index != len(segments) - 1:
                raise ValueError(f"{self.path!r}: the greedy {segment} must be the last segment")

    @property
    def key(self) -> str:
        """The route key, as in `GET /pets`."""
        return self.path if self.path == DEFAULT_ROUTE else f"{self.method} {self.path}"

    @property
    def segments(self) -> list[str]:
        """The path's segments; empty for `/`."""
        return [] if self.path == "/" else self.path[1:].split("/")

    @property
    def shape(self) -> tuple[str, str]:
        """Method and path without the names of variables. Two routes with the same shape are ambiguous."""
        return self.method, _VARIABLE.sub(r"{\2}", self.path)


@dataclass(frozen=True)
class GatewayResponse:
    """What a REST API answers instead of the integration. `status` None keeps the type's own status.

    A header's value is a literal (bare, or in single quotes as AWS writes it), a request parameter
    (`method.request.header.Origin`), or a variable (`context.requestId`).
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=_nothing)
    template: str = '{"message":$context.error.messageString}'

    def __post_init__(self) -> None:
        _check_response(self.status, self.headers)


@dataclass(frozen=True)
class Cors:
    """CORS of an HTTP API. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html"""

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age: int | None = None

    def __post_init__(self) -> None:
        for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            _check_texts(name, getattr(self, name))
        if self.max_age is not None and not -1 <= self.max_age <= MAX_CORS_AGE_SECONDS:
            raise ValueError(f"max_age is {self.max_age}: choose 0 to {MAX_CORS_AGE_SECONDS}, or -1 for no caching")
        if not self.allow_origins:
            raise ValueError("CORS without allow_origins allows nothing: list the origins, or use '*'")
        if self.allow_credentials and "*" in self.allow_origins:
            raise ValueError("allow_credentials cannot be combined with the origin '*': list the origins")


@dataclass(frozen=True)
class Api:
    """One API with one stage: `prod` on REST APIs and `$default` on HTTP APIs unless named."""

    api_id: str
    type: ApiType
    routes: tuple[Route, ...]
    stage: str = ""
    gateway_responses: Mapping[ResponseType | str, GatewayResponse] = field(default_factory=_nothing)
    cors: Cors | None = None
    stage_variables: Mapping[str, str] = field(default_factory=_nothing)
    region: str = "us-east-1"
    account_id: str = "123456789012"
    partition: str = "aws"

    def __post_init__(self) -> None:
        if self.type not in ("REST", "HTTP"):
            raise ValueError(f"{self.type!r} is not an API type: choose REST or HTTP")
        object.__setattr__(self, "stage", self.stage or ("prod" if self.type == "REST" else DEFAULT_STAGE))
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", self.stage) and self.stage != DEFAULT_STAGE:
            raise ValueError(f"{self.stage!r} is not a stage name: use letters, digits, hyphens and underscores")
        if not self.routes:
            raise ValueError("an API without routes answers nothing: add a Route")
        shapes = [route.shape for route in self.routes]
        for route in self.routes:
            if shapes.count(route.shape) > 1:
                raise ValueError(f"{route.key} is defined more than once: keep one of them")
            if route.authorizer is not None:
                route.authorizer.check(self.type)
        if self.type == "REST":
            self._check_rest()
        else:
            self._check_http()

    def _check_rest(self) -> None:
        if self.stage == DEFAULT_STAGE:
            raise ValueError("REST APIs have no $default stage: name it, as in 'prod'")
        if any(route.path == DEFAULT_ROUTE for route in self.routes):
            raise ValueError("REST APIs have no $default route: use /{proxy+}")
        if self.cors is not None:
            raise ValueError("REST APIs have no CORS: add OPTIONS routes, and headers to gateway_responses")
        for kind in self.gateway_responses:
            if kind not in ResponseType.__members__:
                raise ValueError(f"{kind!r} is not a gateway response: choose one of {', '.join(ResponseType)}")

    def _check_http(self) -> None:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html."""
        if self.gateway_responses:
            raise ValueError("HTTP APIs cannot change the body of a denial: remove gateway_responses")
        if any(isinstance(route.integration, Mock) for route in self.routes):
            raise ValueError("HTTP APIs have no mock integration: use a LambdaProxy, and Cors for preflight")
