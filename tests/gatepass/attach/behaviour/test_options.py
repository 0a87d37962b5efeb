"""What each option of `gatepass attach` changes, and that detaching knows it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gatepass.attach.conftest import ARN, BACKEND, CLIENTS, Faults, World
from tests.support import emulators
from tests.support.signer import SOLUTION

POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_abc"


def gate_of(world: World, api: str) -> str:
    (gate,) = [one["id"] for one in world.rest.get_authorizers(restApiId=api)["items"] if one["name"] == "gatepass"]
    return str(gate)


def mixed_rest_api(world: World) -> str:
    """With IAM (GET /iam), a pool's users (GET /pool), and an authorizer of its own (POST /search)."""
    api = world.rest_api(deploy=False)
    root = next(r["id"] for r in world.rest.get_resources(restApiId=api)["items"] if r["path"] == "/")
    pool = world.rest.create_authorizer(
        restApiId=api, name="pool", type="COGNITO_USER_POOLS", providerARNs=[POOL],
        identitySource="method.request.header.Authorization",
    )["id"]  # fmt: skip
    facts: dict[str, Any] = {
        "authorizationType": "COGNITO_USER_POOLS", "authorizerId": pool, "authorizationScopes": ["a/read", "a/write"],
    }  # fmt: skip
    world.rest_route(api, root, "pool", "GET", facts)
    world.rest.create_deployment(restApiId=api, stageName="prod")
    return api


def mixed_http_api(world: World) -> str:
    """With IAM (GET /iam) and a JWT of two scopes (GET /jwt)."""
    api = world.v2_api(routes=("POST /search", "GET /iam", "GET /jwt"))
    jwt = world.v2.create_authorizer(
        ApiId=api, AuthorizerType="JWT", Name="jwt", IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["a"], "Issuer": "https://issuer.example.com"},
    )["AuthorizerId"]  # fmt: skip
    ids = {route["RouteKey"]: route["RouteId"] for route in world.v2.get_routes(ApiId=api)["Items"]}
    world.v2.update_route(ApiId=api, RouteId=ids["GET /iam"], AuthorizationType="AWS_IAM")
    world.v2.update_route(
        ApiId=api, RouteId=ids["GET /jwt"], AuthorizationType="JWT", AuthorizerId=jwt,
        AuthorizationScopes=["read", "write"],
    )  # fmt: skip
    return api


@pytest.mark.parametrize(
    ("make", "kind", "guarded"),
    [(mixed_rest_api, "REST", ("GET /iam", "GET /pool")), (mixed_http_api, "HTTP", ("GET /iam", "GET /jwt"))],
)
def test_routes_with_an_authorization_of_aws_s_are_switched_only_when_asked(
    world: World, make: Any, kind: str, guarded: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    api = make(world)
    before, routes = world.state(api, kind), world.routes(api, kind)
    assert world.attach(api) == 0
    shown = capsys.readouterr().out
    for route in guarded:
        assert f"left alone: {route}: has {routes[route][0]} authorization: --replace-auth switches it" in shown
        assert world.routes(api, kind)[route] == routes[route]
    assert world.attach(api, "--replace-auth") == 0
    assert {world.routes(api, kind)[route][0] for route in guarded} == {"CUSTOM"}
    if kind == "HTTP":
        scopes = [route.get("AuthorizationScopes") for route in world.v2.get_routes(ApiId=api)["Items"]]
        assert not any(scopes)
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, kind) == before


def test_gateway_responses_of_the_api_s_own_are_replaced_only_when_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    before = world.state(api, "REST")
    assert world.attach(api) == 0
    assert "gateway response UNAUTHORIZED is the API's own and stays" in capsys.readouterr().out
    assert world.attach(api, "--replace-responses") == 0
    ours = world.rest.get_gateway_response(restApiId=api, responseType="UNAUTHORIZED")
    body = json.loads(ours["responseTemplates"]["application/json"])
    assert body == {
        "message": "Unauthorized",
        "upgradeUrl": f"https://marketplace.example.com/solutions?solution_id={SOLUTION}",
    }
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "REST") == before


@pytest.fixture
def stack(world: World) -> Iterator[None]:
    """A stack of the name that an emulator's has."""
    cloudformation = emulators.client("cloudformation", world.endpoint)
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"AuthorizerArn": {"Value": ARN}},
    }
    cloudformation.create_stack(StackName="gatepass-local", TemplateBody=json.dumps(template))
    yield
    cloudformation.delete_stack(StackName="gatepass-local")


def test_the_authorizer_is_the_stack_s_unless_another_is_named(world: World, stack: None) -> None:
    api = world.rest_api()
    assert world.run("attach", api, "--solution", SOLUTION, "--yes") == 0
    (uri,) = [a["authorizerUri"] for a in world.rest.get_authorizers(restApiId=api)["items"] if a["name"] == "gatepass"]
    assert ARN in uri


