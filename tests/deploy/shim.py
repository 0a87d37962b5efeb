"""MiniStack with its faults mended, each beside the AWS page that decides. Runs in MiniStack's own environment.

Nothing here bends AWS to the code under test: where no page says what AWS does, MiniStack stays as it is, and the tests
do not look. What MiniStack lacks besides, and no test relies on: it serves a REST API as it is, deployed or not, and decides
nothing by `dynamodb:LeadingKeys` and `kms:KeySpec`, which `tests/token_service/test_roles.py` does.
"""

import inspect
import json
import os
import re
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from ministack import app
from ministack.services import apigateway as http
from ministack.services import apigateway_v1 as rest
from ministack.services import cloudwatch_logs as logs
from ministack.services import dynamodb, iam
from ministack.services import lambda_svc as functions
from ministack.services.cloudformation import provisioners

TEXTS: dict[tuple[ModuleType, str], str] = {}
"""The functions that were edited, as they are now."""


def edit(module: ModuleType, function: str, was: str, becomes: str) -> None:
    """Replace one passage of a function's text."""
    text = TEXTS.get((module, function)) or inspect.getsource(getattr(module, function))
    if text.count(was) != 1:
        raise SystemExit(f"shim: {module.__name__}.{function} holds {text.count(was)} times {was!r}: look at the mend")
    TEXTS[module, function] = text = text.replace(was, becomes)
    exec(compile(text, f"{module.__file__} (mended)", "exec"), module.__dict__)  # noqa: S102 - the emulator's own text, edited above


def made(answer: Any) -> dict[str, Any]:
    """What a creation of API Gateway answered."""
    status, _, body = answer
    if status >= 300:
        raise SystemExit(f"shim: {body}")
    return dict(json.loads(body))


def import_http_api(api_id: str, body: dict[str, Any]) -> None:
    """Make routes, integrations, authorizers and CORS settings of an OpenAPI definition."""
    schemes = body.get("components", {}).get("securitySchemes", {})
    authorizers = {
        name: made(http._create_authorizer(api_id, {
            "name": name, "authorizerType": facts["type"].upper(), "authorizerUri": facts["authorizerUri"],
            "authorizerPayloadFormatVersion": facts["authorizerPayloadFormatVersion"],
            "authorizerResultTtlInSeconds": facts.get("authorizerResultTtlInSeconds", 0),
            "enableSimpleResponses": facts.get("enableSimpleResponses", False),
            "identitySource": facts.get("identitySource", []),
        }))["authorizerId"]
        for name, scheme in schemes.items()
        if (facts := scheme.get("x-amazon-apigateway-authorizer"))
    }  # fmt: skip
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            facts = operation["x-amazon-apigateway-integration"]
            integration = made(http._create_integration(api_id, {
                "integrationType": facts["type"].upper(), "integrationUri": facts["uri"],
                "integrationMethod": facts["httpMethod"], "payloadFormatVersion": facts["payloadFormatVersion"],
            }))  # fmt: skip
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            gates = [authorizers[name] for one in operation.get("security", []) for name in one if name in authorizers]
            made(http._create_route(api_id, {
                "routeKey": "$default" if path == "/$default" else f"{verb} {path}",
                "target": f"integrations/{integration['integrationId']}",
                **({"authorizationType": "CUSTOM", "authorizerId": gates[0]} if gates else {}),
            }))  # fmt: skip
    if "x-amazon-apigateway-cors" in body:
        http._update_api(api_id, {"corsConfiguration": body["x-amazon-apigateway-cors"]})


