"""What attaching can change of an API: each thing is a *resource*, with a key and a value of its kind's own type.

Two values are equal if and only if nothing has to be written to come from one to the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, ClassVar, Final, NamedTuple

GATE: Final = "@gatepass"
"""Stands for the authorizer's id, which nobody knows before it is made."""
MARK: Final = "gatepass: "
"""Begins the description of a deployment of ours."""


class ResourceKind(StrEnum):
    """The kinds, in the order in which attaching writes them (`wanted.py` says why)."""

    LINK = "link"
    AUTHORIZER = "authorizer"
    PERMISSION = "permission"
    CORS = "cors"
    INTEGRATION = "integration"
    PREFLIGHT = "preflight"
    RESPONSE = "response"
    ROUTE = "route"
    DEPLOYMENT = "deployment"


class ResourceKey(NamedTuple):
    """Which resource of an API. Only preflight, responses and routes have names, since an API has several of them.

    A route's name is its key (`POST /search`, `$default`), a response's its type (`ACCESS_DENIED`), and preflight's the
    path on a REST API and the route's key on others.
    """

    kind: ResourceKind
    name: str = ""

    def __str__(self) -> str:
        """As people read it, and as the record spells it: `route POST /search`, `link`."""
        return f"{self.kind} {self.name}" if self.name else str(self.kind)

    @classmethod
    def parse(cls, text: str) -> "ResourceKey":
        """What `str` made of a key; raises `ValueError` for an unknown kind."""
        kind, _, name = text.partition(" ")
        return cls(ResourceKind(kind), name)


LINK: Final = ResourceKey(ResourceKind.LINK)
AUTHORIZER: Final = ResourceKey(ResourceKind.AUTHORIZER)
PERMISSION: Final = ResourceKey(ResourceKind.PERMISSION)
CORS: Final = ResourceKey(ResourceKind.CORS)
INTEGRATION: Final = ResourceKey(ResourceKind.INTEGRATION)
DEPLOYMENT: Final = ResourceKey(ResourceKind.DEPLOYMENT)


@dataclass(frozen=True)
class SolutionLink:
    """The API's item in the table. `others` are its further attributes, which come back with it."""

    solution_id: str
    others: Mapping[str, Any] = field(default_factory=dict)


class FunctionPermission(StrEnum):
    """Who may call the authorizer's function: API Gateway for any API of this account, or nobody knows, since only the
    function's owner can read its policy.
    """

    WHOLE_ACCOUNT = "whole account"
    ANOTHER_ACCOUNT = "another account's"


@dataclass(frozen=True)
class NarrowPermission:
    """The statement of ours, which somebody has narrowed so that it does not serve: as parameters of AddPermission.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """

    parameters: Mapping[str, Any]


Permission = FunctionPermission | NarrowPermission


@dataclass(frozen=True)
class RestAuthorizer:
    """Ours on a REST API. `ttl` in seconds; `identity` is AWS's comma-separated list, empty for none.

    https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html
    """

    type: str
    uri: str
    ttl: int = 0
    identity: str = ""


@dataclass(frozen=True)
class WebSocketAuthorizer:
    """Ours on a WebSocket API, whose authorizers have no cache."""

    type: str
    uri: str
    identity: tuple[str, ...] = ()
    ttl: ClassVar[int] = 0


@dataclass(frozen=True)
class HttpAuthorizer:
    """Ours on an HTTP API. `ttl` in seconds; `payload` is the format's version, `simple` whether it answers so.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers-authorizerid.html
    """

    type: str
    uri: str
    identity: tuple[str, ...] = ()
    ttl: int = 0
    payload: str = "2.0"
    simple: bool = True


@dataclass(frozen=True)
class CorsConfiguration:
    """An HTTP API's CORS settings in AWS's words, all that are set: most of them are only handed on.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html#apis-apiid-model-cors
    """

    settings: Mapping[str, Any]

    @property
    def allow_origins(self) -> Sequence[str]:
        """The origins whose pages may call."""
        return tuple(self.settings.get("AllowOrigins", ()))

    @property
    def allow_headers(self) -> Sequence[str]:
        """The headers that those pages may send."""
        return tuple(self.settings.get("AllowHeaders", ()))

    def with_headers(self, headers: Sequence[str]) -> "CorsConfiguration":
        """The same with these headers; without the setting if there are none."""
        settings = {**self.settings, "AllowHeaders": list(headers)}
        return CorsConfiguration({name: value for name, value in settings.items() if value or name != "AllowHeaders"})


@dataclass(frozen=True)
class GateIntegration:
    """An integration of ours with the gate's function, `function_arn`, for the routes that answer preflight."""

    function_arn: str


class PreflightState(Enum):
    """A preflight resource that needs no more said of it.

    GATE: the gate's function answers, and the CORS settings put their headers on it; the API answers preflight by
    itself only where no route takes it, and then needs no such route. KEPT: a mock of the API's own, or a method with
    an authorization of its own, which stays. PARTIAL: a method of ours that was cut off, or that does not answer.
    """

    GATE = "the gate, as preflight"
    KEPT = "the API's own"
    PARTIAL = "partial"


def without_nulls(facts: Any) -> Any:
    """The same with an empty string for each null, at any depth.

    AWS returns an empty mapping template as null, and accepts it only as an empty string:
    https://github.com/aws/aws-cli/issues/1610
    """
    match facts:
        case None:
            return ""
        case dict():
            return {name: without_nulls(value) for name, value in facts.items()}
        case list():
            return [without_nulls(value) for value in facts]
    return facts


@dataclass(frozen=True)
class PreflightMock:
    """A REST API's mock of ours, by the headers that it answers with."""

    headers: Mapping[str, str]


@dataclass(frozen=True)
class BackendMethod:
    """A REST API's OPTIONS method that a backend answers: all that making it again needs, as parameters of the calls
    that make it. `operation` is its operation name.
    """

    put_method: Mapping[str, Any]
    operation: str
    put_method_response: Sequence[Mapping[str, Any]]
    put_integration: Mapping[str, Any]
    put_integration_response: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RouteTarget:
    """What an OPTIONS route of an HTTP API leads to that a backend answers: `integrations/<id>`."""

    target: str


Preflight = PreflightState | PreflightMock | BackendMethod | RouteTarget


@dataclass(frozen=True)
class CustomResponse:
    """A REST API's gateway response. `status` is empty where the type's own applies."""

    status: str
    headers: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True)
class RouteAuthorization:
    """What stands before a route. `authorizer` is AWS's id, or `GATE`; `type` is AWS's word, NONE among them."""

    type: str
    authorizer: str | None = None
    scopes: tuple[str, ...] = ()

    @property
    def is_gate(self) -> bool:
        """Whether the gate decides."""
        return self.authorizer == GATE

    @property
    def is_others(self) -> bool:
        """Whether something else than the gate decides."""
        return self.type != "NONE" and not self.is_gate


@dataclass(frozen=True)
class StageDeployment:
    """What a stage runs: AWS's id of a deployment, or the description of one of ours. Empty: nothing yet."""

    name: str

    @property
    def is_ours(self) -> bool:
        """Whether attaching or detaching made it."""
        return self.name.startswith(MARK)


ApiAuthorizer = RestAuthorizer | WebSocketAuthorizer | HttpAuthorizer
ResourceValue = (
    SolutionLink
    | Permission
    | ApiAuthorizer
    | CorsConfiguration
    | GateIntegration
    | Preflight
    | CustomResponse
    | RouteAuthorization
    | StageDeployment
)
