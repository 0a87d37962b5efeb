"""The plan as it is shown: marks, totals, the gate, and all of an answer on request. The documented one is this one."""

import json
import re
from contextlib import suppress

import pytest

from tests.gatepass.attach.conftest import ARN, BACKEND, World
from tests.support.emulators import ROOT

TYPICAL = (
    ("search", "POST", "CUSTOM"),
    ("report", "GET", "AWS_IAM"),
    ("{proxy+}", "ANY", "NONE"),
)


def typical_api(world: World) -> str:
    """What docs/attach.md shows: a search with an authorizer of its own, whose context its template uses."""
    api = world.rest.create_rest_api(name="api")["id"]
    root = world.rest.get_resources(restApiId=api)["items"][0]["id"]
    other = world.rest.create_authorizer(
        restApiId=api, name="users", type="TOKEN", authorizerUri=BACKEND,
        identitySource="method.request.header.Authorization",
    )["id"]  # fmt: skip
    for part, verb, type_ in TYPICAL:
        authorizer = {"authorizerId": other} if type_ == "CUSTOM" else {}
        resource = world.rest_route(api, root, part, verb, {"authorizationType": type_, **authorizer})
        if type_ == "CUSTOM":
            world.rest.put_integration(
                restApiId=api, resourceId=resource, httpMethod=verb, type="HTTP", integrationHttpMethod="POST",
                uri="https://backend.example.com/", requestTemplates={"application/json": "$context.authorizer.tenant"},
            )  # fmt: skip
    own = {"application/json": '{"own":1}'}
    world.rest.put_gateway_response(restApiId=api, responseType="UNAUTHORIZED", responseTemplates=own)
    world.rest.create_deployment(restApiId=api, stageName="prod", description="theirs")
    return str(api)


def documented(command: str) -> list[str]:
    """What docs/attach.md shows of a command, up to its question."""
    (block,) = re.findall(
        rf"```console\n\$ {re.escape(command)}\n(.*?)```", (ROOT / "docs/attach.md").read_text(), re.S
    )
    return [line for line in block.splitlines() if "[y/N]" not in line]


def as_documented(world: World, api: str, shown: str) -> list[str]:
    """What was shown, with the ids that the document has."""
    (own,) = [one["id"] for one in world.rest.get_authorizers(restApiId=api)["items"] if one["name"] == "users"]
    first = min(world.rest.get_deployments(restApiId=api)["items"], key=lambda one: one["description"] != "theirs")
    for here, there in ((api, "a1b2c3"), (own, "ab12cd"), (first["id"], "x9y8z7")):
        shown = shown.replace(here, there)
    return re.sub(r"gatepass: attach [0-9a-f]{8}", "gatepass: attach 14235c3d", shown).splitlines()


def test_the_documented_plans_are_what_is_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(world.functions.exceptions.ResourceNotFoundException):  # of other tests' APIs
        world.functions.remove_permission(FunctionName="gate", Qualifier="live", StatementId="gatepass-apigateway")
    api = typical_api(world)
    capsys.readouterr()
    assert world.attach(api, "--dry-run") == 0
    shown = as_documented(world, api, capsys.readouterr().out)
    assert shown == documented("gatepass attach a1b2c3 --solution faiss-search --stage prod")
    assert world.attach(api) == 0
    capsys.readouterr()
    assert world.detach(api, "--dry-run") == 0
    assert as_documented(world, api, capsys.readouterr().out) == documented("gatepass detach a1b2c3")


def test_all_of_an_answer_is_shown_on_request(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = typical_api(world)
    capsys.readouterr()
    assert world.attach(api, "--dry-run") == 0
    assert "$context.authorizer.reason" not in capsys.readouterr().out
    assert world.attach(api, "--dry-run", "--verbose", "--replace-responses") == 0
    shown = capsys.readouterr().out
    assert re.search(r"\n  \+ response ACCESS_DENIED .*\n      \+ gatewayresponse\.header", shown)
    assert '      + application/json: {"message":"Refused","reason":"$context.authorizer.reason"' in shown
    replaced = shown[shown.index("~ response UNAUTHORIZED") :]
    assert '      - application/json: {"own":1}\n      + application/json: {"message":"Unauthorized"' in replaced
    assert "      + Access-Control-Allow-Headers: authorization,content-type" in shown


def test_programs_get_actions_and_on_request_whole_values(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = typical_api(world)
    capsys.readouterr()
    assert world.attach(api, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["authorizer_arn"] == ARN
    actions = {change["what"]: change["action"] for change in plan["changes"]}
    assert (actions["link"], actions["route POST /search"], actions["deployment"]) == ("add", "change", "change")
    assert {frozenset(change) for change in plan["changes"]} == {frozenset({"what", "action", "from", "to"})}
    assert world.attach(api, "--dry-run", "--json", "--verbose") == 0
    (link, *_) = json.loads(capsys.readouterr().out)["changes"]
    assert (link["was"], link["now"]) == (None, {"solution_id": "faiss-search"})
    assert world.attach(api) == 0
    capsys.readouterr()
    assert world.detach(api, "--dry-run", "--json") == 0
    actions = {change["what"]: change["action"] for change in json.loads(capsys.readouterr().out)["changes"]}
    assert (actions["authorizer"], actions["route POST /search"]) == ("remove", "change")
