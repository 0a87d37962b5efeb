"""What a deployment would publish besides the gate: the stage as deployed against the API as it is.

A deployment takes everything with it, other people's unfinished edits too. A REST API is compared route by route, by
the stage's export (integrations, authorizers) and the deployment's summary (kind of authorization, API key), since its
present state has no export; an HTTP API by its two exports, in everything that they say of a route.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetExport.html
https://docs.aws.amazon.com/apigateway/latest/api/API_GetDeployment.html
https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-exports-specification.html
"""

import json
from collections.abc import Collection
from enum import Enum, auto
from typing import Any, NamedTuple

from gatepass.attach.api_state import ApiKind, ApiState, Deployable
from gatepass.attach.record import AttachRecord
from gatepass.attach.resources import CORS, DEPLOYMENT, ResourceKey, ResourceKind
from gatepass.aws_calls import Aws, CallFailed

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
CORS_SETTINGS = "x-amazon-apigateway-cors"


class Aspect(Enum):
    """What of a route differs. UNKNOWN: the stage cannot be compared."""

    EXISTENCE = auto()
    BACKEND = auto()
    AUTHORIZATION = auto()
    API_KEY = auto()
    CORS = auto()
    UNKNOWN = auto()


class PendingChange(NamedTuple):
    """One difference. `route` is a route's key, `cors`, or `the stage` where nothing can be told."""

    route: str
    aspect: Aspect
    text: str

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.route}: {self.text}"


def pending(aws: Aws, state: ApiState) -> list[PendingChange]:
    """The differences. None for a stage that deploys itself, nor for a WebSocket API, whose stages have no export."""
    if state.auto_deploy or state.kind is ApiKind.WEBSOCKET or not state.ids.get(DEPLOYMENT):
        return []
    if state.kind is ApiKind.REST:
        try:
            export = aws.call("apigateway", "get_export", restApiId=state.api_id, stageName=state.stage,
                              exportType="oas30", parameters={"extensions": "apigateway"},
                              accepts="application/json")  # fmt: skip
        except CallFailed as error:
            # An API with a model of a body that is no JSON has no export at all.
            if error.code != "BadRequestException":
                raise
            return [PendingChange("the stage", Aspect.UNKNOWN, f"it cannot be compared ({error})")]
        deployed = _routes(json.loads(export["body"].read()))
        # Of what an export says besides, only this has a second side to compare with, and comes from the summary.
        deployed = {route: _summarized(route, one, state) for route, one in deployed.items()}
        return compare(deployed, state.deployable)
    how = {"ApiId": state.api_id, "OutputType": "JSON", "Specification": "OAS30", "IncludeExtensions": True}
    stage = aws.call("apigatewayv2", "export_api", StageName=state.stage, **how)
    latest = aws.call("apigatewayv2", "export_api", **how)
    before, after = json.loads(stage["body"].read()), json.loads(latest["body"].read())
    found = compare(_routes(before), _routes(after))
    if before.get(CORS_SETTINGS) != after.get(CORS_SETTINGS):
        found.insert(0, PendingChange("cors", Aspect.CORS, "other settings are deployed"))
    return found


def _summarized(route: str, one: Deployable, state: ApiState) -> Deployable:
    kind, key = state.summary.get(route) or state.deployable.get(route, one)[2:4]
    return one._replace(kind=kind, key=key, other="")


def _routes(document: dict[str, Any]) -> dict[str, Deployable]:
    routes: dict[str, Deployable] = {}
    for path, methods in document.get("paths", {}).items():
        for method, facts in methods.items():
            if not isinstance(facts, dict):
                continue
            name = "ANY" if method == ANY else method.upper()
            integration = facts.get(INTEGRATION, {})
            schemes = [scheme for one in facts.get("security", []) for scheme in one]
            # API keys and IAM show as schemes too; neither is an authorizer.
            names = [scheme for scheme in schemes if scheme not in ("api_key", "sigv4")]
            key = "$default" if path == "/$default" else f"{name} {path}"
            routes[key] = Deployable(
                f"{integration.get('type', '').lower()} {integration.get('uri', '')}",
                names[0] if names else "",
                kind="AWS_IAM" if "sigv4" in schemes else "",
                other=json.dumps([integration, {k: v for k, v in facts.items() if k not in (INTEGRATION, "security")}],
                                 sort_keys=True),
            )  # fmt: skip
    return routes


def compare(deployed: dict[str, Deployable], present: dict[str, Deployable]) -> list[PendingChange]:
    """The differences between two states of an API's routes."""
    found = [
        PendingChange(route, Aspect.EXISTENCE, "not deployed yet") for route in sorted(present.keys() - deployed.keys())
    ]
    found += [
        PendingChange(route, Aspect.EXISTENCE, "deleted, and still deployed")
        for route in sorted(deployed.keys() - present.keys())
    ]
    for route in sorted(present.keys() & deployed.keys()):
        now, then = present[route], deployed[route]
        if now.integration != then.integration:
            found.append(PendingChange(route, Aspect.BACKEND, "another integration is deployed"))
        elif now.other != then.other:
            found.append(PendingChange(route, Aspect.BACKEND, "other settings are deployed"))
        if now.authorizer != then.authorizer:
            text = f"authorizer {now.authorizer or 'none'}, deployed is {then.authorizer or 'none'}"
            found.append(PendingChange(route, Aspect.AUTHORIZATION, text))
        elif now.kind != then.kind:
            text = f"authorization {now.kind or 'NONE'}, deployed is {then.kind or 'NONE'}"
            found.append(PendingChange(route, Aspect.AUTHORIZATION, text))
        if now.key != then.key:
            text = f"an API key is {'required' if now.key else 'not required'}, unlike as deployed"
            found.append(PendingChange(route, Aspect.API_KEY, text))
    return found


def is_ours(
    pending: PendingChange,
    record: AttachRecord | None,
    rewritten: Collection[ResourceKey],
    state: ApiState,
) -> bool:
    """Whether all of a pending change is what the record says that attaching or detaching wrote.

    Only that may be published unasked. A gated route's backend and API key stay its owner's.

    `rewritten` are the resources that the run at hand writes: what others made of them is not what it publishes.
    """

    def stands(key: ResourceKey) -> bool:
        change, value = record.changes.get(key) if record else None, state.get(key)
        if record is None or change is None:
            return False
        written = key != CORS and key in rewritten  # settings are kept, and gain a header
        return written or record.wrote(key, value) or value == change.origin or change.explains(value)

    match pending.aspect:
        case Aspect.UNKNOWN:
            return False
        case Aspect.CORS:
            return stands(CORS)
    # By its path on a REST API, by its route on others.
    answered = pending.route.removeprefix("OPTIONS ") if state.kind is ApiKind.REST else pending.route
    if pending.route.startswith("OPTIONS ") and stands(ResourceKey(ResourceKind.PREFLIGHT, answered)):
        return True
    return pending.aspect is Aspect.AUTHORIZATION and stands(ResourceKey(ResourceKind.ROUTE, pending.route))
