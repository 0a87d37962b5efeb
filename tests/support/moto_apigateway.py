"""What moto's API Gateway, and its Lambda's policies, lack; importing this module changes moto's classes.

REST UpdateMethod, exports of what is really deployed, stages that survive a deployment; HTTP APIs' deployments, stages'
updates and exports. Whatever botocore's service model rejects is rejected here too, and what AWS refuses: an unknown
authorizer, the deletion of one that a route uses, deployments that a stage runs.
"""

import copy
import json
import secrets
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
from botocore.validate import ParamValidator
from moto.apigateway.models import APIGatewayBackend, Authorizer, Integration, IntegrationResponse, RestAPI
from moto.apigateway.responses import APIGatewayResponse
from moto.apigateway.urls import url_paths as rest_paths
from moto.apigatewayv2.exceptions import APIGatewayV2Error
from moto.apigatewayv2.models import Api, Route, Stage
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.policy import Policy
from moto.core.exceptions import JsonRESTError

SESSION = botocore.session.get_session()
plain_statement = Policy.add_statement


class Rejected(JsonRESTError):
    code = 400

    def __init__(self, message: str, kind: str = "BadRequestException") -> None:
        super().__init__(kind, message)


def in_model_words(value: Any, shape: Any) -> Any:
    """A body with the names that the model has for its members."""
    if shape.type_name == "list" and isinstance(value, list):
        return [in_model_words(one, shape.member) for one in value]
    if shape.type_name != "structure" or not isinstance(value, dict):
        return value
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    unknown = value.keys() - names.keys()
    if unknown:
        raise Rejected(f"unknown: {sorted(unknown)}")
    return {names[name]: in_model_words(one, shape.members[names[name]]) for name, one in value.items()}


def validated(service: str, operation: str, **path: str) -> Any:
    """Check a body against botocore's model of the operation, by the names of its members."""

    def check(body: str) -> Any:
        shape = SESSION.get_service_model(service).operation_model(operation).input_shape
        given = json.loads(body or "{}")
        report = ParamValidator().validate(path | in_model_words(given, shape), shape)
        if report.has_errors():
            raise Rejected(report.generate_report())
        return given

    return check


# ---- Lambda ----------------------------------------------------------------------------------------------------------
def add_statement(self: Policy, raw: str, qualifier: str | None = None) -> Any:
    """https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html (ResourceConflictException)"""
    sid = json.loads(raw)["StatementId"]
    if any(one.get("Sid") == sid for one in self.statements):
        conflict = LambdaClientError(
            "ResourceConflictException",
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement.",
        )
        conflict.code = 409
        raise conflict
    return plain_statement(self, raw, qualifier)


Policy.add_statement = add_statement


# ---- REST ------------------------------------------------------------------------------------------------------------
PATCHABLE = {"/authorizationType", "/authorizerId", "/operationName"}


def update_method(self: Any) -> Any:
    _, _, api_id, _, resource, _, verb = self.path.split("/")
    check = validated("apigateway", "UpdateMethod", restApiId=api_id, resourceId=resource, httpMethod=verb)
    api = self.backend.get_rest_api(api_id)
    method = self.backend.get_method(api_id, resource, verb)
    changed = copy.copy(method)
    scopes = list(method.authorization_scopes or [])
    for one in check(self.body).get("patchOperations", []):
        if one.get("path") == "/authorizationScopes" and one.get("op") in ("add", "remove"):
            scopes = [*scopes, one["value"]] if one["op"] == "add" else [s for s in scopes if s != one["value"]]
            continue
        if one.get("op") not in ("add", "remove", "replace", "move", "copy", "test"):
            raise Rejected(f"Invalid patch operation {one.get('op')}")
        if one["op"] != "replace" or one.get("path") not in PATCHABLE:
            raise Rejected(f"Invalid patch path {one}")
        names = {
            "/authorizationType": "authorization_type",
            "/authorizerId": "authorizer_id",
            "/operationName": "operation_name",
        }
        setattr(changed, names[one["path"]], one["value"])
    if changed.authorization_type not in ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"):
        raise Rejected("Invalid authorization type specified")
    if changed.authorization_type in ("NONE", "AWS_IAM"):
        changed.authorizer_id = None
    elif changed.authorizer_id not in api.authorizers:
        raise Rejected(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS "
            "requires a valid authorizer."
        )
    method.authorization_type, method.authorizer_id = changed.authorization_type, changed.authorizer_id
    if scopes and changed.authorization_type != "COGNITO_USER_POOLS":
        raise Rejected("Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type")
    method.authorization_scopes = scopes or None
    method.operation_name = changed.operation_name or None
    return json.dumps(method.to_json())


