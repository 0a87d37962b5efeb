"""Whoever loses an authorizer of their own is told, and what in their API used its context."""

import json
from typing import Any

import pytest

from tests.gatepass.attach.conftest import World

BACKEND = "https://backend.example.com/"


def warnings(world: World, api: str, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    capsys.readouterr()
    assert world.attach(api, "--dry-run", "--json", *more) == 0
    return list(json.loads(capsys.readouterr().out)["warnings"])


def with_templates(world: World) -> str:
    """POST /search behind an authorizer of its own, whose context its integration uses."""
    api = world.rest_api(deploy=False)
    resources = world.rest.get_resources(restApiId=api)["items"]
    (search,) = [one["id"] for one in resources if one["path"] == "/search"]
    where = {"restApiId": api, "resourceId": search, "httpMethod": "POST"}
    header = "method.response.header.X-Plan"
    world.rest.put_method_response(**where, statusCode="200", responseParameters={header: False})
    world.rest.put_integration(
        **where, type="HTTP", integrationHttpMethod="POST", uri=BACKEND,
        requestTemplates={"application/json": '{"t":"$context.authorizer.tenant","u":"$context.authorizer.userId"}'},
        requestParameters={"integration.request.header.X-Who": "context.authorizer.principalId"},
    )  # fmt: skip
    world.rest.put_integration_response(
        **where, statusCode="200", responseTemplates={"application/json": "$context.authorizer['role']"}
    )
    world.rest.put_gateway_response(
        restApiId=api, responseType="THROTTLED", responseTemplates={"application/json": '"$context.authorizer.org"'}
    )
    world.rest.create_deployment(restApiId=api, stageName="prod")
    return api


def test_a_rest_api_s_authorizer_and_the_uses_of_its_context_are_named(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = with_templates(world)
    own = world.routes(api, "REST")["POST /search"][1]
    assert warnings(world, api, capsys) == [
        f"the authorizer other ({own}) no longer runs for POST /search: the gate decides, and sets its own context",
        "POST /search: request template application/json uses $context.authorizer.tenant, which the gate does not set",
        "POST /search: request template application/json uses $context.authorizer.userId, which the gate sets otherwise",
        "POST /search: request parameter integration.request.header.X-Who uses $context.authorizer.principalId, which "
        "the gate sets otherwise",
        "POST /search: response 200 template application/json uses $context.authorizer.role, which the gate does not "
        "set",
        "gateway response THROTTLED: template application/json uses $context.authorizer.org, which the gate does not "
        "set",
    ]
    assert warnings(world, api, capsys, "--except", "POST /search") == []
    assert world.attach(api) == 0
    assert warnings(world, api, capsys) == []


def test_an_authorization_of_aws_s_that_is_replaced_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    found = warnings(world, api, capsys, "--replace-auth", "--only", "GET /iam")
    assert found == ["AWS_IAM authorization no longer runs for GET /iam: the gate decides, and sets its own context"]


def test_an_http_api_s_parameters_are_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api(routes=("POST /search",))
    target: dict[str, Any] = world.v2.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="POST", IntegrationUri=BACKEND,
        PayloadFormatVersion="1.0", RequestParameters={"append:header.tenant": "$context.authorizer.tenant"},
    )  # fmt: skip
    (route,) = world.v2.get_routes(ApiId=api)["Items"]
    world.v2.update_route(ApiId=api, RouteId=route["RouteId"], Target=f"integrations/{target['IntegrationId']}")
    assert warnings(world, api, capsys) == [
        f"the authorizer other ({route['AuthorizerId']}) no longer runs for POST /search: the gate decides, and sets "
        "its own context",
        "POST /search: request parameter append:header.tenant uses $context.authorizer.tenant, which the gate does not "
        "set",
    ]


def test_every_route_of_a_websocket_api_has_the_context_of_its_connection(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "send"))
    target: dict[str, Any] = world.v2.create_integration(
        ApiId=api, IntegrationType="HTTP", IntegrationMethod="POST", IntegrationUri=BACKEND,
        RequestTemplates={"application/json": "$context.authorizer.tenant"},
    )  # fmt: skip
    (send,) = [one["RouteId"] for one in world.v2.get_routes(ApiId=api)["Items"] if one["RouteKey"] == "send"]
    world.v2.update_route(ApiId=api, RouteId=send, Target=f"integrations/{target['IntegrationId']}")
    assert warnings(world, api, capsys)[1:] == [
        "send: request template application/json uses $context.authorizer.tenant, which the gate does not set"
    ]
