"""Preflight is answered by the API itself, and no `OPTIONS` leads past the gate to a backend."""

import json
import urllib.request
from typing import Any

import pytest

from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.items import attachment_key
from gatepass.attach import record as records
from gatepass.attach.resources import ResourceKey, ResourceKind
from gatepass.attach.rest_preflight import OPERATION
from gatepass.local.gateway import Api as GatewayApi
from gatepass.local.gateway import Authorizer, Cors, LambdaProxy, LocalGateway, Route
from tests.gatepass.attach.conftest import ARN, OTHER, Faults, World
from token_service.repository import Repository


def methods(world: World, api: str) -> dict[str, Any]:
    """The OPTIONS methods by path."""
    resources = world.rest.get_resources(restApiId=api, embed=["methods"])["items"]
    return {r["path"]: r["resourceMethods"]["OPTIONS"] for r in resources if "OPTIONS" in r.get("resourceMethods", {})}


def targets(world: World, api: str) -> dict[str, str]:
    """Where OPTIONS routes of an HTTP API lead to."""
    uris = {one["IntegrationId"]: one["IntegrationUri"] for one in world.v2.get_integrations(ApiId=api)["Items"]}
    routes = world.v2.get_routes(ApiId=api)["Items"]
    return {r["RouteKey"]: uris[r["Target"].partition("/")[2]] for r in routes if r["RouteKey"].startswith("OPTIONS")}


