"""The gate goes in front of APIs that exist, decides for their callers, and goes away again."""

import json
from typing import Any

import pytest

from tests.deploy.cloud import Answer, Cloud
from tests.deploy.conftest import EXAMPLE, STACK, Operator, User, search
from tests.support.signer import Signer


@pytest.fixture(scope="module")
def before(cloud: Cloud, example: dict[str, str], http_api: str) -> dict[str, dict[str, Any]]:
    """Both APIs as they were before."""
    return {api: cloud.snapshot(api) for api in (example["ApiId"], http_api)}


@pytest.fixture(scope="module")
def http_api(cloud: Cloud, example: dict[str, str]) -> str:
    """An HTTP API made by hand, whose `$default` takes everything, in front of the example's function."""
    http, functions = cloud.client("apigatewayv2"), cloud.client("lambda")
    function = functions.get_function(FunctionName=cloud.resources("finder")["SearchFunction"])["Configuration"]
    api = str(http.create_api(Name="by hand", ProtocolType="HTTP")["ApiId"])
    integration = http.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function["FunctionArn"], PayloadFormatVersion="2.0"
    )["IntegrationId"]
    for route in ("POST /search", "$default"):
        http.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    http.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    functions.add_permission(
        FunctionName=function["FunctionName"], StatementId="by-hand", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/*",
    )  # fmt: skip
    return api


@pytest.fixture(scope="module")
def other(gatepass: Operator, market: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A second solution, with the plans of the first."""
    file = tmp_path_factory.mktemp("other") / "solution.yaml"
    file.write_text((EXAMPLE / "solution.yaml").read_text().replace("solution_id: faiss-search", "solution_id: other"))
    gatepass("solutions", "apply", str(file))
    return "other"


def told(answer: Answer) -> tuple[int, str]:
    """The status, and the reason if one is told."""
    return answer.status, str(answer.body.get("reason", ""))


def test_the_example_is_open_to_anybody(cloud: Cloud, example: dict[str, str], before: Any) -> None:
    assert search(cloud, example["ApiUrl"]).body["hits"][0]["name"] == "Amazon S3"


def test_attach_leaves_an_api_of_a_stack_alone_and_shows_what_its_template_needs(
    cloud: Cloud, gatepass: Operator, market: str, outputs: dict[str, str], example: dict[str, str]
) -> None:
    said = gatepass.refused("attach", example["ApiId"], "--solution", "faiss-search", "--stage", "prod", "--yes")
    assert "the stack finder manages this API" in said
    assert outputs["AuthorizerArn"] in said


def test_a_rest_api_is_attached_by_the_stacks_own_authorizer(
    cloud: Cloud, gatepass: Operator, outputs: dict[str, str], example: dict[str, str]
) -> None:
    options = ("--solution", "faiss-search", "--stage", "prod", "--yes", "--force-managed")
    assert "read back and as planned" in gatepass("attach", example["ApiId"], *options)
    (authorizer,) = cloud.client("apigateway").get_authorizers(restApiId=example["ApiId"])["items"]
    assert outputs["AuthorizerArn"] in authorizer["authorizerUri"]


def test_a_visitor_searches_three_times_whatever_address_they_claim(cloud: Cloud, example: dict[str, str]) -> None:
    seen = [told(search(cloud, example["ApiUrl"], **{"X-Forwarded-For": f"203.0.113.{n}"})) for n in range(4)]
    assert seen == [(200, "")] * 3 + [(403, "anonymous_quota_exceeded")]


def test_preflight_reaches_the_api_and_neither_gate_nor_backend(cloud: Cloud, example: dict[str, str]) -> None:
    answer = cloud.call("OPTIONS", f"{example['ApiUrl']}/search", Origin="http://localhost:8000")
    assert answer.status == 200
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_who_registered_searches_ten_times_a_day(cloud: Cloud, example: dict[str, str], user: User) -> None:
    answers = [search(cloud, example["ApiUrl"], user.token) for _ in range(11)]
    assert [told(answer) for answer in answers] == [(200, "")] * 10 + [(403, "quota_exceeded")]
    refusal = answers[-1].body
    assert (refusal["plan"], refusal["limit"], refusal["used"], refusal["remaining"]) == ("registered", "10", "10", "0")


def test_the_next_request_after_an_upgrade_passes_with_the_same_token(
    cloud: Cloud, gatepass: Operator, example: dict[str, str], user: User
) -> None:
    gatepass("entitlements", "set-plan", "--user", user.id, "--solution", "faiss-search", "--plan", "pro")
    assert {told(search(cloud, example["ApiUrl"], user.token)) for _ in range(5)} == {(200, "")}


@pytest.mark.parametrize("forge", [lambda _: "x", lambda token: token[:-9] + "AAAAAAAAA", lambda _: Signer().token()])
def test_a_forged_token_is_refused_and_not_taken_for_a_visitors(
    cloud: Cloud, example: dict[str, str], user: User, forge: Any
) -> None:
    answer = search(cloud, example["ApiUrl"], forge(user.token))
    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"]


def test_an_http_api_is_attached_and_decides_alike(
    cloud: Cloud, gatepass: Operator, user: User, http_api: str, before: Any, other: str
) -> None:
    gatepass("attach", http_api, "--solution", other, "--yes")
    url = f"https://{http_api}.execute-api.us-east-1.amazonaws.com"
    assert [search(cloud, url).status for _ in range(4)] == [200] * 3 + [403]
    assert search(cloud, url, user.token).status == 403  # of another solution
    gatepass("entitlements", "grant", "--user", user.id, "--solution", other)
    token = gatepass("tokens", "mint", "--user", user.id, "--solution", other).strip()
    assert [search(cloud, url, token).status for _ in range(11)] == [200] * 10 + [403]
    preflight = cloud.call("OPTIONS", f"{url}/search", Origin="http://localhost:8000")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "http://localhost:8000")


def test_the_doctor_finds_a_sound_stack_and_both_apis_refuse_what_is_no_token(
    cloud: Cloud, gatepass: Operator, example: dict[str, str], http_api: str
) -> None:
    done = gatepass.command("doctor", "--request", "--json")
    found = json.loads(done.stdout)
    assert [one["what"] for one in found if one["status"] == "problem"] == []
    lines = {one["check"]: one for one in found}
    assert done.returncode == 0
    assert {name for name, one in lines.items() if one["status"] == "skipped"} <= {"token service"}
    assert "was refused by the write to the table" in lines["decision"]["what"]
    assert all(api in lines["requests"]["what"] for api in (example["ApiId"], http_api))
    assert lines["APIs"]["what"].startswith("2 attached as recorded")


def test_the_doctor_finds_a_route_that_was_opened_and_a_role_that_was_cut(
    cloud: Cloud, gatepass: Operator, http_api: str
) -> None:
    v2, iam = cloud.client("apigatewayv2"), cloud.client("iam")
    (route,) = [one for one in v2.get_routes(ApiId=http_api)["Items"] if one["RouteKey"] == "POST /search"]
    v2.update_route(ApiId=http_api, RouteId=route["RouteId"], AuthorizationType="NONE")
    role = {"RoleName": cloud.resources(STACK)["AuthorizerRole"], "PolicyName": "gate"}
    policy = iam.get_role_policy(**role)["PolicyDocument"]
    less = [one for one in policy["Statement"] if one["Sid"] != "SpendOnlyOnUsersAndVisitors"]
    iam.put_role_policy(**role, PolicyDocument=json.dumps(policy | {"Statement": less}))
    try:
        done = gatepass.command("doctor", "--json")
        found = [(one["check"], one["what"]) for one in json.loads(done.stdout) if one["status"] == "problem"]
    finally:
        iam.put_role_policy(**role, PolicyDocument=json.dumps(policy))
        v2.update_route(
            ApiId=http_api, RouteId=route["RouteId"], AuthorizationType="CUSTOM", AuthorizerId=route["AuthorizerId"]
        )
    assert any(check == "APIs" and f"{http_api}: route POST /search is NONE" in what for check, what in found), found
    assert any(check == "roles" and "Authorizer may not dynamodb:UpdateItem" in what for check, what in found), found
    assert any(check == "decision" and "cannot use the table" in what for check, what in found), found


def test_who_lost_access_is_refused_by_the_next_request(
    cloud: Cloud, gatepass: Operator, example: dict[str, str], user: User
) -> None:
    gatepass("entitlements", "revoke", "--user", user.id, "--solution", "faiss-search")
    assert told(search(cloud, example["ApiUrl"], user.token)) == (403, "entitlement_revoked")


def test_a_route_that_somebody_opened_is_drift_and_attach_closes_it(
    cloud: Cloud, gatepass: Operator, example: dict[str, str]
) -> None:
    gatepass("status", "--all")
    rest, where = cloud.client("apigateway"), {"restApiId": example["ApiId"]}
    (path,) = [one for one in rest.get_resources(**where)["items"] if one["path"] == "/search"]
    patch = [{"op": "replace", "path": "/authorizationType", "value": "NONE"}]
    rest.update_method(**where, resourceId=path["id"], httpMethod="POST", patchOperations=patch)
    assert "route POST /search" in gatepass.refused("status", example["ApiId"])
    gatepass("attach", example["ApiId"], "--solution", "faiss-search", "--yes", "--force-managed")
    gatepass("status", "--all")


def test_detach_puts_both_apis_back_exactly(
    cloud: Cloud, gatepass: Operator, example: dict[str, str], http_api: str, before: dict[str, dict[str, Any]]
) -> None:
    for api in (example["ApiId"], http_api):
        gatepass("detach", api, "--yes")
        assert cloud.snapshot(api) == before[api]
    assert search(cloud, example["ApiUrl"]).status == 200


def test_what_the_command_printed_of_tokens_is_in_no_log(cloud: Cloud, user: User) -> None:
    """Of the functions, as CloudWatch has them."""
    logs = cloud.client("logs")
    lines = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    ]
    assert any('"reason":"ok"' in line.replace(" ", "") for line in lines)
    secret = user.token.partition(".")[0]
    assert [line for line in lines if secret in line or "someone@example.com" in line or "127.0.0.1" in line] == []