def rest_document(api: RestAPI) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for resource in api.resources.values():
        for verb, method in resource.resource_methods.items():
            facts: dict[str, Any] = {}
            if method.method_integration:
                integration = method.method_integration.to_json()
                facts["x-amazon-apigateway-integration"] = {"type": integration["type"].lower()} | (
                    {"uri": integration["uri"]} if integration.get("uri") else {}
                )
            if method.authorization_type == "AWS_IAM":
                facts["security"] = [{"sigv4": []}]
            elif method.authorizer_id:
                facts["security"] = [{api.authorizers[method.authorizer_id].name: []}]
            name = "x-amazon-apigateway-any-method" if verb == "ANY" else verb.lower()
            paths.setdefault(resource.get_path(), {})[name] = facts
    return {"openapi": "3.0.1", "paths": paths}


def rest_create_deployment(self: RestAPI, name: str, description: str, stage_variables: Any = None) -> Any:
    stage = self.stages.get(name)
    deployment = plain_deployment(self, name, description, stage_variables)
    deployment.document = rest_document(self)
    deployment.summary = {
        resource.get_path(): {
            verb: {"authorizationType": one.authorization_type, "apiKeyRequired": one.api_key_required}
            for verb, one in resource.resource_methods.items()
        }
        for resource in self.resources.values()
    }
    if stage is not None:  # moto makes the stage anew, and loses its tags and settings
        stage.deployment_id = deployment.id
        self.stages[name] = stage
    return deployment


def get_deployment(self: Any) -> Any:
    parts = urlsplit(self.uri).path.split("/")
    found = self.backend.get_deployment(parts[2], parts[4])
    embed = parse_qs(urlsplit(self.uri).query).get("embed", [])
    if embed not in ([], ["apisummary"]):
        raise Rejected("Invalid embed")
    return json.dumps(found.to_json() | ({"apiSummary": found.summary} if embed else {}))


def get_export(self: Any) -> Any:
    parts = self.path.split("/")
    stage = self.backend.get_stage(parts[2], parts[4])
    api = self.backend.get_rest_api(parts[2])
    if any(model.content_type != "application/json" for model in api.models.values()):
        raise Rejected("Only found non-JSON body models")
    document = api.deployments[stage.deployment_id].document
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def rest_update_authorizer(self: Authorizer, patch_operations: list[dict[str, Any]]) -> Authorizer:
    for one in patch_operations:
        if one["path"] == "/identitySource" and one["op"] == "remove":
            self.identity_source = None
        elif one["op"] != "replace" or not one.get("value"):
            raise Rejected(f"Invalid patch operation {one}")
        else:
            plain_patch(self, [one])
    if not self.identity_source and self.authorizer_result_ttl:
        raise Rejected("Identity source is required when caching is enabled")
    return self


def rest_delete_authorizer(self: APIGatewayBackend, restapi_id: str, authorizer_id: str) -> None:
    api = self.get_rest_api(restapi_id)
    methods = [m for r in api.resources.values() for m in r.resource_methods.values()]
    if any(m.authorizer_id == authorizer_id for m in methods):
        raise Rejected("Cannot delete authorizer, is referenced in method", "ConflictException")
    api.authorizers.pop(authorizer_id)


def rest_create_authorizer(self: RestAPI, authorizer_id: str, name: str, *rest: Any, **more: Any) -> Any:
    if any(one.name == name for one in self.authorizers.values()):
        raise Rejected("Authorizer name must be unique. Authorizer " + name + " already exists in this RestApi.")
    return plain_authorizer(self, authorizer_id, name, *rest, **more)


def rest_get_deployment(self: RestAPI, deployment_id: str) -> Any:
    if deployment_id not in self.deployments:
        raise Rejected("Invalid Deployment identifier specified", "NotFoundException")
    return self.deployments[deployment_id]


def rest_delete_deployment(self: RestAPI, deployment_id: str) -> Any:
    self.get_deployment(deployment_id)
    if any(stage.deployment_id == deployment_id for stage in self.stages.values()):
        raise Rejected("Active stages pointing to this deployment must be moved or deleted")
    return self.deployments.pop(deployment_id)


