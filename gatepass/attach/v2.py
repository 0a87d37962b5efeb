"""An HTTP or WebSocket API: its values, and how each is written."""

from typing import Any, Final

from gatepass.attach.apis import GATE, MARK, NAME, Api, choose_stage
from gatepass.aws_calls import Aws

PREFLIGHT: Final = "the gate, as preflight"
"""Where OPTIONS routes lead to: the gate's function answers them, and the CORS settings put their headers on it.

The API answers preflight by itself only where no route takes it, and then needs no such route."""
_DESCRIPTION: Final = MARK + "answers preflight"
_CORS: Final = ("AllowCredentials", "AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders", "MaxAge")


def read(aws: Aws, api_id: str, found: dict[str, Any], wanted: str | None, may_be_gone: bool = False) -> Api:
    """Read everything: four lists, however many routes there are. `may_be_gone` is about the stage."""
    stages = {stage["StageName"]: stage for stage in aws.items("get_stages", ApiId=api_id)}
    stage = choose_stage(list(stages), wanted, may_be_gone)
    facts = stages.get(stage, {})
    kind = str(found["ProtocolType"])
    api = Api(api_id, kind, stage, dict(found.get("Tags", {})), bool(facts.get("AutoDeploy")))
    api.values |= {"authorizer": None, "integration": None}
    cors = {name: value for name, value in found.get("CorsConfiguration", {}).items() if name in _CORS}
    api.values["cors"] = cors or None
    for one in aws.items("get_authorizers", ApiId=api_id):
        api.authorizers[one["AuthorizerId"]] = one["Name"]
        if one["Name"] == NAME:
            api.ids["authorizer"] = one["AuthorizerId"]
            api.values["authorizer"] = _authorizer_value(one, kind)
    for one in aws.items("get_integrations", ApiId=api_id):
        api.targets.add(f"integrations/{one['IntegrationId']}")
        if one.get("Description") == _DESCRIPTION:
            api.ids["integration"] = one["IntegrationId"]
            api.values["integration"] = one["IntegrationUri"]
    for one in aws.items("get_routes", ApiId=api_id):
        key = one["RouteKey"]
        ours = bool(api.ids.get("integration")) and one.get("Target") == f"integrations/{api.ids['integration']}"
        name = f"preflight {key}" if ours else f"route {key}"
        api.ids[name] = one["RouteId"]
        if ours:
            api.values[name] = PREFLIGHT
            continue
        kind_of = one.get("AuthorizationType") or "NONE"
        if key.startswith("OPTIONS ") and kind_of == "NONE" and one.get("Target"):
            api.ids[f"preflight {key}"] = one["RouteId"]
            api.values[f"preflight {key}"] = one["Target"]
        authorizer = one.get("AuthorizerId") if kind_of not in ("NONE", "AWS_IAM") else None
        api.values[name] = {
            "type": kind_of,
            "authorizer": GATE if authorizer and authorizer == api.ids.get("authorizer") else authorizer,
            "scopes": list(one.get("AuthorizationScopes") or []) if kind_of == "JWT" else [],
        }
    api.ids["deployment"] = facts.get("DeploymentId", "")
    api.values["deployment"] = _deployment_value(aws, api)
    return api


def _authorizer_value(one: dict[str, Any], kind: str) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": one["AuthorizerType"],
        "uri": one.get("AuthorizerUri", ""),
        "identity": list(one.get("IdentitySource") or []),
    }
    if kind == "HTTP":
        value |= {
            "ttl": int(one.get("AuthorizerResultTtlInSeconds") or 0),
            "payload": str(one.get("AuthorizerPayloadFormatVersion", "")),
            "simple": bool(one.get("EnableSimpleResponses")),
        }
    return value


def _deployment_value(aws: Aws, api: Api) -> str:
    deployment = api.ids["deployment"]
    if api.auto_deploy or not deployment:
        return deployment
    found = aws.find("apigatewayv2", "get_deployment", ApiId=api.api_id, DeploymentId=deployment) or {}
    text = str(found.get("Description") or "")
    return text if text.startswith(MARK) else deployment


def write(aws: Aws, api: Api, key: str, was: Any, value: Any) -> None:
    """Write one value; `was` is what is there."""
    kind, _, name = key.partition(" ")
    {
        "authorizer": _authorizer,
        "cors": _cors,
        "integration": _integration,
        "preflight": _preflight,
        "route": _route,
        "deployment": _deployment,
    }[kind](aws, api, name, was, value)


