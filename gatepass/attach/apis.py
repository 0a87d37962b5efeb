"""An API as plain values, whatever its kind."""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gatepass.attach.aws import Aws
from gatepass.refusals import CommandError

NAME: Final = "gatepass"
"""Of the authorizer in each API: names are unique there, so a creation whose answer was lost is found again."""
GATE: Final = "@gatepass"
"""Stands for the authorizer's id, which nobody knows before it is made."""
PARTIAL: Final = {"partial": True}
"""The value of a preflight method of ours whose making was cut off."""
PERMISSION: Final = "whole account"
"""That API Gateway may call the function for any API of the account."""
MARK: Final = "gatepass: "
"""Begins the description of a deployment of ours."""


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
class Api:
    """What was read. `values` is what attaching may change, by key; `ids` are AWS's, by key, for writing.

    `tags` tell who manages it; `auto_deploy` whether its stage needs no deployment; `canary` whether it takes none;
    `targets` are what routes of an HTTP or WebSocket API can lead to.
    """

    api_id: str
    kind: str
    stage: str
    tags: dict[str, str]
    auto_deploy: bool = False
    canary: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    authorizers: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    deployable: dict[str, Deployable] = field(default_factory=dict)
    """Of a REST API's routes: what a deployment would publish."""
    summary: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Of a REST API's deployed routes: kind of authorization, and whether an API key is asked for."""

    @property
    def routes(self) -> dict[str, Any]:
        """The values of the routes, by route (`POST /search`, `$default`)."""
        return {key[6:]: value for key, value in self.values.items() if key.startswith("route ")}

    @property
    def stack(self) -> str:
        """The CloudFormation stack that manages the API, if one does: only that may set such tags."""
        return self.tags.get("aws:cloudformation:stack-name", "")


def find_api(aws: Aws, api_id: str) -> tuple[str, dict[str, Any]]:
    """The kind (REST, HTTP, WEBSOCKET) and what AWS says of the API."""
    if found := aws.find("apigateway", "get_rest_api", restApiId=api_id):
        return "REST", found
    if found := aws.find("apigatewayv2", "get_api", ApiId=api_id):
        return str(found["ProtocolType"]), found
    raise CommandError(f"there is no API {api_id} in this account and Region: look with aws apigateway "
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
    raise CommandError(f"name the stage with --stage: there are {there}" if wanted is None
                  else f"the API has no stage {wanted}; there are {there}")  # fmt: skip


def authorizer_uri(arn: str) -> str:
    """A function's ARN as API Gateway wants it.

    https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
    """
    _, partition, _, region, *_ = arn.split(":")
    return f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
