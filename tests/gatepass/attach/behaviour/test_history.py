"""What happens to an attached API in the course of time, and that detaching still finds the way back."""

import json
from typing import Any

import pytest

from gatepass.attach import record as records
from tests.gatepass.attach.conftest import ARN, BACKEND, Faults, World
from token_service.repository import Repository


def route_id(world: World, api: str, key: str) -> str:
    (found,) = [one["RouteId"] for one in world.v2.get_routes(ApiId=api)["Items"] if one["RouteKey"] == key]
    return str(found)


def record_of(world: World, api: str) -> "records.AttachRecord | None":
    return records.load(Repository(world.table.client, world.table.name), api)


def permission(world: World) -> list[Any]:
    try:
        policy = world.functions.get_policy(FunctionName="gate", Qualifier="live")["Policy"]
    except world.functions.exceptions.ResourceNotFoundException:
        return []
    return list(json.loads(policy)["Statement"])


def test_a_stage_never_goes_back_to_a_deployment_that_contains_the_gate(world: World) -> None:
    api = world.rest_api()
    routes = world.routes(api, "REST")
    assert world.attach(api) == 0
    root = world.rest.get_resources(restApiId=api)["items"][0]["id"]
    world.rest_route(api, root, "new", "GET", {"authorizationType": "NONE"})
    world.rest.create_deployment(restApiId=api, stageName="prod", description="theirs, with the gate")
    assert world.attach(api) == 0
    assert world.detach(api) == 0
    assert world.routes(api, "REST") == routes | {"GET /new": ("NONE", None)}
    export = world.rest.get_export(restApiId=api, stageName="prod", exportType="oas30")["body"].read()
    assert b"gatepass" not in export


def test_mending_drift_does_not_make_the_drift_the_origin(world: World) -> None:
    api = world.v2_api()
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0
    world.v2.update_route(ApiId=api, RouteId=route_id(world, api, "POST /search"), AuthorizationType="NONE")
    (gate,) = [one["AuthorizerId"] for one in world.v2.get_authorizers(ApiId=api)["Items"] if one["Name"] == "gatepass"]
    world.v2.update_authorizer(
        ApiId=api, AuthorizerId=gate, AuthorizerResultTtlInSeconds=300, IdentitySource=["$request.header.Authorization"]
    )
    assert world.run("status", api) == 1
    assert world.attach(api) == 0
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before


def test_a_run_whose_first_write_got_no_answer_leaves_another_run_s_record_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.v2_api()

    class Lost(Faults):
        """Another operator attaches while this one's first write has no answer yet, then it fails."""

        def _before(self, model: Any, **_: Any) -> None:
            if model.name == "PutItem" and not self.failed:
                self.failed.append(model.name)
                assert World(world.endpoint, world.monkeypatch, world.table).attach(api) == 0
                raise self.error()

    assert world.attach(api, faults=Lost()) == 1
    assert "another run is attaching" in capsys.readouterr().err
    assert record_of(world, api) is not None
    assert world.run("status", api) == 0
    assert world.detach(api) == 0


def test_rolling_back_leaves_the_permission_that_another_api_rests_on(world: World) -> None:
    for one in permission(world):
        world.functions.remove_permission(FunctionName="gate", Qualifier="live", StatementId=one["Sid"])
    first, second = world.v2_api(), world.v2_api()

    class Meanwhile(Faults):
        def _before(self, model: Any, **_: Any) -> None:
            if model.name == "UpdateRoute" and not self.failed:
                self.failed.append(model.name)
                assert World(world.endpoint, world.monkeypatch, world.table).attach(second) == 0
                raise self.error()

    assert world.attach(first, faults=Meanwhile()) == 1
    assert record_of(world, first) is None
    assert len(permission(world)) == 1
    assert world.run("status", second) == 0
    assert world.detach(second) == 0
    assert permission(world) == []