@pytest.mark.parametrize("arn", ["gate", "arn:aws:lambda:us-east-1:123456789012:layer:gate:1", "arn:aws:sqs:a:b:c"])
def test_what_is_no_function_is_refused(world: World, arn: str, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    assert world.run("attach", api, "--solution", SOLUTION, "--authorizer-arn", arn, "--yes") == 1
    assert "is not the ARN of a Lambda function" in capsys.readouterr().err


def test_an_authorizer_of_the_same_name_that_calls_another_function_is_not_taken_over(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    world.rest.create_authorizer(
        restApiId=api, name="gatepass", type="TOKEN", authorizerUri=BACKEND,
        identitySource="method.request.header.Authorization",
    )  # fmt: skip
    before = world.state(api, "REST")
    assert world.attach(api) == 1
    assert "named gatepass that calls another function" in capsys.readouterr().err
    assert world.state(api, "REST") == before


def test_no_deployment_of_ours_stays_behind(world: World) -> None:
    api, http = world.rest_api(), world.v2_api(auto=False)

    def deployments() -> list[str]:
        rest = [one["id"] for one in world.rest.get_deployments(restApiId=api)["items"]]
        return rest + [one["DeploymentId"] for one in world.v2.get_deployments(ApiId=http)["Items"]]

    before = deployments()
    for one in (api, http):
        assert world.attach(one) == 0
    assert len(deployments()) == len(before) + 2
    for one in (api, http):
        assert world.detach(one) == 0
    assert deployments() == before


def permission(world: World) -> list[Any]:
    try:
        policy = world.functions.get_policy(FunctionName="gate", Qualifier="live")["Policy"]
    except world.functions.exceptions.ResourceNotFoundException:
        return []
    return [statement["Sid"] for statement in json.loads(policy)["Statement"]]


def test_the_last_api_takes_the_permission_with_it_whichever_brought_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    if permission(world):  # of other tests' APIs, whose tables are not this one
        world.functions.remove_permission(FunctionName="gate", Qualifier="live", StatementId="gatepass-apigateway")
    first, second = world.v2_api(), world.v2_api()
    assert world.attach(first) == 0
    assert world.attach(second) == 0
    assert world.detach(first) == 0
    assert permission(world) == ["gatepass-apigateway"]
    assert world.run("status", second) == 0
    world.functions.remove_permission(FunctionName="gate", Qualifier="live", StatementId="gatepass-apigateway")
    capsys.readouterr()
    assert world.run("status", second, "--json") == 1
    assert [row["what"] for row in json.loads(capsys.readouterr().out)] == ["permission"]
    assert world.attach(second) == 0
    assert world.run("status", second) == 0
    assert world.detach(second) == 0
    assert permission(world) == []


def test_a_websocket_stage_that_went_back_is_drift(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "$default"))
    (stage,) = world.v2.get_stages(ApiId=api)["Items"]
    assert world.attach(api) == 0
    world.v2.update_stage(ApiId=api, StageName="prod", DeploymentId=stage["DeploymentId"])
    capsys.readouterr()
    assert world.run("status", api, "--json") == 1
    assert [row["what"] for row in json.loads(capsys.readouterr().out)] == ["stage"]


def test_the_headers_of_the_api_s_own_default_stay(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.rest_api()
    own = {
        "gatewayresponse.header.access-control-allow-origin": "'https://theirs.example'",
        "gatewayresponse.header.x-own": "'1'",
    }
    world.rest.put_gateway_response(restApiId=api, responseType="DEFAULT_4XX", responseParameters=own)
    assert world.attach(api) == 0
    assert "ACCESS_DENIED takes the headers of the API's own DEFAULT_4XX" in capsys.readouterr().out
    denied = world.rest.get_gateway_response(restApiId=api, responseType="ACCESS_DENIED")
    assert denied["responseParameters"] == own
    assert "reason" in denied["responseTemplates"]["application/json"]
    failed = world.rest.get_gateway_response(restApiId=api, responseType="AUTHORIZER_FAILURE")
    assert "gatewayresponse.header.Access-Control-Allow-Origin" in failed["responseParameters"]
    assert world.run("status", api) == 0


def test_a_stage_with_a_canary_is_refused_before_anything_is_done(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    before, (stage,) = world.state(api, "REST"), world.rest.get_stages(restApiId=api)["item"]

    def canary(http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "GetStages":
            parsed["item"][0]["canarySettings"] = {"percentTraffic": 10.0, "deploymentId": stage["deploymentId"]}

    class WithCanary(Faults):
        def install(self, client: Any) -> Any:
            client.meta.events.register("after-call.apigateway.GetStages", canary)
            return client

    assert world.attach(api, faults=WithCanary()) == 1
    client = CLIENTS[world.endpoint, "apigateway"].client
    client.meta.events.unregister("after-call.apigateway.GetStages", canary)
    assert "has a canary" in capsys.readouterr().err
    assert world.state(api, "REST") == before


def test_stages_that_deploy_themselves_are_named_before_they_change(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.v2_api(auto=False)
    for stage in ("dev", "qa"):
        world.v2.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
    world.v2.create_stage(ApiId=api, StageName="old", AutoDeploy=False)
    assert world.attach(api, "--stage", "$default", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert "stages that deploy every change by themselves change too: dev, qa" in plan["warnings"]
    later = "stages that change only with their next deployment: old"
    assert later in plan["notes"]
    assert world.attach(api, "--stage", "$default") == 0
    assert "warning: stages that deploy every change by themselves change too: dev, qa" in capsys.readouterr().out
    assert world.attach(api) == 0
    assert "dev, qa" not in capsys.readouterr().out
    assert world.detach(api) == 0
    shown = capsys.readouterr().out
    assert "warning: stages that deploy every change by themselves change too: dev, qa" in shown
    assert later in shown


@pytest.mark.parametrize("auto", [True, False])
def test_one_stage_needs_no_word_about_others(world: World, auto: bool, capsys: pytest.CaptureFixture[str]) -> None:
    api = world.v2_api(auto=auto)
    assert world.attach(api, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert not [line for line in plan["warnings"] + plan["notes"] if "stage" in line]


def test_the_other_stages_of_a_rest_api_change_with_their_next_deployment(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = world.rest_api()
    world.rest.create_deployment(restApiId=api, stageName="test")
    assert world.attach(api, "--stage", "prod") == 0
    assert "note: stages that change only with their next deployment: test" in capsys.readouterr().out


def keyed_rest_api(world: World, source: str) -> str:
    """POST /key requires an API key."""
    api = world.rest_api(deploy=False, apiKeySource=source)
    root = next(one["id"] for one in world.rest.get_resources(restApiId=api)["items"] if one["path"] == "/")
    resource = world.rest.create_resource(restApiId=api, parentId=root, pathPart="key")["id"]
    where = {"restApiId": api, "resourceId": resource, "httpMethod": "POST"}
    world.rest.put_method(**where, authorizationType="NONE", apiKeyRequired=True)
    world.rest.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=BACKEND)
    world.rest.create_deployment(restApiId=api, stageName="prod")
    return api


def keyed_websocket_api(world: World, source: str) -> str:
    api = world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "$default"))
    expression = "$context.authorizer.usageIdentifierKey" if source == "AUTHORIZER" else "$request.header.x-api-key"
    world.v2.update_api(ApiId=api, ApiKeySelectionExpression=expression)
    (route,) = [one["RouteId"] for one in world.v2.get_routes(ApiId=api)["Items"] if one["RouteKey"] == "$connect"]
    world.v2.update_route(ApiId=api, RouteId=route, ApiKeyRequired=True)
    return api


@pytest.mark.parametrize(
    ("make", "kind", "route"),
    [(keyed_rest_api, "REST", "POST /key"), (keyed_websocket_api, "WEBSOCKET", "$connect")],
)
def test_a_route_whose_api_key_the_authorizer_must_return_is_refused(
    world: World, make: Any, kind: str, route: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gate returns none, so that the route would refuse everybody."""
    api = make(world, "AUTHORIZER")
    before = world.state(api, kind)
    assert world.attach(api) == 1
    said = capsys.readouterr().err
    assert f"{route}: " in said
    assert "AUTHORIZER" in said
    assert world.state(api, kind) == before
    by_header = make(world, "HEADER")
    assert world.attach(by_header) == 0
    assert capsys.readouterr().out.count(" still requires an API key") == 1
    assert world.attach(by_header, "--dry-run") == 0
    assert f"note: {route} still requires an API key (x-api-key)" in capsys.readouterr().out


def test_a_key_of_a_route_that_stays_out_is_not_mentioned(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.attach(keyed_rest_api(world, "HEADER"), "--except", "POST /key") == 0
    assert "still requires an API key" not in capsys.readouterr().out


def test_a_route_with_such_a_key_may_stay_out(world: World) -> None:
    api = keyed_rest_api(world, "AUTHORIZER")
    assert world.attach(api, "--except", "POST /key") == 0
    assert world.routes(api, "REST")["POST /key"] == ("NONE", None)


def test_a_key_that_the_authorizer_must_return_from_now_on_is_drift(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    api = keyed_rest_api(world, "HEADER")
    before = world.routes(api, "REST")
    assert world.attach(api) == 0
    patch = [{"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}]
    world.rest.update_rest_api(restApiId=api, patchOperations=patch)
    capsys.readouterr()
    assert world.run("status", api) == 1
    assert "POST /key" in capsys.readouterr().out
    assert world.detach(api) == 0
    assert world.routes(api, "REST") == before