def with_null_templates(plain: Any) -> Any:
    """An empty template comes back as null: https://github.com/aws/aws-cli/issues/1610"""

    def to_json(self: Any) -> dict[str, Any]:
        facts: dict[str, Any] = plain(self)
        for name in facts.keys() & {"requestTemplates", "responseTemplates"}:
            facts[name] = {kind: text or None for kind, text in (facts[name] or {}).items()} or None
        return facts

    return to_json


Integration.to_json = with_null_templates(Integration.to_json)
IntegrationResponse.to_json = with_null_templates(IntegrationResponse.to_json)
plain_patch, Authorizer.apply_operations = Authorizer.apply_operations, rest_update_authorizer
plain_deployment, RestAPI.create_deployment = RestAPI.create_deployment, rest_create_deployment
plain_authorizer, RestAPI.create_authorizer = RestAPI.create_authorizer, rest_create_authorizer
RestAPI.get_deployment = rest_get_deployment
RestAPI.delete_deployment = rest_delete_deployment
APIGatewayBackend.delete_authorizer = rest_delete_authorizer
APIGatewayResponse.update_method = update_method
APIGatewayResponse.get_export = get_export
APIGatewayResponse.get_deployment = get_deployment


# ---- HTTP and WebSocket ----------------------------------------------------------------------------------------------
def v2_document(api: Api) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in api.routes.values():
        verb, _, path = route.route_key.partition(" ")
        facts: dict[str, Any] = {}
        target = api.integrations.get((route.target or "").partition("/")[2])
        if target:
            facts["x-amazon-apigateway-integration"] = {
                "type": target.integration_type.lower(),
                "uri": target.integration_uri or "",
            }
        if route.authorization_type == "AWS_IAM":
            facts["security"] = [{"sigv4": []}]
        elif route.authorizer_id:
            facts["security"] = [{api.authorizers[route.authorizer_id].name: []}]
        name = "x-amazon-apigateway-any-method" if verb in ("ANY", "$default") else verb.lower()
        if target and target.timeout_in_millis:
            facts["x-amazon-apigateway-integration"]["timeoutInMillis"] = target.timeout_in_millis
        paths.setdefault(path or "/$default", {})[name] = facts
    cors = {"x-amazon-apigateway-cors": api.cors_configuration} if api.cors_configuration else {}
    return {"openapi": "3.0.1", "paths": paths, **cors}


def v2_api(self: Any) -> Api:
    return self.apigatewayv2_backend.get_api(self.path.split("/")[3])


def v2_deployments(api: Api) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = api.__dict__.setdefault("deployments", {})
    return found


def v2_create_deployment(self: Any) -> Any:
    api = v2_api(self)
    given = validated("apigatewayv2", "CreateDeployment", ApiId=api.api_id)(self.body)
    if not api.routes:
        raise Rejected("Unable to deploy API because no routes exist in this API")
    made = {
        "deploymentId": secrets.token_hex(3),
        "description": given.get("description", ""),
        "deploymentStatus": "DEPLOYED",
        "document": v2_document(api),
    }
    v2_deployments(api)[made["deploymentId"]] = made
    if "stageName" in given:
        stage = api.get_stage(given["stageName"])
        if stage.auto_deploy:
            raise Rejected("Deployment cannot be created on a stage with AutoDeploy enabled")
        stage.deployment_id = made["deploymentId"]
    return 201, {}, json.dumps({k: v for k, v in made.items() if k != "document"})


def v2_get_deployment(self: Any) -> Any:
    found = v2_deployments(v2_api(self)).get(self.path.split("/")[-1])
    if found is None:
        raise Rejected("Invalid Deployment identifier specified", "NotFoundException")
    return 200, {}, json.dumps({k: v for k, v in found.items() if k != "document"})


def v2_get_deployments(self: Any) -> Any:
    found = [{k: v for k, v in one.items() if k != "document"} for one in v2_deployments(v2_api(self)).values()]
    return 200, {}, json.dumps({"items": found})


def v2_delete_deployment(self: Any) -> Any:
    api, deployment = v2_api(self), self.path.split("/")[-1]
    if any(getattr(stage, "deployment_id", None) == deployment for stage in api.stages.values()):
        raise Rejected("Unable to delete deployment: a stage uses it", "ConflictException")
    if v2_deployments(api).pop(deployment, None) is None:
        raise Rejected("Invalid Deployment identifier specified", "NotFoundException")
    return 204, {}, ""


