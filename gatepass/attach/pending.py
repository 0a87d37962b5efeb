"""What a deployment would publish besides the gate: the stage as deployed against the API as it is.

A deployment takes everything with it, other people's unfinished edits too. A REST API is compared route by route, by
the stage's export (integrations, authorizers) and the deployment's summary (kind of authorization, API key), since its
present state has no export; an HTTP API by its two exports, in everything that they say of a route.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetExport.html
https://docs.aws.amazon.com/apigateway/latest/api/API_GetDeployment.html
https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-exports-specification.html
"""

import json
from typing import Any

from gatepass.attach.api_state import ApiKind, ApiState, Deployable
from gatepass.attach.resources import DEPLOYMENT
from gatepass.aws_calls import Aws, CallFailed

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
CORS = "x-amazon-apigateway-cors"
STAGE = "the stage"
"""Stands in the place of a route where nothing can be told."""


def pending(aws: Aws, state: ApiState) -> list[str]:
    """One route a line, with what differs. Empty for a stage that deploys itself, and for WebSocket APIs, whose
    stages cannot be exported.
    """
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
            return [f"{STAGE}: it cannot be compared ({error})"]
        deployed = _routes(json.loads(export["body"].read()))
        # Of what an export says besides, only this has a second side to compare with, and comes from the summary.
        deployed = {route: _summarized(route, one, state) for route, one in deployed.items()}
        return compare(deployed, state.deployable)
    how = {"ApiId": state.api_id, "OutputType": "JSON", "Specification": "OAS30", "IncludeExtensions": True}
    stage = aws.call("apigatewayv2", "export_api", StageName=state.stage, **how)
    latest = aws.call("apigatewayv2", "export_api", **how)
    before, after = json.loads(stage["body"].read()), json.loads(latest["body"].read())
    lines = [] if before.get(CORS) == after.get(CORS) else ["cors: other settings are deployed"]
    return lines + compare(_routes(before), _routes(after))


def route_of(line: str) -> str:
    """The route that a line is about, `cors`, or `STAGE`."""
    return line.partition(": ")[0]


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


def compare(deployed: dict[str, Deployable], present: dict[str, Deployable]) -> list[str]:
    """The differences, in words."""
    lines = [f"{route}: not deployed yet" for route in sorted(present.keys() - deployed.keys())]
    lines += [f"{route}: deleted, and still deployed" for route in sorted(deployed.keys() - present.keys())]
    for route in sorted(present.keys() & deployed.keys()):
        now, then = present[route], deployed[route]
        if now.integration != then.integration:
            lines.append(f"{route}: another integration is deployed")
        elif now.other != then.other:
            lines.append(f"{route}: other settings are deployed")
        if now.authorizer != then.authorizer:
            lines.append(f"{route}: authorizer {now.authorizer or 'none'}, deployed is {then.authorizer or 'none'}")
        elif now.kind != then.kind:
            lines.append(f"{route}: authorization {now.kind or 'NONE'}, deployed is {then.kind or 'NONE'}")
        if now.key != then.key:
            lines.append(f"{route}: an API key is {'' if now.key else 'not '}asked for, deployed it is the other way")
    return lines