def test_a_backend_s_options_method_gives_way_to_a_mock_and_comes_back_whole(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    before = methods(world, api)["/search"]
    assert before["methodIntegration"]["type"] == "HTTP"
    assert world.attach(api) == 0
    assert "OPTIONS /search leads to a backend without passing the gate" in capsys.readouterr().out
    after = methods(world, api)
    assert {path: one["methodIntegration"]["type"] for path, one in after.items()} == dict.fromkeys(
        ("/search", "/health", "/{proxy+}"), "MOCK"
    )
    assert {one["authorizationType"] for one in after.values()} == {"NONE"}
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert methods(world, api) == {"/search": before}


def backend_with_empty_templates(world: World) -> str:
    """GET /health, and OPTIONS /health with a backend whose templates are empty, which AWS reads back as null."""
    api = world.rest_api(deploy=False)
    where = {"restApiId": api, "resourceId": resource_id(world, api, "/health"), "httpMethod": "OPTIONS"}
    empty = {"application/json": ""}
    world.rest.put_method(**where, authorizationType="NONE")
    world.rest.put_method_response(**where, statusCode="200")
    world.rest.put_integration(
        **where, type="HTTP", integrationHttpMethod="GET", uri="https://backend.example.com/", requestTemplates=empty
    )
    world.rest.put_integration_response(**where, statusCode="200", responseTemplates=empty)
    world.rest.create_deployment(restApiId=api, stageName="prod")
    return api


def resource_id(world: World, api: str, path: str) -> str:
    (found,) = [one["id"] for one in world.rest.get_resources(restApiId=api)["items"] if one["path"] == path]
    return str(found)


def test_empty_templates_come_back_empty(world: World) -> None:
    api = backend_with_empty_templates(world)
    before = methods(world, api)["/health"]
    assert before["methodIntegration"]["integrationResponses"]["200"]["responseTemplates"] == {"application/json": None}
    assert world.attach(api) == 0
    assert methods(world, api)["/health"]["operationName"] == OPERATION
    assert world.detach(api) == 0
    assert methods(world, api)["/health"] == before


def test_empty_templates_come_back_empty_when_an_attach_is_rolled_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = backend_with_empty_templates(world)
    before = world.state(api, "REST")

    class Failing(Faults):
        def _before(self, model: Any, **_: Any) -> None:
            if model.name == "PutGatewayResponse":
                raise self.error()

    assert world.attach(api, faults=Failing()) == 1
    assert "everything is as it was before" in capsys.readouterr().err
    assert world.state(api, "REST") == before


def test_a_record_with_null_templates_is_undone(world: World) -> None:
    """Records that release 0.1 wrote hold them as AWS told them."""
    api = backend_with_empty_templates(world)
    before = methods(world, api)["/health"]
    assert world.attach(api) == 0
    (item,) = [one for one in world.table.all() if (one["pk"], one["sk"]) == attachment_key(api)]
    document = item["document"].replace('{"application/json":""}', '{"application/json":null}')
    assert document.count("null}") == 2
    world.table.put(**item | {"document": document})
    assert world.detach(api) == 0
    assert methods(world, api)["/health"] == before


def test_what_answers_preflight_already_stays(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    (resource,) = [r["id"] for r in world.rest.get_resources(restApiId=api)["items"] if r["path"] == "/health"]
    where = {"restApiId": api, "resourceId": resource, "httpMethod": "OPTIONS"}
    world.rest.put_method(**where, authorizationType="NONE")
    world.rest.put_integration(**where, type="MOCK")
    world.rest.create_deployment(restApiId=api, stageName="prod")
    mock = methods(world, api)["/health"]
    assert world.attach(api, "--except", "OPTIONS /search") == 0
    shown = capsys.readouterr().out
    assert "OPTIONS /health stays as it is" in shown
    assert "left alone: OPTIONS /search: as asked" in shown
    after = methods(world, api)
    assert after["/health"] == mock
    assert after["/search"]["operationName"] == "theirs"
    assert world.run("status", api) == 0


@pytest.mark.parametrize("binary", [[], ["*/*"], ["image/png", "application/json"]])
def test_a_mock_takes_requests_for_text_whatever_the_api_s_binary_media_types(world: World, binary: list[str]) -> None:
    """A mock cannot transform a binary request, and answers 500 then."""
    api = world.rest_api(binary=binary)
    assert world.attach(api) == 0
    ours = [one["methodIntegration"] for one in methods(world, api).values() if one["operationName"] == OPERATION]
    assert {one["contentHandling"] for one in ours} == {"CONVERT_TO_TEXT"}
    assert world.run("status", api) == 0


@pytest.mark.parametrize("binary", [[], ["*/*"]])
def test_a_mock_of_an_earlier_release_is_mended_where_it_answers_500(
    world: World, binary: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Release 0.1 left the content handling out, which only APIs with binary media types suffer from."""
    api = world.rest_api(binary=binary)
    before = world.state(api, "REST")
    assert world.attach(api) == 0
    where = {"restApiId": api, "resourceId": resource_id(world, api, "/health"), "httpMethod": "OPTIONS"}
    mock = methods(world, api)["/health"]["methodIntegration"]
    world.rest.put_integration(**where, type="MOCK", requestTemplates=mock["requestTemplates"])
    (answer,) = mock["integrationResponses"].values()
    world.rest.put_integration_response(**where, statusCode="204", responseParameters=answer["responseParameters"])
    capsys.readouterr()
    assert world.run("status", api, "--json") == (1 if binary else 0)
    whats = [row.get("what") for row in json.loads(capsys.readouterr().out)]
    assert whats == (["preflight /health"] if binary else [None])
    assert world.attach(api) == 0
    assert world.run("status", api) == 0
    assert ("contentHandling" in methods(world, api)["/health"]["methodIntegration"]) == bool(binary)
    assert world.detach(api) == 0
    assert world.state(api, "REST") == before


@pytest.mark.parametrize("pages", [True, False])
def test_where_no_page_is_known_only_what_would_take_preflight_gets_a_mock(world: World, pages: bool) -> None:
    if not pages:
        world.table.put_solution()
    api = world.rest_api()
    assert world.attach(api) == 0
    ours = {path for path, one in methods(world, api).items() if one["operationName"] == OPERATION}
    assert ours == {"/search", "/{proxy+}"} | ({"/health"} if pages else set())
    origin = methods(world, api)["/{proxy+}"]["methodIntegration"]["integrationResponses"]["204"]["responseParameters"]
    wanted = "https://search.example.com" if pages else "*"
    assert origin["method.response.header.Access-Control-Allow-Origin"] == f"'{wanted}'"


def test_with_only_one_route_other_options_are_none_of_its_business(world: World) -> None:
    api = world.rest_api()
    assert world.attach(api, "--only", "GET /health") == 0
    assert methods(world, api)["/search"]["operationName"] == "theirs"
    assert "/{proxy+}" not in methods(world, api)
    http = world.v2_api(routes=("POST /search", "OPTIONS /search", "GET /health"))
    assert world.attach(http, "--only", "GET /health") == 0
    assert targets(world, http) == {"OPTIONS /search": OTHER}


def test_an_options_route_of_an_http_api_leads_to_the_gate(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api(routes=("POST /search", "OPTIONS /search", "OPTIONS /{proxy+}", "$default"))
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0
    assert "OPTIONS /search leads to a backend without passing the gate" in capsys.readouterr().out
    assert targets(world, api) == dict.fromkeys(("OPTIONS /search", "OPTIONS /{proxy+}", "OPTIONS /"), ARN)
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before
    assert world.attach(api, "--except", "OPTIONS /search") == 0
    assert targets(world, api)["OPTIONS /search"] == OTHER
    assert world.run("status", api) == 0


def test_a_new_options_method_that_leads_to_a_backend_is_drift(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    assert world.attach(api) == 0
    (resource,) = [r["id"] for r in world.rest.get_resources(restApiId=api)["items"] if r["path"] == "/iam"]
    world.backend_options(api, resource)
    world.rest.create_deployment(restApiId=api, stageName="prod")
    capsys.readouterr()
    assert world.run("status", api, "--json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(row["what"], row["is"]) for row in rows] == [("preflight /iam", "a backend (HTTP)")]
    # Attaching again takes it in, and what it was is known from then on.
    theirs = methods(world, api)["/iam"]
    assert world.attach(api) == 0
    assert world.run("status", api) == 0
    record = records.load(Repository(world.table.client, world.table.name), api)
    assert record is not None
    assert record.changes[ResourceKey(ResourceKind.PREFLIGHT, "/iam")].origin is not None
    assert world.detach(api) == 0
    assert methods(world, api)["/iam"] == theirs


def test_a_browser_s_preflight_passes_through_what_attach_made(world: World) -> None:
    """The attached definition, served: by the gate's real handler, and a backend that must not see any OPTIONS."""
    api = world.v2_api(routes=("POST /search", "OPTIONS /search", "ANY /any", "$default"))
    assert world.attach(api) == 0
    world.table.put_ring()
    seen: list[str] = []

    def backend(event: Any, context: Any) -> dict[str, Any]:
        seen.append(event["requestContext"]["http"]["method"])
        return {"statusCode": 418}

    gate = make_handler(Gate(world.table.store), write=lambda _: None)
    functions = {ARN: LambdaProxy(gate), OTHER: LambdaProxy(backend)}
    uris = {one["IntegrationId"]: one["IntegrationUri"] for one in world.v2.get_integrations(ApiId=api)["Items"]}
    authorizer = Authorizer(gate)
    routes = []
    for one in world.v2.get_routes(ApiId=api)["Items"]:
        verb, _, path = one["RouteKey"].partition(" ")
        guard = authorizer if one["AuthorizationType"] == "CUSTOM" else None
        verb, path = (verb, path) if path else ("ANY", "$default")
        routes.append(Route(verb, path, functions[uris[one["Target"].partition("/")[2]]], guard))
    cors = world.v2.get_api(ApiId=api)["CorsConfiguration"]
    settings = Cors(
        tuple(cors["AllowOrigins"]), tuple(cors["AllowMethods"]), tuple(cors["AllowHeaders"]), max_age=cors["MaxAge"]
    )
    headers = {"Origin": "https://search.example.com", "Access-Control-Request-Method": "POST"}
    with LocalGateway(GatewayApi(api, "HTTP", tuple(routes), cors=settings)) as gateway:
        for path in ("/search", "/any", "/", "/else/where"):
            for extra in ({}, headers):
                request = urllib.request.Request(gateway.url + path, b"{}", extra, method="OPTIONS")
                with urllib.request.urlopen(request, timeout=10) as response:
                    assert response.status == 204
                    allowed = response.headers.get("Access-Control-Allow-Headers", "").split(",")
                    assert ("authorization" in allowed) == bool(extra), path
    assert seen == []
