"""The gate in front of APIs of every kind, and away again."""

import json
from typing import Any

import pytest

from tests.gatepass.attach.conftest import ARN, OTHER, World
from tests.support.signer import SOLUTION

KINDS = ("REST", "HTTP", "HTTP manual", "WEBSOCKET")


def make(world: World, kind: str) -> tuple[str, str]:
    if kind == "REST":
        return world.rest_api(), "REST"
    if kind == "WEBSOCKET":
        return world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "$default", "send")), "WEBSOCKET"
    return world.v2_api(auto=kind == "HTTP", routes=("POST /search", "ANY /any", "$default")), "HTTP"


@pytest.mark.parametrize("kind", KINDS)
def test_attach_and_detach_leave_an_api_exactly_as_it_was(world: World, kind: str) -> None:
    api, kind = make(world, kind)
    before = world.state(api, kind)
    assert world.attach(api) == 0
    assert world.state(api, kind) != before
    assert world.run("status", api) == 0
    assert world.attach(api) == 0
    assert world.detach(api) == 0
    assert world.state(api, kind) == before
    assert world.run("status", api) == 1


def test_a_rest_api_gets_the_gate_preflight_and_answers_in_the_one_stage(world: World) -> None:
    api = world.rest_api()
    world.rest.create_deployment(restApiId=api, stageName="test")
    stages = {s["stageName"]: s["deploymentId"] for s in world.rest.get_stages(restApiId=api)["item"]}
    assert world.attach(api) == 1  # which stage?
    assert world.attach(api, "--stage", "prod") == 0
    after = {s["stageName"]: s["deploymentId"] for s in world.rest.get_stages(restApiId=api)["item"]}
    assert (after["test"] == stages["test"], after["prod"] == stages["prod"]) == (True, False)
    (gate,) = [a for a in world.rest.get_authorizers(restApiId=api)["items"] if a["name"] == "gatepass"]
    assert (gate["type"], gate["authorizerResultTtlInSeconds"], gate.get("identitySource")) == ("REQUEST", 0, None)
    assert ARN in gate["authorizerUri"]
    routes = world.routes(api, "REST")
    gated = {route for route, (type_, by) in routes.items() if type_ == "CUSTOM" and by == gate["id"]}
    assert gated == {"POST /search", "GET /health", "ANY /{proxy+}"}
    assert routes["GET /iam"][0] == "AWS_IAM"
    assert routes["OPTIONS /{proxy+}"][0] == "NONE"
    own = world.rest.get_gateway_response(restApiId=api, responseType="UNAUTHORIZED")
    assert own["responseTemplates"] == {"application/json": '{"own":1}'}
    denied = world.rest.get_gateway_response(restApiId=api, responseType="ACCESS_DENIED")
    assert denied["responseParameters"] == {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'https://search.example.com'"
    }


def test_an_http_api_answers_preflight_itself_and_never_by_its_backend(world: World) -> None:
    api = world.v2_api(routes=("POST /search", "ANY /any", "$default"))
    assert world.attach(api) == 0
    (gate,) = [a for a in world.v2.get_authorizers(ApiId=api)["Items"] if a["Name"] == "gatepass"]
    assert (gate["AuthorizerPayloadFormatVersion"], gate["EnableSimpleResponses"]) == ("2.0", True)
    assert (gate["AuthorizerResultTtlInSeconds"], gate["IdentitySource"]) == (0, [])
    cors = world.v2.get_api(ApiId=api)["CorsConfiguration"]
    assert "authorization" in cors["AllowHeaders"]
    assert cors["AllowOrigins"] == ["https://search.example.com"]
    backends = {
        i["IntegrationId"] for i in world.v2.get_integrations(ApiId=api)["Items"] if i["IntegrationUri"] == OTHER
    }
    opened = {
        r["RouteKey"]: r["Target"] for r in world.v2.get_routes(ApiId=api)["Items"] if r["AuthorizationType"] == "NONE"
    }
    assert opened.keys() == {"OPTIONS /", "OPTIONS /{proxy+}", "OPTIONS /any"}
    assert not any(target.partition("/")[2] in backends for target in opened.values())


def test_only_connect_of_a_websocket_api_is_decided(world: World) -> None:
    api = world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "$default", "send"))
    assert world.attach(api) == 0
    routes = world.routes(api, "WEBSOCKET")
    assert {route for route, (type_, _) in routes.items() if type_ == "CUSTOM"} == {"$connect"}


