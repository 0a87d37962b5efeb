"""An HTTP or WebSocket API: its resources, and how each is written."""

from typing import Any, Final

from gatepass.attach.api_state import NAME, ApiKind, ApiState, choose_stage
from gatepass.attach.context_uses import uses_of_integration
from gatepass.attach.resources import (
    AUTHORIZER,
    DEPLOYMENT,
    GATE,
    INTEGRATION,
    MARK,
    CorsConfiguration,
    GateIntegration,
    HttpAuthorizer,
    PreflightState,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RouteAuthorization,
    RouteTarget,
    StageDeployment,
    WebSocketAuthorizer,
)
from gatepass.aws_calls import Aws

_DESCRIPTION: Final = MARK + "answers preflight"
_CORS: Final = ("AllowCredentials", "AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders", "MaxAge")


def read(aws: Aws, api_id: str, found: dict[str, Any], wanted: str | None, may_be_gone: bool = False) -> ApiState:
    """Read everything: four lists, however many routes there are. `may_be_gone` is about the stage."""
    stages = {stage["StageName"]: stage for stage in aws.items("get_stages", ApiId=api_id)}
    stage = choose_stage(list(stages), wanted, may_be_gone)
    facts = stages.get(stage, {})
    kind = ApiKind(found["ProtocolType"])
    state = ApiState(api_id, kind, stage, dict(found.get("Tags", {})), bool(facts.get("AutoDeploy")))
    state.other_stages = {name: bool(one.get("AutoDeploy")) for name, one in stages.items() if name != stage}
    if settings := {name: value for name, value in found.get("CorsConfiguration", {}).items() if name in _CORS}:
        state.cors = CorsConfiguration(settings)
    for one in aws.items("get_authorizers", ApiId=api_id):
        state.authorizer_names[one["AuthorizerId"]] = one["Name"]
        if one["Name"] == NAME:
            state.ids[AUTHORIZER] = one["AuthorizerId"]
            state.authorizer = _authorizer_of(one, kind)
    uses = {}
    for one in aws.items("get_integrations", ApiId=api_id):
        target = f"integrations/{one['IntegrationId']}"
        state.targets.add(target)
        uses[target] = uses_of_integration(one)
        if one.get("Description") == _DESCRIPTION:
            state.ids[INTEGRATION] = one["IntegrationId"]
            state.integration = GateIntegration(one["IntegrationUri"])
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
    by_authorizer = "context.authorizer.usageIdentifierKey" in found.get("ApiKeySelectionExpression", "")
    for one in aws.items("get_routes", ApiId=api_id):
        _add_route(state, one)
        if found_uses := uses.get(one.get("Target", "")):
            state.context_uses[one["RouteKey"]] = found_uses
        if one.get("ApiKeyRequired"):
            (state.key_by_authorizer if by_authorizer else state.key_by_header).append(one["RouteKey"])
    state.ids[DEPLOYMENT] = facts.get("DeploymentId", "")
    state.deployment = _deployment_of(aws, state)
    return state


def _authorizer_of(one: dict[str, Any], kind: ApiKind) -> HttpAuthorizer | WebSocketAuthorizer:
    type_, uri, identity = one["AuthorizerType"], one.get("AuthorizerUri", ""), tuple(one.get("IdentitySource") or ())
    if kind is ApiKind.WEBSOCKET:
        return WebSocketAuthorizer(type_, uri, identity)
    return HttpAuthorizer(
        type_,
        uri,
        identity,
        ttl=int(one.get("AuthorizerResultTtlInSeconds") or 0),
        payload=str(one.get("AuthorizerPayloadFormatVersion", "")),
        simple=bool(one.get("EnableSimpleResponses")),
    )


def _add_route(state: ApiState, one: dict[str, Any]) -> None:
    route, target, type_ = one["RouteKey"], one.get("Target"), one.get("AuthorizationType") or "NONE"
    preflight = ResourceKey(ResourceKind.PREFLIGHT, route)
    if state.integration and target == _gate_target(state):
        state.ids[preflight], state.preflights[route] = one["RouteId"], PreflightState.GATE
        return
    if route.startswith("OPTIONS ") and type_ == "NONE" and target:
        state.ids[preflight], state.preflights[route] = one["RouteId"], RouteTarget(target)
    authorizer = one.get("AuthorizerId") if type_ not in ("NONE", "AWS_IAM") else None
    state.ids[ResourceKey(ResourceKind.ROUTE, route)] = one["RouteId"]
    state.routes[route] = RouteAuthorization(
        type_,
        GATE if authorizer and authorizer == state.ids.get(AUTHORIZER) else authorizer,
        tuple(one.get("AuthorizationScopes") or ()) if type_ == "JWT" else (),
    )


def _gate_target(state: ApiState) -> str:
    return f"integrations/{state.ids[INTEGRATION]}"


def _deployment_of(aws: Aws, state: ApiState) -> StageDeployment:
    deployment = StageDeployment(state.ids[DEPLOYMENT])
    if state.auto_deploy or not deployment.name:
        return deployment
    found = aws.find("apigatewayv2", "get_deployment", ApiId=state.api_id, DeploymentId=deployment.name) or {}
    named = StageDeployment(str(found.get("Description") or ""))
    return named if named.is_ours else deployment