def http_apis_have_what_their_template_says() -> None:
    """`AWS::ApiGatewayV2::Api` leaves out its `Body`, where SAM writes all routes, and misreads `CorsConfiguration`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-api.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handlers["create"], handlers["update"]

    def finish(api_id: str, properties: dict[str, Any]) -> None:
        if "CorsConfiguration" in properties:
            cors = {name[0].lower() + name[1:]: value for name, value in properties["CorsConfiguration"].items()}
            http._update_api(api_id, {"corsConfiguration": cors})
        if "Body" in properties:
            for kind in (http._routes, http._integrations, http._authorizers):
                kind[api_id] = {}
            import_http_api(api_id, properties["Body"])

    def create_all(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        answer = create(logical_id, properties, stack)
        finish(answer[0], properties)
        return answer

    def update_all(api_id: str, old: dict[str, Any], new: dict[str, Any], *more: Any, **named: Any) -> Any:
        answer = update(api_id, old, new, *more, **named)
        finish(answer[0], new)
        return answer

    handlers |= {"create": create_all, "update": update_all}


def rest_apis_have_what_their_body_defines() -> None:
    """An imported REST API leaves out templates and answers of integrations (so that SAM's `Cors` answers nothing), the
    answers of methods, `ANY`, and gateway responses.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-any-method.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html
    """
    import_operation, import_api = rest._import_operation, rest._import_rest_api

    def operation(api_id: str, resource: str, method: str, facts: dict[str, Any], *more: Any) -> None:
        import_operation(api_id, resource, method, facts, *more)
        for status, answer in facts.get("responses", {}).items():
            headers = {f"method.response.header.{name}": False for name in answer.get("headers", {})}
            rest._put_method_response(api_id, resource, method, str(status), {"responseParameters": headers})
        integration = facts.get("x-amazon-apigateway-integration", {})
        stored = rest._resources[api_id][resource]["resourceMethods"][method]["methodIntegration"] or {}
        stored |= {name: integration[name] for name in ("requestTemplates", "contentHandling") if name in integration}
        for pattern, answer in integration.get("responses", {}).items():
            rest._put_integration_response(api_id, resource, method, str(answer["statusCode"]), {
                "selectionPattern": "" if pattern == "default" else pattern, **answer,
            })  # fmt: skip

    def api(body: dict[str, Any], *more: Any) -> str:
        for methods in body.get("paths", {}).values():
            if "x-amazon-apigateway-any-method" in methods:
                methods["any"] = methods.pop("x-amazon-apigateway-any-method")
        api_id = str(import_api(body, *more))
        for kind, answer in body.get("x-amazon-apigateway-gateway-responses", {}).items():
            rest._put_gateway_response(api_id, kind, answer)
        return api_id

    rest._OPENAPI_HTTP_METHODS.add("any")
    rest._import_operation, rest._import_rest_api = operation, api


def authorizers_have_no_identity_source_of_their_own() -> None:
    """A REQUEST authorizer that names no identity source gets `Authorization`, so that it refuses whoever sends none.

    https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html (identitySource)
    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html (identitySource)
    """
    was = 'data.get("identitySource", "method.request.header.Authorization")'
    token = '"method.request.header.Authorization" if data.get("type", "TOKEN") != "REQUEST" else ""'
    edit(rest, "_create_authorizer", was, f'data.get("identitySource", {token})')
    was = 'data.get("identitySource", ["$request.header.Authorization"])'
    jwt = '["$request.header.Authorization"] if data.get("authorizerType") != "REQUEST" else []'
    edit(http, "_create_authorizer", was, f'data.get("identitySource", {jwt})')
    was, jwt = was.replace("data", "props").replace("identity", "Identity"), jwt.replace("data", "props")
    none = f'props.get("IdentitySource", {jwt.replace("authorizerType", "AuthorizerType")})'
    edit(provisioners, "_apigw_v2_authorizer_create", was, none)
    provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Authorizer"]["create"] = (
        provisioners._apigw_v2_authorizer_create
    )


def routes_for_options_go_before_cors() -> None:
    """An HTTP API's CORS settings answer every `OPTIONS`, and 403 where there are none, before any route is looked for.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html ("Configure CORS for an HTTP API
    with a $default route and an authorizer": an `OPTIONS /{proxy+}` route takes preflight)
    """
    was = 'if method == "OPTIONS":'
    edit(http, "_handle_execute_in_scope", was,
         'if method == "OPTIONS" and not _match_route(api_id, method, "/" + path.lstrip("/")):')  # fmt: skip


def refusals_tell_what_the_authorizer_said() -> None:
    """Templates of gateway responses leave `$context.authorizer.…` as it stands.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """

    def denied(explicit: bool, context: dict[str, str]) -> Any:
        error = rest._deny_error(explicit)
        error.authorizer = context
        return error

    rest._denied = denied
    was = 'return _deny_error(decision == "Deny"), None'
    edit(rest, "_authorize_request_v1", was, 'return _denied(decision == "Deny", auth_ctx), None')
    edit(rest, "_gateway_error_response", "body = _GATEWAY_TEMPLATE_VARIABLE",
         'variables |= {f"context.authorizer.{k}": v for k, v in getattr(error, "authorizer", {}).items()}\n'
         "    body = _GATEWAY_TEMPLATE_VARIABLE")  # fmt: skip


def websockets_refuse_with_401_what_their_authorizer_calls_unauthorized() -> None:
    """A handshake gets 500 where the authorizer raises `Unauthorized`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
    """
    edit(http, "_invoke_request_authorizer_lambda", 'if not result or result.get("error"):\n        return None',
         'if not result or result.get("error"):\n'
         '        said = ((result or {}).get("body") or {}).get("errorMessage")\n'
         '        return {"unauthorized": True} if said == "Unauthorized" else None')  # fmt: skip
    edit(http, "_authorize_ws_connect", '    policy = (payload or {}).get("policyDocument")\n',
         '    if payload == {"unauthorized": True}:\n        return (401, "Unauthorized"), None\n'
         '    policy = (payload or {}).get("policyDocument")\n')  # fmt: skip


def gates_are_called_only_where_their_functions_policy_allows_it() -> None:
    """API Gateway calls any function as an authorizer, whatever that function's resource policy says.

    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html
    """

    def check(module: ModuleType, name: str) -> None:
        invoke = getattr(module, name)

        async def invoke_if_allowed(authorizer: dict[str, Any], event: dict[str, Any], *scope: Any) -> Any:
            function = authorizer["authorizerUri"].partition("/functions/")[2].removesuffix("/invocations")
            api = (event.get("methodArn") or event["routeArn"]).partition("/")[0]
            policy, _ = functions.function_policy_for_arn(function) or ({"Statement": []}, "")
            allowed = [
                one["Condition"]["ArnLike"]["AWS:SourceArn"]
                for one in policy["Statement"]
                if one["Resource"] == function and one["Principal"] == {"Service": "apigateway.amazonaws.com"}
            ]
            if not any(fnmatchcase(f"{api}/authorizers/a", pattern) for pattern in allowed):
                return None
            return await invoke(authorizer, event, *scope)

        setattr(module, name, invoke_if_allowed)

    check(rest, "_invoke_authorizer_lambda")
    check(http, "_invoke_request_authorizer_lambda")


def deployments_tell_how_their_methods_are_authorized() -> None:
    """The summary of a deployment leaves out each method's authorization.

    https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSnapshot.html
    """
    kind = '"authorizationType": method_obj.get("authorizationType", "NONE"),'
    edit(rest, "_build_api_summary", '"authorizationScopes": [],', kind)


def the_callers_address_is_the_connections() -> None:
    """A REST API takes the caller's address from `X-Forwarded-For`, which whoever calls can write.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    ("$context.identity.sourceIp: the source IP address of the immediate TCP connection")
    """
    edit(rest, "_authorize_request_v1",
         '(_header_ci(headers, "x-forwarded-for") or "127.0.0.1").split(",")[0].strip()', '"127.0.0.1"')  # fmt: skip


def log_patterns_read_json() -> None:
    """A pattern in braces is taken for words that the line must hold. Here: alternatives of `$.field = "value"`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    words = logs._subscription_pattern_matches

    def matches(pattern: str, message: str) -> bool:
        if not pattern.startswith("{"):
            return bool(words(pattern, message))
        alternatives = [
            re.fullmatch(r'\(?\$\.(\w+) = "(\w+)"\)?', one.strip()) for one in pattern.strip("{ }").split("||")
        ]
        try:
            line = json.loads(message)
        except ValueError:
            return False
        return any(line.get(found[1]) == found[2] for found in alternatives if found)

    logs._subscription_pattern_matches = matches


def saved_queries_can_be_made() -> None:
    """`AWS::Logs::QueryDefinition` is unknown, which ends a deployment. Nothing reads them here.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-querydefinition.html
    """

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        return f"{stack}-{logical_id}", {"QueryDefinitionId": f"{stack}-{logical_id}"}

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *more: Any, **named: Any) -> Any:
        return physical_id, {"QueryDefinitionId": physical_id}

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        pass

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = handlers


