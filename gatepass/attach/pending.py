"""What a deployment would publish besides the gate: the stage as deployed against the API as it is.

A deployment takes everything with it, other people's unfinished edits too. Compared are routes, their integrations
and authorizers, by the stage's export: https://docs.aws.amazon.com/apigateway/latest/api/API_GetExport.html
"""

import json
from typing import Any

from gatepass.attach.apis import Api
from gatepass.attach.aws import Aws

ANY = "x-amazon-apigateway-any-method"
Routes = dict[str, tuple[str, ...]]


def pending(aws: Aws, api: Api) -> list[str]:
    """One route a line, with what differs. Empty for a stage that deploys itself, and for WebSocket APIs, whose
    stages cannot be exported.
    """
    if api.auto_deploy or api.kind == "WEBSOCKET" or not api.ids.get("deployment"):
        return []
    if api.kind == "REST":
        export = aws.call("apigateway", "get_export", restApiId=api.api_id, stageName=api.stage, exportType="oas30",
                          parameters={"extensions": "apigateway"}, accepts="application/json")  # fmt: skip
        return compare(_routes(json.loads(export["body"].read())), api.deployable)
    how = {"ApiId": api.api_id, "OutputType": "JSON", "Specification": "OAS30", "IncludeExtensions": True}
    deployed = aws.call("apigatewayv2", "export_api", StageName=api.stage, **how)
    latest = aws.call("apigatewayv2", "export_api", **how)
    return compare(_routes(json.loads(deployed["body"].read())), _routes(json.loads(latest["body"].read())))


def route_of(line: str) -> str:
    """The route that a line is about."""
    return line.partition(": ")[0]


def _routes(document: dict[str, Any]) -> Routes:
    routes: Routes = {}
    for path, methods in document.get("paths", {}).items():
        for method, facts in methods.items():
            if not isinstance(facts, dict):
                continue
            name = "ANY" if method == ANY else method.upper()
            integration = facts.get("x-amazon-apigateway-integration", {})
            schemes = [scheme for one in facts.get("security", []) for scheme in one]
            # API keys and IAM show as schemes too; neither is an authorizer.
            names = [scheme for scheme in schemes if scheme not in ("api_key", "sigv4")]
            key = "$default" if path == "/$default" else f"{name} {path}"
            routes[key] = (integration.get("type", "").lower(), integration.get("uri", ""), *(names[:1] or [""]))
    return routes


def compare(deployed: Routes, present: Routes) -> list[str]:
    """The differences, in words."""
    lines = [f"{route}: not deployed yet" for route in sorted(present.keys() - deployed.keys())]
    lines += [f"{route}: deleted, and still deployed" for route in sorted(deployed.keys() - present.keys())]
    for route in sorted(present.keys() & deployed.keys()):
        if present[route][:2] != deployed[route][:2]:
            lines.append(f"{route}: another integration is deployed")
        if present[route][2] != deployed[route][2]:
            lines.append(
                f"{route}: authorizer {present[route][2] or 'none'}, deployed is {deployed[route][2] or 'none'}"
            )
    return lines
