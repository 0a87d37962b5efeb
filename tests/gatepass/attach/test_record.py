"""The record: what was written before its values had types is read, continued and undone, and still written the same.

`records/` holds such documents byte for byte, but for the ids that AWS draws: capitals stand for them.
"""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from entitlements.items import attachment_key
from gatepass.attach import record as records
from gatepass.attach.api_state import ApiKind, ApiState
from gatepass.attach.goal import AttachOptions
from gatepass.attach.plan import ResourceChange
from gatepass.attach.record import AttachRecord, AttachStatus, TakenOver
from gatepass.attach.resources import CustomResponse, ResourceKey, ResourceKind
from gatepass.refusals import CommandError
from tests.gatepass.attach.conftest import ARN, World
from tests.support.emulators import ROOT
from tests.support.signer import SOLUTION
from tests.support.table import Table
from token_service.repository import Repository

RECORDS = ROOT / "tests" / "gatepass" / "attach" / "records"
KINDS = ("REST", "HTTP", "WEBSOCKET")
OPTIONS = ("--replace-auth", "--replace-responses")


def make(world: World, kind: str) -> str:
    """The API whose record is kept, linked by hand before it is attached."""
    with suppress(world.functions.exceptions.ResourceNotFoundException):  # of other tests' APIs
        world.functions.remove_permission(FunctionName="gate", Qualifier="live", StatementId="gatepass-apigateway")
    if kind == "REST":
        api = world.rest_api()
        headers = {"gatewayresponse.header.x-own": "'1'"}
        world.rest.put_gateway_response(restApiId=api, responseType="DEFAULT_4XX", responseParameters=headers)
    elif kind == "WEBSOCKET":
        api = world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "$default", "send"))
    else:
        routes = ("POST /search", "GET /jwt", "ANY /any", "OPTIONS /search", "$default")
        api = world.v2_api(auto=False, routes=routes)
        jwt = world.v2.create_authorizer(
            ApiId=api, AuthorizerType="JWT", Name="jwt", IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Audience": ["a"], "Issuer": "https://issuer.example.com"},
        )["AuthorizerId"]  # fmt: skip
        (route,) = [one["RouteId"] for one in world.v2.get_routes(ApiId=api)["Items"] if one["RouteKey"] == "GET /jwt"]
        world.v2.update_route(
            ApiId=api, RouteId=route, AuthorizationType="JWT", AuthorizerId=jwt, AuthorizationScopes=["write", "read"]
        )
        own = {"AllowOrigins": ["https://a.example"], "AllowHeaders": ["x-own"], "MaxAge": 7, "AllowCredentials": True}
        world.v2.update_api(ApiId=api, CorsConfiguration=own)
        world.v2.create_deployment(ApiId=api, StageName="$default")
    world.table.put(f"api#{api}", "config", solution_id=SOLUTION, policy_responses=True)
    return api


def origins(world: World, api: str, kind: str) -> dict[str, str]:
    """What AWS calls the things that were there before the gate."""
    if kind == "REST":
        (stage,) = world.rest.get_stages(restApiId=api)["item"]
        named = {one["name"]: one["id"] for one in world.rest.get_authorizers(restApiId=api)["items"]}
        return {"AUTH-other": named["other"], "DEP0": stage["deploymentId"]}
    (stage,) = world.v2.get_stages(ApiId=api)["Items"]
    named = {one["Name"]: one["AuthorizerId"] for one in world.v2.get_authorizers(ApiId=api)["Items"]}
    (integration,) = world.v2.get_integrations(ApiId=api)["Items"]
    return {
        "AUTH-other": named["other"], "AUTH-jwt": named.get("jwt", ""), "INT0": integration["IntegrationId"],
        "DEP0": stage["DeploymentId"], "DEP1": stage["DeploymentId"],
    }  # fmt: skip


def kept(kind: str, ids: dict[str, str], written: dict[str, Any]) -> str:
    """The document of that release, with this API's ids, and the number and name that each run draws."""
    text = (RECORDS / f"{kind.lower()}.json").read_text().removesuffix("\n")
    marker = written["changes"][-1][1]
    for name, drawn in (ids | {"RUN": written["options"]["run"], "gatepass: attach HEX": marker}).items():
        text = text.replace(f'"{name}"', f'"{drawn}"').replace(f"/{name}", f"/{drawn}")
    return text