def tables_have_the_backups_and_the_ttl_of_their_template() -> None:
    """`AWS::DynamoDB::Table` leaves out `PointInTimeRecoverySpecification` and `TimeToLiveSpecification`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    create = handlers["create"]

    def create_all(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        for setting, update in (
            ("PointInTimeRecoverySpecification", dynamodb._update_continuous_backups),
            ("TimeToLiveSpecification", dynamodb._update_ttl),
        ):
            if setting in properties:
                update({"TableName": name, setting: properties[setting]})
        return name, attributes

    handlers["create"] = create_all


def simulations_know_the_context_that_they_are_given() -> None:
    """`SimulatePrincipalPolicy` passes over `ContextEntries`, so that no condition on a tag holds.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    iam.CONTEXT_ENTRIES = {}
    edit(iam, "_build_simulate_results_real", "secure_transport=False,",
         "secure_transport=False,\n                service_context=CONTEXT_ENTRIES,")  # fmt: skip
    simulate = iam._simulate_principal_policy

    def with_context(parameters: Any) -> Any:
        found: dict[str, list[str]] = {}
        while name := iam._p(parameters, f"{(entry := f'ContextEntries.member.{len(found) + 1}')}.ContextKeyName"):
            found[name.lower()] = [iam._p(parameters, f"{entry}.ContextKeyValues.member.1")]
        iam.CONTEXT_ENTRIES = {key: value if "leadingkeys" in key else value[0] for key, value in found.items()}
        return simulate(parameters)

    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = with_context


MENDS: tuple[Callable[[], None], ...] = (
    http_apis_have_what_their_template_says,
    rest_apis_have_what_their_body_defines,
    authorizers_have_no_identity_source_of_their_own,
    routes_for_options_go_before_cors,
    refusals_tell_what_the_authorizer_said,
    websockets_refuse_with_401_what_their_authorizer_calls_unauthorized,
    gates_are_called_only_where_their_functions_policy_allows_it,
    deployments_tell_how_their_methods_are_authorized,
    the_callers_address_is_the_connections,
    log_patterns_read_json,
    saved_queries_can_be_made,
    tables_have_the_backups_and_the_ttl_of_their_template,
    simulations_know_the_context_that_they_are_given,
)

if __name__ == "__main__":
    # What it says goes to a file, since a test run has no other place for it.
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv[1:] = []
    for mend in MENDS:
        mend()
    app.main()