def _authorizer(aws: Aws, api: Api, _: str, was: Any, value: Any) -> None:
    here = {"ApiId": api.api_id}
    if value is None:
        aws.call("apigatewayv2", "delete_authorizer", **here, AuthorizerId=api.ids["authorizer"])
        return
    facts: dict[str, Any] = {
        "Name": NAME, "AuthorizerType": value["type"], "AuthorizerUri": value["uri"],
        "IdentitySource": value["identity"],
    }  # fmt: skip
    if api.kind == "HTTP":
        facts |= {
            "AuthorizerResultTtlInSeconds": value["ttl"],
            "AuthorizerPayloadFormatVersion": value["payload"],
            "EnableSimpleResponses": value["simple"],
        }
    if was is None:
        made = aws.call("apigatewayv2", "create_authorizer", **here, **facts)
        api.ids["authorizer"] = made["AuthorizerId"]
    else:
        aws.call("apigatewayv2", "update_authorizer", **here, AuthorizerId=api.ids["authorizer"], **facts)


def _cors(aws: Aws, api: Api, _: str, was: Any, value: Any) -> None:
    if value is None:
        aws.call("apigatewayv2", "delete_cors_configuration", ApiId=api.api_id)
    else:
        aws.call("apigatewayv2", "update_api", ApiId=api.api_id, CorsConfiguration=value)


def _integration(aws: Aws, api: Api, _: str, was: Any, value: Any) -> None:
    if value is None:
        where = {"ApiId": api.api_id, "IntegrationId": api.ids["integration"]}
        aws.call("apigatewayv2", "delete_integration", **where)
        return
    facts = {"ApiId": api.api_id, "IntegrationUri": value}
    if was is None:
        made = aws.call("apigatewayv2", "create_integration", **facts, IntegrationType="AWS_PROXY",
                        PayloadFormatVersion="2.0", Description=_DESCRIPTION)  # fmt: skip
        api.ids["integration"] = made["IntegrationId"]
    else:
        aws.call("apigatewayv2", "update_integration", **facts, IntegrationId=api.ids["integration"])


def _preflight(aws: Aws, api: Api, key: str, was: Any, value: Any) -> None:
    target = f"integrations/{api.ids['integration']}" if value == PREFLIGHT else value
    if was is None:
        aws.call("apigatewayv2", "create_route", ApiId=api.api_id, RouteKey=key, AuthorizationType="NONE",
                 Target=target)  # fmt: skip
        return
    where = {"ApiId": api.api_id, "RouteId": api.ids[f"preflight {key}"]}
    if value is None:
        aws.call("apigatewayv2", "delete_route", **where)
    else:
        aws.call("apigatewayv2", "update_route", **where, Target=target)


def _route(aws: Aws, api: Api, key: str, was: Any, value: Any) -> None:
    # Type, authorizer and scopes in one call: between two, the route would be open or refuse everybody.
    identity = api.ids["authorizer"] if value["authorizer"] == GATE else value["authorizer"]
    # Without one it is emptied too: an authorizer that a route still names cannot be deleted.
    facts: dict[str, Any] = {"AuthorizationType": value["type"], "AuthorizerId": identity or ""}
    if (was or {}).get("scopes") != value["scopes"]:
        facts["AuthorizationScopes"] = value["scopes"]
    aws.call("apigatewayv2", "update_route", ApiId=api.api_id, RouteId=api.ids[f"route {key}"], **facts)


def _deployment(aws: Aws, api: Api, _: str, was: Any, value: str) -> None:
    if value.startswith(MARK):
        aws.call("apigatewayv2", "create_deployment", ApiId=api.api_id, StageName=api.stage, Description=value)
    else:
        aws.call("apigatewayv2", "update_stage", ApiId=api.api_id, StageName=api.stage, DeploymentId=value)


def tidy(aws: Aws, api_id: str) -> None:
    """Delete the deployments of ours that no stage runs."""
    used = {stage.get("DeploymentId") for stage in aws.items("get_stages", ApiId=api_id)}
    for one in list(aws.items("get_deployments", ApiId=api_id)):
        if (one.get("Description") or "").startswith(MARK) and one["DeploymentId"] not in used:
            aws.delete("apigatewayv2", "delete_deployment", ApiId=api_id, DeploymentId=one["DeploymentId"])
