"""An API as it was read, whatever its kind."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, assert_never

from gatepass.attach.context_uses import ContextUse
from gatepass.attach.resources import (
    ApiAuthorizer,
    CorsConfiguration,
    CustomResponse,
    GateIntegration,
    Permission,
    Preflight,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RouteAuthorization,
    SolutionLink,
    StageDeployment,
)
from gatepass.aws_calls import Aws
from gatepass.refusals import CommandError

NAME: Final = "gatepass"
"""Of the authorizer in each API: names are unique there, so a creation whose answer was lost is found again."""


NOTHING_DEPLOYED: Final = StageDeployment("")


class ApiKind(StrEnum):
    """The kinds of APIs, in AWS's words."""

    REST = "REST"
    HTTP = "HTTP"
    WEBSOCKET = "WEBSOCKET"


class Deployable(NamedTuple):
    """A route as far as two of its states can be compared.

    `integration` is type and URI, `authorizer` its name, `kind` that of the authorization, `key` whether an API key is
    asked for, `other` whatever else is known of both states.
    """

    integration: str
    authorizer: str
    kind: str = ""
    key: bool = False
    other: str = ""


@dataclass
class ApiState:
    """What was read: the resources that attaching may change, and what has to be known for that.

    `ids` are AWS's, by resource, for writing; `tags` tell who manages the API; `auto_deploy` whether its stage needs no
    deployment, `canary` whether it takes none; `other_stages` are the API's further ones, and whether they deploy
    themselves; `key_by_authorizer` are the routes whose API key their authorizer has to return, `key_by_header` those
    whose callers send it; `context_uses` is, by route, what its integration uses of an authorizer's context; `targets`
    are what routes of an HTTP or WebSocket API can lead to, `authorizer_names` all its authorizers by id.
    """

    api_id: str
    kind: ApiKind
    stage: str
    tags: dict[str, str] = field(default_factory=dict)
    auto_deploy: bool = False
    canary: bool = False
    other_stages: dict[str, bool] = field(default_factory=dict)
    link: SolutionLink | None = None
    permission: Permission | None = None
    authorizer: ApiAuthorizer | None = None
    cors: CorsConfiguration | None = None
    integration: GateIntegration | None = None
    deployment: StageDeployment = NOTHING_DEPLOYED
    routes: dict[str, RouteAuthorization] = field(default_factory=dict)
    preflights: dict[str, Preflight | None] = field(default_factory=dict)
    responses: dict[str, CustomResponse] = field(default_factory=dict)
    ids: dict[ResourceKey, str] = field(default_factory=dict)
    authorizer_names: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    key_by_authorizer: list[str] = field(default_factory=list)
    key_by_header: list[str] = field(default_factory=list)
    context_uses: dict[str, list[ContextUse]] = field(default_factory=dict)
    deployable: dict[str, Deployable] = field(default_factory=dict)
    """Of a REST API's routes: what a deployment would publish."""
    summary: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Of a REST API's deployed routes: kind of authorization, and whether an API key is asked for."""

    def get(self, key: ResourceKey) -> ResourceValue | None:
        """The value of a resource; None where there is none."""
        match key.kind:
            case ResourceKind.LINK:
                return self.link
            case ResourceKind.PERMISSION:
                return self.permission
            case ResourceKind.AUTHORIZER:
                return self.authorizer
            case ResourceKind.CORS:
                return self.cors
            case ResourceKind.INTEGRATION:
                return self.integration
            case ResourceKind.DEPLOYMENT:
                return self.deployment
            case ResourceKind.ROUTE:
                return self.routes.get(key.name)
            case ResourceKind.PREFLIGHT:
                return self.preflights.get(key.name)
            case ResourceKind.RESPONSE:
                return self.responses.get(key.name)
        assert_never(key.kind)

    def holds(self, key: ResourceKey) -> bool:
        """Whether there is a resource of the name, perhaps with None as its value; those without names always are."""
        match key.kind:
            case ResourceKind.ROUTE:
                return key.name in self.routes
            case ResourceKind.PREFLIGHT:
                return key.name in self.preflights
            case ResourceKind.RESPONSE:
                return key.name in self.responses
            case _:
                return True

    def has_lost(self, key: ResourceKey) -> bool:
        """Whether the route or path that a resource belongs to was deleted: then there is nothing to put back."""
        return key.kind in (ResourceKind.ROUTE, ResourceKind.PREFLIGHT) and key not in self.ids

    @property
    def stack(self) -> str:
        """The CloudFormation stack that manages the API, if one does: only that may set such tags."""
        return self.tags.get("aws:cloudformation:stack-name", "")


def find_api(aws: Aws, api_id: str) -> tuple[ApiKind, dict[str, Any]]:
    """The kind, and what AWS says of the API."""
    if found := aws.find("apigateway", "get_rest_api", restApiId=api_id):
        return ApiKind.REST, found
    if found := aws.find("apigatewayv2", "get_api", ApiId=api_id):
        return ApiKind(found["ProtocolType"]), found
    raise CommandError(f"there is no API {api_id} in this account and Region: list them with aws apigateway "
                       "get-rest-apis and aws apigatewayv2 get-apis")  # fmt: skip


def exists(aws: Aws, api_id: str) -> bool:
    """Whether there is such an API, of any kind, in this account and Region."""
    try:
        find_api(aws, api_id)
    except CommandError:
        return False
    return True


def choose_stage(names: list[str], wanted: str | None, may_be_gone: bool = False) -> str:
    """The stage asked for, or the only one there is."""
    if may_be_gone and wanted is not None:
        return wanted
    if wanted in names:
        return str(wanted)
    if wanted is None and len(names) == 1:
        return names[0]
    there = ", ".join(names) or "none: deploy the API first"
    raise CommandError(f"pass --stage; the API's stages: {there}" if wanted is None
                       else f"the API has no stage {wanted}; there are {there}")  # fmt: skip
