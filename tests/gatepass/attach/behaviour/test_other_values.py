"""A gateway that stores another value than was written: what is read back decides what is said and done."""

import json
from typing import Any

import pytest

from gatepass.attach import record as records
from tests.gatepass.attach.conftest import World
from tests.gatepass.attach.tampering import Change, tampering
from token_service.repository import Repository


def recorded(world: World, api: str) -> "records.AttachRecord | None":
    return records.load(Repository(world.table.client, world.table.name), api)


def opened(params: dict[str, Any]) -> None:
    """A route that shall get an authorization gets none."""
    if "patchOperations" in params:
        for one in params["patchOperations"]:
            one["value"] = {"/authorizationType": "NONE", "/authorizerId": ""}.get(one["path"], one["value"])
    else:
        params |= {"AuthorizationType": "NONE", "AuthorizerId": ""}


def opened_when_gated(world: World, api: str, kind: str) -> Change:
    """Only a route that shall get the gate."""

    def change(params: dict[str, Any]) -> None:
        names = {"REST": ("get_authorizers", "items", "name", "id"), "HTTP": ("", "Items", "Name", "AuthorizerId")}
        _, items, name, key = names[kind]
        client: Any = world.rest if kind == "REST" else world.v2
        where = {"restApiId": api} if kind == "REST" else {"ApiId": api}
        gates = [one[key] for one in client.get_authorizers(**where)[items] if one[name] == "gatepass"]
        if any(gate in json.dumps(params) for gate in gates):
            opened(params)

    return change


UPDATE = {"REST": "apigateway.UpdateMethod", "HTTP": "apigatewayv2.UpdateRoute"}


def make(world: World, kind: str) -> str:
    return world.rest_api() if kind == "REST" else world.v2_api()