def v2_update_stage(self: Any) -> Any:
    api = v2_api(self)
    name = unquote(self.path.split("/")[-1])
    given = validated("apigatewayv2", "UpdateStage", ApiId=api.api_id, StageName=name)(self.body)
    if given.keys() - {"deploymentId", "stageName"}:
        raise Rejected("not implemented")
    if given["deploymentId"] not in v2_deployments(api):
        raise Rejected("Deployment ID does not exist")
    api.get_stage(name).deployment_id = given["deploymentId"]
    return 200, {}, json.dumps(api.get_stage(name).to_json())


def v2_export_api(self: Any) -> Any:
    api = v2_api(self)
    stage = parse_qs(urlsplit(self.uri).query).get("stageName")
    document = v2_document(api)
    if stage:
        document = v2_deployments(api)[api.get_stage(stage[0]).deployment_id]["document"]
    return 200, {"Content-Type": "application/octet-stream"}, json.dumps(document).encode()


def stage_to_json(self: Stage) -> dict[str, Any]:
    return plain_stage(self) | ({"deploymentId": self.deployment_id} if hasattr(self, "deployment_id") else {})


def route_update(self: Route, *arguments: Any, **given: Any) -> None:
    kind = given.get("authorization_type")
    plain_route_update(self, *arguments, **given)
    if given.get("authorization_scopes") is not None:
        self.authorization_scopes = given["authorization_scopes"]
    if kind in ("NONE", "AWS_IAM"):
        self.authorizer_id = None


def refuse_scopes(given: dict[str, Any], route: Route) -> None:
    kind = given.get("authorizationType", route.authorization_type)
    if given.get("authorizationScopes", route.authorization_scopes) and kind != "JWT":
        raise Rejected("Authorization scopes are only valid for JWT authorization type")


def checked_update_route(self: Any) -> Any:
    api = v2_api(self)
    given = validated("apigatewayv2", "UpdateRoute", ApiId=api.api_id, RouteId=self.path.split("/")[-1])(self.body)
    if given.get("authorizationType") in ("CUSTOM", "JWT") and given.get("authorizerId") not in api.authorizers:
        raise Rejected("Invalid authorizer ID specified")
    refuse_scopes(given, api.get_route(self.path.split("/")[-1]))
    return plain_update_route(self)


def v2_delete_authorizer(self: Any) -> Any:
    if any(route.authorizer_id == self.path.split("/")[-1] for route in v2_api(self).routes.values()):
        raise Rejected("Cannot delete Authorizer, is referenced in route", "ConflictException")
    return plain_delete_authorizer(self)


def v2_create_authorizer(self: Any) -> Any:
    api = v2_api(self)
    given = validated("apigatewayv2", "CreateAuthorizer", ApiId=api.api_id)(self.body)
    only_http = {"authorizerPayloadFormatVersion", "enableSimpleResponses", "authorizerResultTtlInSeconds"}
    if api.protocol_type == "WEBSOCKET" and given.keys() & only_http:
        raise Rejected("supported only for HTTP APIs")
    return plain_create_authorizer(self)


plain_create_authorizer = ApiGatewayV2Response.create_authorizer
ApiGatewayV2Response.create_authorizer = v2_create_authorizer


def v2_get_authorizers(self: Any) -> Any:
    return 200, {}, json.dumps({"items": [one.to_json() for one in v2_api(self).authorizers.values()]})


ApiGatewayV2Response.get_authorizers = v2_get_authorizers
plain_stage, Stage.to_json = Stage.to_json, stage_to_json
plain_route_update, Route.update = Route.update, route_update
plain_update_route, ApiGatewayV2Response.update_route = ApiGatewayV2Response.update_route, checked_update_route
plain_delete_authorizer = ApiGatewayV2Response.delete_authorizer
ApiGatewayV2Response.delete_authorizer = v2_delete_authorizer
ApiGatewayV2Response.create_deployment = v2_create_deployment
ApiGatewayV2Response.get_deployment = v2_get_deployment
ApiGatewayV2Response.get_deployments = v2_get_deployments
ApiGatewayV2Response.delete_deployment = v2_delete_deployment
ApiGatewayV2Response.update_stage = v2_update_stage
ApiGatewayV2Response.export_api = v2_export_api
for path in (
    "{0}/v2/apis/(?P<api_id>[^/]+)/deployments$",
    "{0}/v2/apis/(?P<api_id>[^/]+)/deployments/(?P<deployment_id>[^/]+)$",
    "{0}/v2/apis/(?P<api_id>[^/]+)/exports/(?P<specification>[^/]+)$",
):
    rest_paths[path] = ApiGatewayV2Response.dispatch
assert issubclass(APIGatewayV2Error, JsonRESTError)