@pytest.mark.parametrize("kind", ["REST", "HTTP"])
def test_an_api_that_was_deleted_is_let_go(world: World, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api() if kind == "REST" else world.v2_api()
    assert world.attach(api) == 0
    world.rest.delete_rest_api(restApiId=api) if kind == "REST" else world.v2.delete_api(ApiId=api)
    assert world.run("status", "--all") == 1
    assert world.detach(api, "--dry-run") == 0
    assert record_of(world, api) is not None
    assert world.detach(api) == 0
    assert "which had been deleted" in capsys.readouterr().out
    assert [item for item in world.table.all() if item["pk"] == f"api#{api}"] == []
    assert world.run("status", "--all") == 0


def test_a_stage_that_was_deleted_does_not_keep_the_routes(world: World) -> None:
    api = world.rest_api()
    world.rest.create_deployment(restApiId=api, stageName="test")
    routes = world.routes(api, "REST")
    assert world.attach(api, "--stage", "prod") == 0
    world.rest.delete_stage(restApiId=api, stageName="prod")
    assert world.run("status", api) == 1
    assert world.detach(api) == 0
    assert world.routes(api, "REST") == routes
    assert [one["stageName"] for one in world.rest.get_stages(restApiId=api)["item"]] == ["test"]


def test_what_cannot_be_put_back_is_told_before_anything_is_done(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.v2_api()
    other = world.routes(api, "HTTP")["POST /search"][1]
    assert world.attach(api) == 0
    world.v2.delete_authorizer(ApiId=api, AuthorizerId=other)
    before = world.state(api, "HTTP")
    assert world.detach(api) == 1
    assert f"route POST /search had the authorizer {other}" in capsys.readouterr().err
    assert world.state(api, "HTTP") == before
    world.v2.update_route(ApiId=api, RouteId=route_id(world, api, "POST /search"), AuthorizationType="AWS_IAM")
    assert world.detach(api) == 0
    assert world.routes(api, "HTTP")["POST /search"] == ("AWS_IAM", None)


@pytest.mark.parametrize("own", [None, {"AllowOrigins": ["https://a.example"], "AllowHeaders": ["x-own"]}])
def test_cors_settings_stay_their_owner_s(world: World, own: "dict[str, Any] | None") -> None:
    api = world.v2_api()
    if own:
        world.v2.update_api(ApiId=api, CorsConfiguration=own)
    assert world.attach(api) == 0
    present = world.v2.get_api(ApiId=api)["CorsConfiguration"]
    present["AllowOrigins"] = [*present["AllowOrigins"], "https://b.example"]
    world.v2.update_api(ApiId=api, CorsConfiguration=present)
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    after = world.v2.get_api(ApiId=api)["CorsConfiguration"]
    assert "https://b.example" in after["AllowOrigins"]
    if own:
        assert after["AllowHeaders"] == ["x-own"]


def test_routes_that_stood_behind_the_gate_before_stay_there(world: World) -> None:
    """Made by infrastructure as code: attaching adds what is missing, detaching takes back only that."""
    api = world.v2_api(routes=("POST /search", "GET /new"))
    gate = world.v2.create_authorizer(
        ApiId=api, AuthorizerType="REQUEST", Name="gatepass", IdentitySource=[], AuthorizerResultTtlInSeconds=0,
        AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True,
        AuthorizerUri=BACKEND.replace("arn:aws:lambda:us-east-1:123456789012:function:other", ARN),
    )["AuthorizerId"]  # fmt: skip
    search = route_id(world, api, "POST /search")
    world.v2.update_route(ApiId=api, RouteId=search, AuthorizationType="CUSTOM", AuthorizerId=gate)
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0
    assert world.routes(api, "HTTP")["GET /new"] == ("CUSTOM", gate)
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before


def test_attaching_again_with_less_says_what_stays(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api()
    assert world.attach(api) == 0
    assert world.attach(api, "--except", "POST /search") == 0
    assert "POST /search: stays behind the gate: detach first" in capsys.readouterr().out


def test_a_run_that_was_cut_off_is_finished_as_it_was_asked(world: World) -> None:
    api = world.rest_api()
    faults = Faults()
    faults.at, faults.forever = 28, True
    assert world.attach(api, "--only", "POST /search", faults=faults) == 1
    record = record_of(world, api)
    assert record is not None
    assert record.status == "attaching"
    assert world.attach(api) == 0
    assert world.routes(api, "REST")["GET /health"][0] == "NONE"
    assert world.run("status", api) == 0


def test_a_detach_that_was_cut_off_and_then_attached_in_part_is_no_drift(world: World) -> None:
    api = world.v2_api(routes=("POST /search", "GET /health", "GET /third"))
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0

    class Third(Faults):
        def _before(self, model: Any, **_: Any) -> None:
            if model.name == "UpdateRoute":
                self.failed.append(model.name)
                if len(self.failed) == 3:
                    raise self.error()

    assert world.detach(api, faults=Third()) == 1
    assert world.attach(api, "--only", "POST /search") == 0
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before


def test_an_attach_during_a_detach_keeps_what_it_needs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api()

    class Meanwhile(Faults):
        def _before(self, model: Any, **_: Any) -> None:
            if model.name == "UpdateRoute" and not self.failed:
                self.failed.append(model.name)
                assert World(world.endpoint, world.monkeypatch, world.table).attach(api) == 0

    assert world.attach(api) == 0
    assert world.detach(api, faults=Meanwhile()) == 1
    assert "another run is attaching" in capsys.readouterr().err
    # Its routes are open or gated as the two left them; the next run of either ends it whole.
    assert world.attach(api) == 0
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
