"""A REST API: its values, and how each is written."""

from typing import Any

from gatepass.attach import rest_preflight
from gatepass.attach.apis import GATE, MARK, NAME, Api, Deployable, choose_stage
from gatepass.aws_calls import Aws, CallFailed


def read(aws: Aws, api_id: str, found: dict[str, Any], wanted: str | None, may_be_gone: bool = False) -> Api:
    """Read everything: four lists, however many routes there are. `may_be_gone` is about the stage."""
    stages = {stage["stageName"]: stage for stage in aws.call("apigateway", "get_stages", restApiId=api_id)["item"]}
    stage = choose_stage(list(stages), wanted, may_be_gone)
    facts_of_stage = stages.get(stage, {})
    canary = bool(facts_of_stage.get("canarySettings"))
    api = Api(api_id, "REST", stage, dict(found.get("tags", {})), canary=canary)
    api.values["authorizer"] = None
    for one in aws.rest_items("get_authorizers", restApiId=api_id):
        api.authorizers[one["id"]] = one["name"]
        if one["name"] == NAME:
            api.ids["authorizer"] = one["id"]
            api.values["authorizer"] = {
                "type": one["type"],
                "uri": one.get("authorizerUri", ""),
                "ttl": one.get("authorizerResultTtlInSeconds", 300),
                "identity": one.get("identitySource", ""),
            }
    for resource in aws.rest_items("get_resources", restApiId=api_id, embed=["methods"]):
        path = resource["path"]
        for method, facts in resource.get("resourceMethods", {}).items():
            api.ids[f"route {method} {path}"] = resource["id"]
            integration = facts.get("methodIntegration") or {}
            kind = facts.get("authorizationType", "NONE")
            authorizer = facts.get("authorizerId") if kind != "NONE" else None
            api.deployable[f"{method} {path}"] = Deployable(
                f"{integration.get('type', '').lower()} {integration.get('uri') or ''}",
                api.authorizers.get(authorizer or "", ""),
                kind,
                bool(facts.get("apiKeyRequired")),
            )
            api.values[f"route {method} {path}"] = {
                "type": kind,
                "scopes": sorted(facts.get("authorizationScopes") or []),
                "authorizer": GATE if authorizer and authorizer == api.ids.get("authorizer") else authorizer,
            }
        api.ids[f"preflight {path}"] = resource["id"]
        api.values[f"preflight {path}"] = rest_preflight.value_of(resource.get("resourceMethods", {}).get("OPTIONS"))
    for one in aws.rest_items("get_gateway_responses", restApiId=api_id):
        if not one.get("defaultResponse"):
            api.values[f"response {one['responseType']}"] = {
                "status": str(one.get("statusCode", "")),
                "headers": one.get("responseParameters", {}),
                "templates": one.get("responseTemplates", {}),
            }
    deployment = facts_of_stage.get("deploymentId", "")
    api.ids["deployment"] = api.values["deployment"] = deployment
    if not deployment:
        return api
    where = {"restApiId": api_id, "deploymentId": deployment}
    described = aws.find("apigateway", "get_deployment", **where, embed=["apisummary"]) or {}
    for path, methods in described.get("apiSummary", {}).items():
        for method, facts in methods.items():
            api.summary[f"{method} {path}"] = (facts["authorizationType"], bool(facts.get("apiKeyRequired")))
    text = described.get("description") or ""
    api.values["deployment"] = text if text.startswith(MARK) else deployment
    return api


def write(aws: Aws, api: Api, key: str, was: Any, value: Any) -> None:
    """Write one value; `was` is what is there."""
    kind, _, name = key.partition(" ")
    {
        "authorizer": _authorizer,
        "route": _route,
        "preflight": _preflight,
        "response": _response,
        "deployment": _deployment,
    }[kind](aws, api, name, was, value)


def _authorizer(aws: Aws, api: Api, _: str, was: Any, value: Any) -> None:
    if value is None:
        aws.call("apigateway", "delete_authorizer", restApiId=api.api_id, authorizerId=api.ids["authorizer"])
    elif was is None:
        made = aws.call(
            "apigateway", "create_authorizer", restApiId=api.api_id, name=NAME, type=value["type"],
            authorizerUri=value["uri"], authorizerResultTtlInSeconds=value["ttl"],
            **({"identitySource": value["identity"]} if value["identity"] else {}),
        )  # fmt: skip
        api.ids["authorizer"] = made["id"]
    else:
        patch = [
            {"op": "replace", "path": "/type", "value": value["type"]},
            {"op": "replace", "path": "/authorizerUri", "value": value["uri"]},
            {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": str(value["ttl"])},
        ]
        # It is taken away rather than emptied, as this page has it for this path:
        # https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
        if value["identity"]:
            patch.append({"op": "replace", "path": "/identitySource", "value": value["identity"]})
        elif was["identity"]:
            patch.append({"op": "remove", "path": "/identitySource"})
        aws.call("apigateway", "update_authorizer", restApiId=api.api_id, authorizerId=api.ids["authorizer"],
                 patchOperations=patch)  # fmt: skip


def _route(aws: Aws, api: Api, name: str, was: Any, value: Any) -> None:
    # Type and authorizer in one call: between two, the method would be open or refuse everybody.
    identity = api.ids["authorizer"] if value["authorizer"] == GATE else value["authorizer"]
    patch = [
        {"op": "replace", "path": "/authorizationType", "value": value["type"]},
        # Without one it is emptied too: an authorizer that a method still names cannot be deleted.
        {"op": "replace", "path": "/authorizerId", "value": identity or ""},
    ]
    # Only a user pool's methods may have scopes.
    before, after = set((was or {}).get("scopes", ())), set(value["scopes"])
    for op, scopes in (("remove", before - after), ("add", after - before)):
        patch += [{"op": op, "path": "/authorizationScopes", "value": scope} for scope in sorted(scopes)]
    aws.call("apigateway", "update_method", restApiId=api.api_id, resourceId=api.ids[f"route {name}"],
             httpMethod=name.partition(" ")[0], patchOperations=patch)  # fmt: skip


def _preflight(aws: Aws, api: Api, path: str, was: Any, value: Any) -> None:
    rest_preflight.write(aws, {"restApiId": api.api_id, "resourceId": api.ids[f"preflight {path}"]}, was, value)


def _response(aws: Aws, api: Api, name: str, was: Any, value: Any) -> None:
    where = {"restApiId": api.api_id, "responseType": name}
    if value is None:
        aws.call("apigateway", "delete_gateway_response", **where)
        return
    facts = {"statusCode": value["status"], "responseParameters": value["headers"],
             "responseTemplates": value["templates"]}  # fmt: skip
    aws.call("apigateway", "put_gateway_response", **where, **{k: v for k, v in facts.items() if v})


def _deployment(aws: Aws, api: Api, _: str, was: Any, value: str) -> None:
    where = {"restApiId": api.api_id, "stageName": api.stage}
    if value.startswith(MARK):
        aws.call("apigateway", "create_deployment", **where, description=value)
    else:
        # Back to the very deployment that was there: nothing that is pending goes out with it.
        patch = [{"op": "replace", "path": "/deploymentId", "value": value}]
        aws.call("apigateway", "update_stage", **where, patchOperations=patch)


def tidy(aws: Aws, api_id: str) -> None:
    """Delete the deployments of ours that no stage runs."""
    stages = aws.call("apigateway", "get_stages", restApiId=api_id)["item"]
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