@pytest.mark.parametrize("kind", UPDATE)
def test_a_route_that_stays_open_is_told_of_and_put_back(
    world: World, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = make(world, kind)
    before = world.state(api, kind)
    with tampering(world, sent={UPDATE[kind]: opened_when_gated(world, api, kind)}) as faults:
        assert world.attach(api, faults=faults) == 1
    said = capsys.readouterr().err
    assert "route POST /search reads back as NONE" in said
    assert "rolled back: everything is as it was before" in said
    assert world.state(api, kind) == before
    assert recorded(world, api) is None


@pytest.mark.parametrize("kind", UPDATE)
def test_a_route_that_can_neither_be_gated_nor_put_back_is_named_as_exposed(
    world: World, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = make(world, kind)
    before = world.state(api, kind)
    own = world.routes(api, kind)["POST /search"][1]
    with tampering(world, sent={UPDATE[kind]: opened}) as faults:
        assert world.attach(api, faults=faults) == 1
        said = capsys.readouterr().err
        assert "no route is exposed" not in said
        assert f"EXPOSED: POST /search (had CUSTOM {own})" in said
        assert world.routes(api, kind)["POST /search"][0] == "NONE"
        # The record knows what was read back, so that detaching is not refused, and tells the same.
        assert world.detach(api, faults=faults) == 1
        said = capsys.readouterr().err
        assert f"EXPOSED: POST /search (had CUSTOM {own})" in said
        assert world.run("status", api, "--json") == 1
        rows = json.loads(capsys.readouterr().out)
        assert ("route POST /search", "NONE") in [(row["what"], row["is"]) for row in rows]
        assert world.attach(api, faults=faults) == 1
        assert f"EXPOSED: POST /search (had CUSTOM {own})" in capsys.readouterr().err
    # Once the gateway stores what is written, both ways are open.
    assert world.detach(api) == 0
    assert world.state(api, kind) == before


def test_an_exposed_route_is_mended_by_its_owner_and_detached(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api()
    before = world.state(api, "HTTP")
    own = world.routes(api, "HTTP")["POST /search"][1]
    with tampering(world, sent={UPDATE["HTTP"]: opened}) as faults:
        assert world.attach(api, faults=faults) == 1
        (route,) = [one["RouteId"] for one in world.v2.get_routes(ApiId=api)["Items"] if one["RouteKey"] != "$default"]
        world.v2.update_route(ApiId=api, RouteId=route, AuthorizationType="CUSTOM", AuthorizerId=own)
        assert world.detach(api, faults=faults) == 0
    assert world.state(api, "HTTP") == before


def shorter(params: dict[str, Any]) -> None:
    params.pop("responseTemplates", None)


def other_origins(params: dict[str, Any]) -> None:
    params["CorsConfiguration"]["AllowOrigins"] = ["https://stored.example"]


def without_mark(params: dict[str, Any]) -> None:
    params.pop("operationName", None)


def with_identity(params: dict[str, Any]) -> None:
    """As MiniStack does where none is sent."""
    params["identitySource"] = "method.request.header.Authorization"


HARMLESS: list[tuple[str, str, str, Change]] = [
    ("REST", "response ACCESS_DENIED", "apigateway.PutGatewayResponse", shorter),
    ("REST", "preflight /health", "apigateway.PutMethod", without_mark),
    ("REST", "authorizer", "apigateway.CreateAuthorizer", with_identity),
    ("HTTP", "cors", "apigatewayv2.UpdateApi", other_origins),
]


@pytest.mark.parametrize(("kind", "what", "operation", "change"), HARMLESS, ids=[one[1] for one in HARMLESS])
def test_what_leads_past_no_gate_is_attached_as_it_is_stored(
    world: World, kind: str, what: str, operation: str, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    api = make(world, kind)
    before = world.state(api, kind)
    with tampering(world, sent={operation: change}) as faults:
        assert world.attach(api, faults=faults) == 0
        told = capsys.readouterr().out
        assert f"note: the gateway stores {what} as " in told
        assert "as planned" not in told
        # It is neither drift nor written again each time.
        assert world.run("status", api) == 0
        assert world.attach(api, faults=faults) == 0
        assert "nothing to do" in capsys.readouterr().out
    assert world.detach(api) == 0
    assert world.state(api, kind) == before


@pytest.mark.parametrize(("kind", "what", "operation", "change"), HARMLESS, ids=[one[1] for one in HARMLESS])
def test_what_is_stored_otherwise_is_undone_by_a_run_that_fails_later(
    world: World, kind: str, what: str, operation: str, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    api = make(world, kind)
    before = world.state(api, kind)
    with tampering(world, sent={operation: change}) as faults:

        def fail(model: Any, **_: Any) -> None:
            if model.name in ("UpdateMethod", "UpdateRoute"):
                raise faults.error()

        faults._before = fail  # type: ignore[method-assign]
        status = world.attach(api, faults=faults)
    assert status == 1
    said = capsys.readouterr().err
    if recorded(world, api) is not None:
        assert "no route is exposed" in said
        assert world.detach(api) == 0
    assert world.state(api, kind) == before


def test_a_changed_response_is_still_somebody_else_s(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """What was read back right after the writing is ours, and nothing that came later."""
    api = world.rest_api()
    with tampering(world, sent={"apigateway.PutGatewayResponse": shorter}) as faults:
        assert world.attach(api, faults=faults) == 0
    theirs = {"application/json": '{"theirs":1}'}
    world.rest.put_gateway_response(
        restApiId=api, responseType="ACCESS_DENIED", statusCode="403", responseTemplates=theirs
    )
    assert world.run("status", api) == 1
    assert world.detach(api) == 1
    assert "response ACCESS_DENIED is now" in capsys.readouterr().err


def cached(params: dict[str, Any]) -> None:
    name = "authorizerResultTtlInSeconds" if "restApiId" in params else "AuthorizerResultTtlInSeconds"
    identity = "method.request.header.Authorization" if "restApiId" in params else ["$request.header.Authorization"]
    params |= {name: 300, "identitySource" if "restApiId" in params else "IdentitySource": identity}


@pytest.mark.parametrize("kind", UPDATE)
def test_an_authorizer_that_is_stored_with_a_cache_is_not_accepted(
    world: World, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cache lets requests pass uncounted."""
    api = make(world, kind)
    before = world.state(api, kind)
    service = UPDATE[kind].partition(".")[0]
    with tampering(world, sent={f"{service}.CreateAuthorizer": cached}) as faults:
        assert world.attach(api, faults=faults) == 1
    assert "authorizer reads back as REQUEST, cache 300 s" in capsys.readouterr().err
    assert world.state(api, kind) == before


def test_a_response_that_is_put_back_otherwise_is_told_of(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    assert world.attach(api, "--replace-responses") == 0
    with tampering(world, sent={"apigateway.PutGatewayResponse": shorter}) as faults:
        assert world.detach(api, faults=faults) == 0
    told = capsys.readouterr().out
    assert "note: the gateway stores response UNAUTHORIZED as " in told
    assert "it is as it was before" not in told
    assert recorded(world, api) is None