def write(aws: Aws, state: ApiState, key: ResourceKey, was: ResourceValue | None, value: ResourceValue | None) -> None:
    """Write one value; `was` is what is there."""
    match value:
        case None:
            _delete(aws, state, key)
        case HttpAuthorizer() | WebSocketAuthorizer():
            _write_authorizer(aws, state, was, value)
        case CorsConfiguration():
            aws.call("apigatewayv2", "update_api", ApiId=state.api_id, CorsConfiguration=value.settings)
        case GateIntegration():
            _write_integration(aws, state, was, value)
        case PreflightState.GATE:
            _write_preflight(aws, state, key, was, _gate_target(state))
        case RouteTarget():
            _write_preflight(aws, state, key, was, value.target)
        case RouteAuthorization():
            _write_route(aws, state, key, was, value)
        case StageDeployment():
            _write_deployment(aws, state, value)
        case _:
            raise TypeError(f"{key} of an HTTP or WebSocket API cannot become {value}")


def _delete(aws: Aws, state: ApiState, key: ResourceKey) -> None:
    here = {"ApiId": state.api_id}
    match key.kind:
        case ResourceKind.AUTHORIZER:
            aws.call("apigatewayv2", "delete_authorizer", **here, AuthorizerId=state.ids[key])
        case ResourceKind.CORS:
            aws.call("apigatewayv2", "delete_cors_configuration", **here)
        case ResourceKind.INTEGRATION:
            aws.call("apigatewayv2", "delete_integration", **here, IntegrationId=state.ids[key])
        case ResourceKind.PREFLIGHT:
            aws.call("apigatewayv2", "delete_route", **here, RouteId=state.ids[key])
        case _:
            raise TypeError(f"{key} of an HTTP or WebSocket API cannot be deleted")


def _write_authorizer(
    aws: Aws, state: ApiState, was: ResourceValue | None, value: HttpAuthorizer | WebSocketAuthorizer
) -> None:
    facts: dict[str, Any] = {
        "ApiId": state.api_id, "Name": NAME, "AuthorizerType": value.type, "AuthorizerUri": value.uri,
        "IdentitySource": list(value.identity),
    }  # fmt: skip
    if isinstance(value, HttpAuthorizer):
        facts |= {
            "AuthorizerResultTtlInSeconds": value.ttl,
            "AuthorizerPayloadFormatVersion": value.payload,
            "EnableSimpleResponses": value.simple,
        }
    if was is None:
        state.ids[AUTHORIZER] = aws.call("apigatewayv2", "create_authorizer", **facts)["AuthorizerId"]
    else:
        aws.call("apigatewayv2", "update_authorizer", **facts, AuthorizerId=state.ids[AUTHORIZER])


def _write_integration(aws: Aws, state: ApiState, was: ResourceValue | None, value: GateIntegration) -> None:
    facts = {"ApiId": state.api_id, "IntegrationUri": value.function_arn}
    if was is None:
        made = aws.call("apigatewayv2", "create_integration", **facts, IntegrationType="AWS_PROXY",
                        PayloadFormatVersion="2.0", Description=_DESCRIPTION)  # fmt: skip
        state.ids[INTEGRATION] = made["IntegrationId"]
    else:
        aws.call("apigatewayv2", "update_integration", **facts, IntegrationId=state.ids[INTEGRATION])


def _write_preflight(aws: Aws, state: ApiState, key: ResourceKey, was: ResourceValue | None, target: str) -> None:
    here = {"ApiId": state.api_id, "Target": target}
    if was is None:
        aws.call("apigatewayv2", "create_route", **here, RouteKey=key.name, AuthorizationType="NONE")
    else:
        aws.call("apigatewayv2", "update_route", **here, RouteId=state.ids[key])


def _write_route(
    aws: Aws, state: ApiState, key: ResourceKey, was: ResourceValue | None, value: RouteAuthorization
) -> None:
    # Type, authorizer and scopes in one call: between two, the route would be open or refuse everybody.
    identity = state.ids[AUTHORIZER] if value.is_gate else value.authorizer
    # Without one it is emptied too: an authorizer that a route still names cannot be deleted.
    facts: dict[str, Any] = {"AuthorizationType": value.type, "AuthorizerId": identity or ""}
    if not isinstance(was, RouteAuthorization) or was.scopes != value.scopes:
        facts["AuthorizationScopes"] = list(value.scopes)
    aws.call("apigatewayv2", "update_route", ApiId=state.api_id, RouteId=state.ids[key], **facts)


def _write_deployment(aws: Aws, state: ApiState, value: StageDeployment) -> None:
    where = {"ApiId": state.api_id, "StageName": state.stage}
    if value.is_ours:
        aws.call("apigatewayv2", "create_deployment", **where, Description=value.name)
    else:
        aws.call("apigatewayv2", "update_stage", **where, DeploymentId=value.name)


def tidy(aws: Aws, api_id: str) -> None:
    """Delete the deployments of ours that no stage runs."""
    used = {stage.get("DeploymentId") for stage in aws.items("get_stages", ApiId=api_id)}
    for one in list(aws.items("get_deployments", ApiId=api_id)):
        if (one.get("Description") or "").startswith(MARK) and one["DeploymentId"] not in used:
            aws.delete("apigatewayv2", "delete_deployment", ApiId=api_id, DeploymentId=one["DeploymentId"])