def test_hundreds_of_methods_with_mixed_authorizers_in_one_of_several_stages(world: World) -> None:
    api = world.rest_api()
    root = world.rest.get_resources(restApiId=api)["items"][0]["id"]
    other = world.rest.get_authorizers(restApiId=api)["items"][0]["id"]
    kinds: list[dict[str, str]] = [
        {"authorizationType": "NONE"},
        {"authorizationType": "AWS_IAM"},
        {"authorizationType": "CUSTOM", "authorizerId": other},
    ]
    for n in range(210):
        world.rest_route(api, root, f"r{n}", "GET", kinds[n % 3])
    for stage in ("prod", "test"):
        world.rest.create_deployment(restApiId=api, stageName=stage)
    before = world.state(api, "REST")
    assert world.attach(api, "--stage", "test") == 0
    routes = world.routes(api, "REST")
    gates = {by for route, (kind, by) in routes.items() if route.startswith("GET /r") and kind == "CUSTOM"}
    assert (len(gates), gates & {other}) == (1, set())
    assert sum(kind == "AWS_IAM" for kind, _ in routes.values()) == 71
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "REST") == before


def test_hundreds_of_routes(world: World) -> None:
    api = world.v2_api(routes=tuple(f"GET /r{n}" for n in range(300)))
    assert world.attach(api) == 0
    assert {type_ for type_, _ in world.routes(api, "HTTP").values()} == {"CUSTOM"}
    assert world.detach(api) == 0


def test_a_dry_run_changes_nothing_and_tells_the_plan_as_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    before = world.state(api, "REST")
    assert world.attach(api, "--dry-run", "--json", "--only", "POST /search") == 0
    plan = json.loads(capsys.readouterr().out)
    whats = [change["what"] for change in plan["changes"]]
    assert whats[0] == "link"
    assert [what for what in whats if what.startswith("route")] == ["route POST /search"]
    assert whats[-1] == "deployment"
    assert plan["left_alone"]["GET /iam"] == "as asked"
    assert world.state(api, "REST") == before


