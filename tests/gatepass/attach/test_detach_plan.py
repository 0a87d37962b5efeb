"""What was changed since is not undone, and what is said to be the way on is one."""

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.gatepass.attach.conftest import World
from tests.support.signer import SOLUTION


def ids(world: World, api: str) -> dict[str, str]:
    return {one["path"]: one["id"] for one in world.rest.get_resources(restApiId=api)["items"]}


def other_response(world: World, api: str) -> None:
    body = {"application/json": '{"theirs":1}'}
    world.rest.put_gateway_response(
        restApiId=api, responseType="ACCESS_DENIED", statusCode="403", responseTemplates=body
    )


def other_link(world: World, api: str) -> None:
    world.table.put(f"api#{api}", "config", solution_id="another-one")


def open_route(world: World, api: str) -> None:
    where = {"restApiId": api, "resourceId": ids(world, api)["/search"], "httpMethod": "POST"}
    world.rest.update_method(
        **where, patchOperations=[{"op": "replace", "path": "/authorizationType", "value": "NONE"}]
    )


def cached_authorizer(world: World, api: str) -> None:
    (gate,) = [one["id"] for one in world.rest.get_authorizers(restApiId=api)["items"] if one["name"] == "gatepass"]
    patch = [
        {"op": "replace", "path": "/identitySource", "value": "method.request.header.Authorization"},
        {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "300"},
    ]
    world.rest.update_authorizer(restApiId=api, authorizerId=gate, patchOperations=patch)


def backend_for_preflight(world: World, api: str) -> None:
    resource = ids(world, api)["/health"]
    world.rest.delete_method(restApiId=api, resourceId=resource, httpMethod="OPTIONS")
    world.backend_options(api, resource)


CHANGED: dict[str, Callable[[World, str], None]] = {
    "response ACCESS_DENIED": other_response,
    "link": other_link,
    "route POST /search": open_route,
    "authorizer": cached_authorizer,
    "preflight /health": backend_for_preflight,
}


@pytest.mark.parametrize("what", CHANGED)
def test_the_command_that_a_refused_detach_names_sets_the_value_back(
    world: World, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    before = world.state(api, "REST")
    assert world.attach(api, "--except", "ANY /{proxy+}") == 0
    CHANGED[what](world, api)
    capsys.readouterr()
    assert world.detach(api) == 1
    said = capsys.readouterr().err
    assert f"{what} is now " in said
    (commands,) = re.findall(r"is now .*: (gatepass .*) sets it back", said)
    for command in commands.split(" && "):
        more = ["--yes"] if command.startswith("gatepass attach") else []
        assert world.run(*shlex.split(command)[1:], *more) == 0
    assert world.routes(api, "REST")["ANY /{proxy+}"] == ("NONE", None)
    assert world.detach(api) == 0
    assert world.state(api, "REST") == before


def test_a_route_that_others_put_behind_the_gate_is_taken_out_as_the_refusal_says(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.v2_api(routes=("POST /search", "GET /new"))
    assert world.attach(api, "--only", "POST /search") == 0
    routes: list[dict[str, Any]] = world.v2.get_routes(ApiId=api)["Items"]
    by_key = {one["RouteKey"]: one for one in routes}
    gate = by_key["POST /search"]["AuthorizerId"]
    new = by_key["GET /new"]["RouteId"]
    world.v2.update_route(ApiId=api, RouteId=new, AuthorizationType="CUSTOM", AuthorizerId=gate)
    assert world.detach(api) == 1
    said = capsys.readouterr().err
    assert "route GET /new was put behind the gate by somebody else: set the authorization that it should" in said
    assert "gatepass attach" not in said
    world.v2.update_route(ApiId=api, RouteId=new, AuthorizationType="NONE")
    assert world.detach(api) == 0


def test_a_mock_of_the_owner_s_own_since_then_stays(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Attaching again leaves it alone too, so that nothing else could end the attachment."""
    api = world.rest_api()
    before = world.state(api, "REST")
    assert world.attach(api) == 0
    where = {"restApiId": api, "resourceId": ids(world, api)["/health"], "httpMethod": "OPTIONS"}
    world.rest.delete_method(**where)
    world.rest.put_method(**where, authorizationType="NONE", operationName="theirs")
    world.rest.put_integration(**where, type="MOCK")
    assert world.detach(api) == 0
    assert "left alone: preflight /health: was replaced by its owner since, and stays" in capsys.readouterr().out
    after = world.state(api, "REST")
    (method,) = [one["resourceMethods"].pop("OPTIONS") for one in after["resources"] if one["path"] == "/health"]
    assert method["operationName"] == "theirs"
    assert after == before
    assert world.run("status", api) == 1  # not attached
    assert SOLUTION not in str(after["items"])
