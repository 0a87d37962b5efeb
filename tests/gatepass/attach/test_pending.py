"""Other people's undeployed changes are found, whatever they changed, and do not go out with the gate."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.gatepass.attach.conftest import BACKEND, World


def rest_ids(world: World, api: str) -> dict[str, str]:
    return {one["path"]: one["id"] for one in world.rest.get_resources(restApiId=api)["items"]}


def open_iam(world: World, api: str) -> None:
    patch = [{"op": "replace", "path": "/authorizationType", "value": "NONE"}]
    where = {"restApiId": api, "resourceId": rest_ids(world, api)["/iam"], "httpMethod": "GET"}
    world.rest.update_method(**where, patchOperations=patch)


def another_integration(world: World, api: str) -> None:
    where = {"restApiId": api, "resourceId": rest_ids(world, api)["/health"], "httpMethod": "GET"}
    world.rest.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=BACKEND + "?2")


def a_key_asked_for(world: World, api: str) -> None:
    where = {"restApiId": api, "resourceId": rest_ids(world, api)["/iam"], "httpMethod": "GET"}
    world.rest.delete_method(**where)
    world.rest.put_method(**where, authorizationType="AWS_IAM", apiKeyRequired=True)
    world.rest.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=BACKEND)


def deleted(world: World, api: str) -> None:
    world.rest.delete_resource(restApiId=api, resourceId=rest_ids(world, api)["/iam"])


REST: dict[str, Callable[[World, str], None]] = {
    "GET /iam: authorization NONE, deployed is AWS_IAM": open_iam,
    "GET /health: another integration is deployed": another_integration,
    "GET /iam: an API key is required, unlike as deployed": a_key_asked_for,
    "GET /iam: deleted, and still deployed": deleted,
}


@pytest.mark.parametrize("line", REST)
def test_a_rest_api_s_pending_change_is_named(world: World, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    REST[line](world, api)
    before = world.state(api, "REST")
    assert world.attach(api) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[1:-1] == [line]
    assert world.state(api, "REST") == before
    assert world.attach(api, "--deploy-pending") == 0
    assert world.run("status", api) == 0


def test_a_rest_stage_that_cannot_be_exported_is_attached_only_by_word_of_its_owner(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """AWS exports no API with a model of a body that is no JSON."""
    api = world.rest_api()
    world.rest.create_model(restApiId=api, name="xml", contentType="application/xml", schema="")
    world.rest.create_deployment(restApiId=api, stageName="prod")
    assert world.attach(api) == 1
    assert "the stage: it cannot be compared" in capsys.readouterr().err
    assert world.attach(api, "--deploy-pending") == 0
    assert world.run("status", api) == 0
    assert world.detach(api) == 0


def slower(world: World, api: str) -> None:
    one = world.v2.get_integrations(ApiId=api)["Items"][0]["IntegrationId"]
    world.v2.update_integration(ApiId=api, IntegrationId=one, TimeoutInMillis=1234)


def other_cors(world: World, api: str) -> None:
    world.v2.update_api(ApiId=api, CorsConfiguration={"AllowOrigins": ["https://a.example"]})


def iam(world: World, api: str) -> None:
    (route,) = [one["RouteId"] for one in world.v2.get_routes(ApiId=api)["Items"] if one["RouteKey"] == "GET /iam"]
    world.v2.update_route(ApiId=api, RouteId=route, AuthorizationType="AWS_IAM")


HTTP: dict[str, Callable[[World, str], Any]] = {
    "GET /iam: other settings are deployed": slower,
    "cors: other settings are deployed": other_cors,
    "GET /iam: authorization AWS_IAM, deployed is NONE": iam,
    "GET /new: not deployed yet": lambda world, api: world.add_routes(api, "GET /new"),
}


@pytest.mark.parametrize("line", HTTP)
def test_an_http_api_s_pending_change_is_named(world: World, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api(auto=False, routes=("GET /iam",))
    world.v2.update_route(
        ApiId=api, RouteId=world.v2.get_routes(ApiId=api)["Items"][0]["RouteId"], AuthorizationType="NONE"
    )
    world.add_routes(api, "POST /search")
    world.v2.create_deployment(ApiId=api, StageName="$default")
    HTTP[line](world, api)
    before = world.state(api, "HTTP")
    assert world.attach(api) == 1
    assert capsys.readouterr().err.splitlines()[1:-1] == [line]
    assert world.state(api, "HTTP") == before
    assert world.attach(api, "--deploy-pending") == 0
    assert world.run("status", api) == 0


def deployed(world: World, api: str, kind: str) -> Any:
    if kind == "REST":
        return [one["deploymentId"] for one in world.rest.get_stages(restApiId=api)["item"]]
    return [one["DeploymentId"] for one in world.v2.get_stages(ApiId=api)["Items"]]


def another_key(world: World, api: str) -> None:
    where = {"restApiId": api, "resourceId": rest_ids(world, api)["/health"], "httpMethod": "GET"}
    (gate,) = [one["id"] for one in world.rest.get_authorizers(restApiId=api)["items"] if one["name"] == "gatepass"]
    world.rest.delete_method(**where)
    world.rest.put_method(**where, authorizationType="CUSTOM", authorizerId=gate, apiKeyRequired=True)
    world.rest.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=BACKEND)


def more_origins(world: World, api: str) -> None:
    cors = world.v2.get_api(ApiId=api)["CorsConfiguration"]
    world.v2.update_api(ApiId=api, CorsConfiguration=cors | {"AllowOrigins": ["https://theirs.example"]})


GATED: list[tuple[str, str, Callable[[World, str], None]]] = [
    ("REST", "GET /health: another integration is deployed", another_integration),
    ("REST", "GET /health: an API key is required, unlike as deployed", another_key),
    ("HTTP", "POST /search: other settings are deployed", slower),
    ("HTTP", "cors: other settings are deployed", more_origins),
]


@pytest.mark.parametrize(("kind", "line", "change"), GATED, ids=[line for _, line, _ in GATED])
def test_an_owner_s_change_of_what_is_attached_is_not_published_unasked(
    world: World, kind: str, line: str, change: Callable[[World, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api() if kind == "REST" else world.v2_api(auto=False)
    assert world.attach(api) == 0
    change(world, api)
    before = deployed(world, api, kind)
    capsys.readouterr()
    assert world.attach(api) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert deployed(world, api, kind) == before
    # A new route needs a deployment, which would publish it.
    if kind == "REST":
        root = rest_ids(world, api)["/"]
        world.rest_route(api, root, "new", "GET", {"authorizationType": "NONE"})
    else:
        world.add_routes(api, "GET /new")
    assert world.attach(api) == 1
    assert line in capsys.readouterr().err
    assert deployed(world, api, kind) == before
    assert world.attach(api, "--deploy-pending") == 0
    assert world.run("status", api) == 0


def test_what_attach_wrote_and_a_stage_does_not_run_is_published_unasked(world: World) -> None:
    api = world.rest_api()
    theirs = deployed(world, api, "REST")[0]
    assert world.attach(api) == 0
    back = [{"op": "replace", "path": "/deploymentId", "value": theirs}]
    world.rest.update_stage(restApiId=api, stageName="prod", patchOperations=back)
    assert world.run("status", api) == 1
    assert world.attach(api) == 0
    assert deployed(world, api, "REST") != [theirs]
    assert world.run("status", api) == 0


def test_a_route_that_was_opened_and_not_deployed_is_mended_unasked(world: World) -> None:
    """The gate replaces what was made of it, so that nothing of anybody else's is published."""
    api = world.rest_api()
    assert world.attach(api) == 0
    where = {"restApiId": api, "resourceId": rest_ids(world, api)["/search"], "httpMethod": "POST"}
    world.rest.update_method(
        **where, patchOperations=[{"op": "replace", "path": "/authorizationType", "value": "NONE"}]
    )
    assert world.attach(api) == 0
    assert world.run("status", api) == 0