def test_an_unknown_route_solution_or_api_is_a_clear_refusal(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    assert world.attach(api, "--except", "POST /nothing") == 1
    assert "there are: ANY /{proxy+}" in capsys.readouterr().err
    assert world.attach("abc123") == 1
    assert world.run("attach", api, "--solution", "nothing-here", "--yes") == 1
    assert world.run("attach", api, "--solution", SOLUTION, "--yes") == 1
    assert "--authorizer-arn" in capsys.readouterr().err
    assert world.detach(api) == 1


def test_other_people_s_undeployed_changes_are_named_and_not_published(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    root = world.rest.get_resources(restApiId=api)["items"][0]["id"]
    world.rest_route(api, root, "unfinished", "GET", {"authorizationType": "NONE"})
    before = world.state(api, "REST")
    assert world.attach(api) == 1
    assert "GET /unfinished: not deployed yet" in capsys.readouterr().err
    assert world.state(api, "REST") == before
    assert world.attach(api, "--deploy-pending") == 0
    http = world.v2_api(auto=False)
    world.add_routes(http, "GET /unfinished")
    assert world.attach(http) == 1
    assert "GET /unfinished: not deployed yet" in capsys.readouterr().err


def test_an_api_of_cloudformation_s_gets_a_snippet_instead(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api(tags={"aws:cloudformation:stack-name": "theirs"})
    before = world.state(api, "REST")
    assert world.attach(api) == 1
    told = capsys.readouterr()
    assert ("AWS::ApiGateway::Authorizer" in told.out, "theirs" in told.err) == (True, True)
    assert world.state(api, "REST") == before
    assert world.attach(api, "--force-managed") == 0


def drifts(world: World, api: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    capsys.readouterr()
    assert world.run("status", api, "--json") == 1
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert {row["status"] for row in rows} == {"drifted"}
    return {row["what"] for row in rows}


def test_drift_is_found_and_attaching_again_mends_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    assert world.attach(api) == 0
    root = world.rest.get_resources(restApiId=api)["items"][0]["id"]
    world.rest_route(api, root, "new", "GET", {"authorizationType": "NONE"})
    assert drifts(world, api, capsys) >= {"route GET /new", "stage"}
    world.rest.create_deployment(restApiId=api, stageName="prod", description="theirs, with the new route")
    (gate,) = [a["id"] for a in world.rest.get_authorizers(restApiId=api)["items"] if a["name"] == "gatepass"]
    raised = [
        {"op": "replace", "path": "/identitySource", "value": "method.request.header.Authorization"},
        {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "300"},
    ]
    world.rest.update_authorizer(restApiId=api, authorizerId=gate, patchOperations=raised)
    assert drifts(world, api, capsys) == {"route GET /new", "preflight /new", "authorizer"}
    assert world.attach(api) == 0
    assert world.run("status", "--all") == 0
    first = world.rest.get_deployments(restApiId=api)["items"][0]["id"]
    back = [{"op": "replace", "path": "/deploymentId", "value": first}]
    world.rest.update_stage(restApiId=api, stageName="prod", patchOperations=back)
    assert drifts(world, api, capsys) == {"stage"}
    assert world.attach(api, "--deploy-pending") == 0
    assert world.run("status", api) == 0


def test_detach_refuses_to_overwrite_what_somebody_changed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api()
    assert world.attach(api) == 0
    (route,) = [r["RouteId"] for r in world.v2.get_routes(ApiId=api)["Items"] if r["RouteKey"] == "POST /search"]
    world.v2.update_route(ApiId=api, RouteId=route, AuthorizationType="NONE")
    before = world.state(api, "HTTP")
    capsys.readouterr()
    assert world.detach(api) == 1
    assert "route POST /search is now" in capsys.readouterr().err
    assert world.state(api, "HTTP") == before
    assert "route POST /search" in drifts(world, api, capsys)
    # An authorization of its own is what the route shall have without the gate.
    world.v2.update_route(ApiId=api, RouteId=route, AuthorizationType="AWS_IAM")
    assert world.detach(api) == 0
    assert "POST /search: got AWS_IAM authorization since, which stays" in capsys.readouterr().out
    assert world.routes(api, "HTTP") == {"POST /search": ("AWS_IAM", None), "$default": ("NONE", None)}


def test_an_api_linked_by_hand_stays_linked_and_one_of_another_solution_is_refused(world: World) -> None:
    api = world.v2_api()
    world.table.put(f"api#{api}", "config", solution_id="another-one")
    assert world.attach(api) == 1
    world.table.put(f"api#{api}", "config", solution_id=SOLUTION)
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before


def test_an_authorizer_that_aws_lets_nobody_call_gets_one_permission_for_all(world: World) -> None:
    function = {"FunctionName": "gate", "Qualifier": "live"}
    first, second = world.v2_api(), world.v2_api()
    assert world.attach(first) == 0
    assert world.attach(second) == 0
    (statement,) = json.loads(world.functions.get_policy(**function)["Policy"])["Statement"]
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == "arn:aws:execute-api:us-east-1:123456789012:*"
    assert statement["Resource"].endswith(":gate:live")
    assert world.detach(first) == 0
    assert json.loads(world.functions.get_policy(**function)["Policy"])["Statement"]
    assert world.run("status", second) == 0


def test_another_account_s_authorizer_is_taken_as_its_owner_permits(world: World) -> None:
    api = world.v2_api()
    other = ARN.replace("123456789012", "210987654321")
    assert world.run("attach", api, "--solution", SOLUTION, "--authorizer-arn", other, "--yes") == 0
    assert world.run("status", api) == 0


def test_what_botocore_s_model_or_aws_rejects_the_extended_moto_rejects(world: World) -> None:
    import requests

    api = world.rest_api()
    resource = next(r["id"] for r in world.rest.get_resources(restApiId=api)["items"] if r["path"] == "/search")
    url = f"{world.endpoint}/restapis/{api}/resources/{resource}/methods/POST"
    credentials = (
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/apigateway/aws4_request, SignedHeaders=host, Signature=x"
    )
    bodies: tuple[dict[str, Any], ...] = (
        {"patchOperation": []},
        {"patchOperations": [{"op": "replace", "path": 5, "value": "NONE"}]},
        {"patchOperations": [{"op": "replace", "path": "/nothing", "value": "NONE"}]},
        {"patchOperations": [{"op": "swap", "path": "/authorizationType", "value": "NONE"}]},
        {"patchOperations": [{"op": "replace", "path": "/authorizerId", "value": "unknown"}]},
    )
    for body in bodies:
        answer = requests.patch(url, json=body, headers={"Authorization": credentials}, timeout=30)
        assert answer.status_code == 400, (body, answer.text)


def test_a_stage_deployed_by_others_since_is_deployed_anew_without_the_gate(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    routes = world.routes(api, "REST")
    assert world.attach(api) == 0
    world.rest.create_deployment(restApiId=api, stageName="prod", description="theirs again")
    assert world.run("status", api) == 0
    root = world.rest.get_resources(restApiId=api)["items"][0]["id"]
    world.rest_route(api, root, "unfinished", "GET", {"authorizationType": "NONE"})
    capsys.readouterr()
    assert world.detach(api) == 1
    assert "GET /unfinished: not deployed yet" in capsys.readouterr().err
    assert world.detach(api, "--deploy-pending") == 0
    assert world.routes(api, "REST") == routes | {"GET /unfinished": ("NONE", None)}
    (stage,) = world.rest.get_stages(restApiId=api)["item"]
    described = world.rest.get_deployment(restApiId=api, deploymentId=stage["deploymentId"])["description"]
    assert described.startswith("gatepass: detach")
    export = world.rest.get_export(restApiId=api, stageName="prod", exportType="oas30")["body"].read()
    assert b"gatepass" not in export
