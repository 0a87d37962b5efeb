"""A REST API: its resources, and how each is written."""

from typing import Any

from gatepass.attach import rest_preflight
from gatepass.attach.api_state import NAME, ApiKind, ApiState, Deployable, choose_stage
from gatepass.attach.context_uses import uses_of_integration
from gatepass.attach.resources import (
    AUTHORIZER,
    DEPLOYMENT,
    GATE,
    MARK,
    BackendMethod,
    CustomResponse,
    PreflightMock,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    StageDeployment,
    without_nulls,
)
from gatepass.aws_calls import Aws, CallFailed


def read(aws: Aws, api_id: str, found: dict[str, Any], wanted: str | None, may_be_gone: bool = False) -> ApiState:
    """Read everything: four lists, however many routes there are. `may_be_gone` is about the stage."""
    stages = {
        stage["stageName"]: stage for stage in aws.call("apigateway", "get_stages", restApiId=api_id).get("item", [])
    }
    stage = choose_stage(list(stages), wanted, may_be_gone)
    facts_of_stage = stages.get(stage, {})
    canary = bool(facts_of_stage.get("canarySettings"))
    state = ApiState(api_id, ApiKind.REST, stage, dict(found.get("tags", {})), canary=canary)
    state.other_stages = dict.fromkeys(stages.keys() - {stage}, False)
    for one in aws.rest_items("get_authorizers", restApiId=api_id):
        state.authorizer_names[one["id"]] = one["name"]
        if one["name"] == NAME:
            state.ids[AUTHORIZER] = one["id"]
            state.authorizer = RestAuthorizer(
                one["type"],
                one.get("authorizerUri", ""),
                one.get("authorizerResultTtlInSeconds", 300),
                one.get("identitySource", ""),
            )
    for resource in aws.rest_items("get_resources", restApiId=api_id, embed=["methods"]):
        _add_methods(state, resource, binary=bool(found.get("binaryMediaTypes")))
    by_authorizer = found.get("apiKeySource") == "AUTHORIZER"
    keyed = state.key_by_authorizer if by_authorizer else state.key_by_header
    keyed += [route for route, one in state.deployable.items() if one.key]
    for one in aws.rest_items("get_gateway_responses", restApiId=api_id):
        if not one.get("defaultResponse"):
            state.responses[one["responseType"]] = CustomResponse(
                str(one.get("statusCode") or ""),
                without_nulls(one.get("responseParameters") or {}),
                without_nulls(one.get("responseTemplates") or {}),
            )
    _add_deployment(aws, state, facts_of_stage.get("deploymentId", ""))
    return state


def _add_methods(state: ApiState, resource: dict[str, Any], binary: bool) -> None:
    path, methods = resource["path"], resource.get("resourceMethods", {})
    for method, facts in methods.items():
        route, integration = f"{method} {path}", facts.get("methodIntegration") or {}
        type_ = rest_preflight.authorization_type(facts)
        authorizer = facts.get("authorizerId") if type_ != "NONE" else None
        state.deployable[route] = Deployable(
            f"{integration.get('type', '').lower()} {integration.get('uri') or ''}",
            state.authorizer_names.get(authorizer or "", ""),
            type_,
            bool(facts.get("apiKeyRequired")),
        )
        if uses := uses_of_integration(integration):
            state.context_uses[route] = uses
        state.ids[ResourceKey(ResourceKind.ROUTE, route)] = resource["id"]
        state.routes[route] = RouteAuthorization(
            type_,
            GATE if authorizer and authorizer == state.ids.get(AUTHORIZER) else authorizer,
            tuple(sorted(facts.get("authorizationScopes") or [])),
        )
    state.ids[ResourceKey(ResourceKind.PREFLIGHT, path)] = resource["id"]
    state.preflights[path] = rest_preflight.value_of(methods.get("OPTIONS"), binary)


def _add_deployment(aws: Aws, state: ApiState, deployment: str) -> None:
    state.ids[DEPLOYMENT], state.deployment = deployment, StageDeployment(deployment)
    if not deployment:
        return
    where = {"restApiId": state.api_id, "deploymentId": deployment}
    described = aws.find("apigateway", "get_deployment", **where, embed=["apisummary"]) or {}
    for path, methods in described.get("apiSummary", {}).items():
        for method, facts in methods.items():
            if type_ := facts.get("authorizationType"):
                state.summary[f"{method} {path}"] = (type_, bool(facts.get("apiKeyRequired")))
    named = StageDeployment(described.get("description") or "")
    if named.is_ours:
        state.deployment = named


def write(aws: Aws, state: ApiState, key: ResourceKey, was: ResourceValue | None, value: ResourceValue | None) -> None:
    """Write one value; `was` is what is there."""
    match value:
        case None:
            _delete(aws, state, key)
        case RestAuthorizer():
            _write_authorizer(aws, state, was, value)
        case RouteAuthorization():
            _write_route(aws, state, key, was, value)
        case PreflightMock() | BackendMethod():
            rest_preflight.write(aws, _options_method(state, key), value, replaces=was is not None)
        case CustomResponse():
            _write_response(aws, state, key, value)
        case StageDeployment():
            _write_deployment(aws, state, value)
        case _:
            raise TypeError(f"{key} of a REST API cannot become {value}")


