"""The stack is updated, gets a second one beside it, and goes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.cloud import ARCHITECTURE, Cloud
from tests.deploy.conftest import EXAMPLE, STACK, Operator, User
from tests.support.emulators import ROOT
from token_service.signing.kms import STACK_TAG

SECOND = "gatepass-two"


def live(cloud: Cloud) -> dict[str, Any]:
    """The version of the authorizer that APIs call."""
    function = cloud.resources(STACK)["Authorizer"]
    return dict(cloud.client("lambda").get_function_configuration(FunctionName=function, Qualifier="live"))


def test_the_scheduled_rotation_runs_in_its_role(cloud: Cloud, outputs: dict[str, str], market: str) -> None:
    event = (ROOT / "events" / "key_rotation" / "schedule_daily.json").read_bytes()
    answer = cloud.client("lambda").invoke(FunctionName=cloud.resources(STACK)["KeyRotation"], Payload=event)
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_the_hourly_watch_runs_in_its_role(cloud: Cloud, outputs: dict[str, str], market: str) -> None:
    event = (ROOT / "events" / "watch" / "schedule_hourly.json").read_bytes()
    answer = cloud.client("lambda").invoke(FunctionName=cloud.resources(STACK)["Watch"], Payload=event)
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_more_memory_reaches_the_alias_that_apis_call(cloud: Cloud, template: Path, outputs: dict[str, str]) -> None:
    before = live(cloud)
    assert before["MemorySize"] == 512
    assert cloud.deploy(STACK, template, AuthorizerMemory="1024") == outputs
    after = live(cloud)
    assert (after["MemorySize"], after["Version"] != before["Version"]) == (1024, True)


def test_a_parameter_that_changes_nothing_of_the_authorizer_is_deployed_without_a_version(
    cloud: Cloud, template: Path, outputs: dict[str, str]
) -> None:
    before = live(cloud)["Version"]
    assert cloud.deploy(STACK, template, LogRetentionDays="90", KeyRotationDays="180") == outputs
    assert live(cloud)["Version"] == before
    rotation = cloud.client("lambda").get_function_configuration(FunctionName=cloud.resources(STACK)["KeyRotation"])
    assert rotation["Environment"]["Variables"]["GATEPASS_ROTATION_DAYS"] == "180"


def test_new_code_reaches_the_alias_and_the_gate_goes_on(
    cloud: Cloud, template: Path, gatepass: Operator, outputs: dict[str, str], user: User
) -> None:
    before = live(cloud)
    module = template.parent / "Authorizer" / "authorizer" / "answers.py"
    module.write_text(module.read_text() + "\nRELEASE = 'another'\n")
    cloud.deploy(STACK, template)
    after = live(cloud)
    assert (after["CodeSha256"] != before["CodeSha256"], after["MemorySize"]) == (True, 1024)
    answer = cloud.client("lambda").invoke(
        FunctionName=outputs["AuthorizerArn"],
        Payload=(ROOT / "events" / "authorizer" / "http_2_unknown_api.json").read_bytes(),
    )
    assert json.load(answer["Payload"])["context"]["reason"] == "api_unknown"


@pytest.fixture(scope="module")
def second(cloud: Cloud, template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outputs of a second stack, with a schedule too, and keys and a ring of its own."""
    outputs = cloud.deploy(SECOND, template, Architecture=ARCHITECTURE, KeyRotationDays="90")
    gatepass = Operator(cloud, tmp_path_factory.mktemp("second"), outputs["TableName"])
    gatepass("init", "--issuer", "another-marketplace")
    gatepass("solutions", "apply", str(EXAMPLE / "solution.yaml"))
    return outputs


def test_a_second_stack_stands_beside_the_first(cloud: Cloud, outputs: dict[str, str], second: dict[str, str]) -> None:
    schedules = [one["Name"] for one in cloud.client("scheduler").list_schedules()["Schedules"]]
    assert len(schedules) == len(set(schedules)) == 4 + 2
    published = [cloud.call("GET", f"{one['TokenServiceUrl']}/.well-known/jwks.json").body for one in (outputs, second)]
    first_keys, second_keys = ({key["kid"] for key in one["keys"]} for one in published)
    assert (len(second_keys), first_keys & second_keys) == (1, set())
    kms = cloud.client("kms")
    tags = [kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] for key in kms.list_keys()["Keys"]]
    assert tags.count([{"TagKey": STACK_TAG, "TagValue": SECOND}]) == 2


def test_neither_stack_takes_the_others_tokens(
    cloud: Cloud, outputs: dict[str, str], second: dict[str, str], user: User
) -> None:
    asked = {"solution_id": "faiss-search", "method": "POST", "path": "/search", "spend": False}
    answers = [
        cloud.call("POST", f"{one['TokenServiceUrl']}/v1/validate", asked, user.token) for one in (outputs, second)
    ]
    assert [answer.body.get("reason") for answer in answers] == ["entitlement_revoked", "key_unknown"]


def test_a_deleted_stack_leaves_its_table_and_its_users(
    cloud: Cloud, outputs: dict[str, str], second: dict[str, str]
) -> None:
    resources = cloud.resources(SECOND)
    cloud.sam("delete", "--stack-name", SECOND, "--no-prompts", "--region", "us-east-1")
    assert cloud.client("dynamodb").describe_table(TableName=second["TableName"])["Table"]["ItemCount"] is not None
    assert cloud.client("cognito-idp").describe_user_pool(UserPoolId=second["UserPoolId"])["UserPool"]
    functions = {one["FunctionName"] for one in cloud.client("lambda").list_functions()["Functions"]}
    assert {resources[name] for name in ("Authorizer", "TokenService", "KeyRotation")} & functions == set()
    assert cloud.call("GET", f"{outputs['TokenServiceUrl']}/.well-known/jwks.json").status == 200