def stored(world: World, api: str) -> dict[str, Any]:
    (item,) = [one for one in world.table.all() if (one["pk"], one["sk"]) == attachment_key(api)]
    return item


@pytest.mark.parametrize("status", ["attached", "attaching", "detaching"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_an_earlier_release_recorded_is_continued_and_undone(world: World, kind: str, status: str) -> None:
    api = make(world, kind)
    before, ids = world.state(api, kind), origins(world, api, kind)
    assert world.attach(api, *OPTIONS) == 0
    item = stored(world, api)
    document = kept(kind, ids, json.loads(item["document"]))
    assert json.loads(document) == json.loads(item["document"])
    world.table.put(**item | {"status": status, "document": document})
    assert world.run("status", api) == (status != "attached")
    if status != "attached":
        assert world.attach(api, *OPTIONS) == 0
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, kind) == before


def repository(table: Table) -> Repository:
    return Repository(table.client, table.name)


def record(run: str, status: AttachStatus = AttachStatus.ATTACHING, stage: str = "prod") -> AttachRecord:
    return AttachRecord("a1b2c3", SOLUTION, status, ApiKind.REST, stage, AttachOptions(ARN), run, {})


def test_a_record_is_written_only_over_the_one_that_was_read(table: Table) -> None:
    where, first, second = repository(table), record("1"), record("2")
    records.save(where, first, None)
    records.save(where, first, None)  # again, as after an answer that was lost
    with pytest.raises(TakenOver):
        records.save(where, second, None)
    records.save(where, second, first)
    with pytest.raises(TakenOver):
        records.save(where, first.at(AttachStatus.ATTACHED), first)
    with pytest.raises(TakenOver):
        records.check(where, first)
    with pytest.raises(TakenOver):
        records.delete(where, first)
    loaded = records.load(where, "a1b2c3")
    assert loaded is not None
    assert (loaded.document, loaded.run) == (second.document, "2")
    records.delete(where, loaded)
    records.delete(where, loaded)  # again
    assert records.load(where, "a1b2c3") is None


def test_a_record_that_no_item_can_hold_is_refused_before_it_is_written(table: Table) -> None:
    with pytest.raises(CommandError, match="attach them in parts with --only"):
        records.save(repository(table), record("1", stage="x" * records.MAX_BYTES), None)
    assert table.all() == []


@pytest.mark.parametrize(
    "document", ["", "{}", json.dumps(json.loads(record("1").document) | {"changes": [["quota POST /search", 1, 2]]})]
)
def test_a_record_that_is_not_understood_is_named_and_left_alone(table: Table, document: str) -> None:
    table.put(*attachment_key("a1b2c3"), solution_id=SOLUTION, status="attached", document=document)
    with pytest.raises(CommandError, match="the attachment record of a1b2c3 cannot be read"):
        records.load(repository(table), "a1b2c3")


def test_what_was_stored_otherwise_is_recorded_until_it_is_written_again(table: Table) -> None:
    where = repository(table)
    denied, failed = (ResourceKey(ResourceKind.RESPONSE, name) for name in ("ACCESS_DENIED", "AUTHORIZER_FAILURE"))
    ours, stored = CustomResponse("403", {}, {"application/json": "{}"}), CustomResponse("403", {}, {})
    changes = {key: ResourceChange(key, None, ours, None) for key in (denied, failed)}
    state = ApiState("a1b2c3", ApiKind.REST, "prod", responses={"ACCESS_DENIED": stored})
    read = replace(record("1"), changes=changes).having_read(list(changes.values()), state)
    assert read.read_back == {denied: stored, failed: None}
    records.save(where, read, None)
    loaded = records.load(where, "a1b2c3")
    assert loaded is not None
    assert loaded.read_back == read.read_back
    assert [loaded.wrote(denied, value) for value in (ours, stored, None)] == [True, True, False]
    state.responses["ACCESS_DENIED"] = ours
    assert loaded.having_read([changes[denied]], state).read_back == {failed: None}