def _delete(aws: Aws, state: ApiState, key: ResourceKey) -> None:
    match key.kind:
        case ResourceKind.AUTHORIZER:
            aws.call("apigateway", "delete_authorizer", restApiId=state.api_id, authorizerId=state.ids[AUTHORIZER])
        case ResourceKind.PREFLIGHT:
            rest_preflight.delete(aws, _options_method(state, key))
        case ResourceKind.RESPONSE:
            aws.call("apigateway", "delete_gateway_response", restApiId=state.api_id, responseType=key.name)
        case _:
            raise TypeError(f"{key} of a REST API cannot be deleted")


def _options_method(state: ApiState, key: ResourceKey) -> dict[str, str]:
    return {"restApiId": state.api_id, "resourceId": state.ids[key], "httpMethod": "OPTIONS"}


def _write_authorizer(aws: Aws, state: ApiState, was: ResourceValue | None, value: RestAuthorizer) -> None:
    if not isinstance(was, RestAuthorizer):
        made = aws.call(
            "apigateway", "create_authorizer", restApiId=state.api_id, name=NAME, type=value.type,
            authorizerUri=value.uri, authorizerResultTtlInSeconds=value.ttl,
            **({"identitySource": value.identity} if value.identity else {}),
        )  # fmt: skip
        state.ids[AUTHORIZER] = made["id"]
        return
    patch = [
        {"op": "replace", "path": "/type", "value": value.type},
        {"op": "replace", "path": "/authorizerUri", "value": value.uri},
        {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": str(value.ttl)},
    ]
    # It is taken away rather than emptied, as this page has it for this path:
    # https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
    if value.identity:
        patch.append({"op": "replace", "path": "/identitySource", "value": value.identity})
    elif was.identity:
        patch.append({"op": "remove", "path": "/identitySource"})
    aws.call("apigateway", "update_authorizer", restApiId=state.api_id, authorizerId=state.ids[AUTHORIZER],
             patchOperations=patch)  # fmt: skip


def _write_route(
    aws: Aws, state: ApiState, key: ResourceKey, was: ResourceValue | None, value: RouteAuthorization
) -> None:
    # Type and authorizer in one call: between two, the method would be open or refuse everybody.
    identity = state.ids[AUTHORIZER] if value.is_gate else value.authorizer
    patch = [
        {"op": "replace", "path": "/authorizationType", "value": value.type},
        # Without one it is emptied too: an authorizer that a method still names cannot be deleted.
        {"op": "replace", "path": "/authorizerId", "value": identity or ""},
    ]
    # Only a user pool's methods may have scopes.
    before, after = set(was.scopes if isinstance(was, RouteAuthorization) else ()), set(value.scopes)
    for op, scopes in (("remove", before - after), ("add", after - before)):
        patch += [{"op": op, "path": "/authorizationScopes", "value": scope} for scope in sorted(scopes)]
    aws.call("apigateway", "update_method", restApiId=state.api_id, resourceId=state.ids[key],
             httpMethod=key.name.partition(" ")[0], patchOperations=patch)  # fmt: skip


def _write_response(aws: Aws, state: ApiState, key: ResourceKey, value: CustomResponse) -> None:
    facts = {"statusCode": value.status, "responseParameters": value.headers, "responseTemplates": value.templates}
    aws.call("apigateway", "put_gateway_response", restApiId=state.api_id, responseType=key.name,
             **{name: fact for name, fact in facts.items() if fact})  # fmt: skip


def _write_deployment(aws: Aws, state: ApiState, value: StageDeployment) -> None:
    where = {"restApiId": state.api_id, "stageName": state.stage}
    if value.is_ours:
        aws.call("apigateway", "create_deployment", **where, description=value.name)
    else:
        # Back to the very deployment that was there: nothing that is pending goes out with it.
        patch = [{"op": "replace", "path": "/deploymentId", "value": value.name}]
        aws.call("apigateway", "update_stage", **where, patchOperations=patch)


def tidy(aws: Aws, api_id: str) -> None:
    """Delete the deployments of ours that no stage runs."""
    stages = aws.call("apigateway", "get_stages", restApiId=api_id).get("item", [])
    used = {stage.get("deploymentId") for stage in stages}
    used |= {stage["canarySettings"].get("deploymentId") for stage in stages if stage.get("canarySettings")}
    for one in list(aws.rest_items("get_deployments", restApiId=api_id)):
        if (one.get("description") or "").startswith(MARK) and one["id"] not in used:
            try:
                aws.delete("apigateway", "delete_deployment", restApiId=api_id, deploymentId=one["id"])
            except CallFailed as error:
                # Somebody has put it on a stage meanwhile: then it is theirs.
                if "Active stages" not in str(error):
                    raise
