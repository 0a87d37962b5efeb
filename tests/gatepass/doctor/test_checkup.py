"""One check after the other, each to its end, whatever becomes of the others."""

from typing import Any

import pytest

from gatepass.aws_calls import CallFailed
from gatepass.commands.doctor import CHECKS
from tests.gatepass.doctor.conftest import Ward
from tests.support.command import Command
from tests.support.emulators import free_port


def test_a_sound_stack_has_no_problem_and_nothing_is_changed(ward: Ward) -> None:
    before = ward.items()
    lines = ward.doctor()
    assert [line["check"] for line in lines] == [check.name for check in CHECKS]
    assert {line["check"]: line["what"] for line in lines if line["status"] != "ok"} == {
        "payments": "nothing is sold: RazorpaySecretArn is empty",
        "token service": "the emulator's API Gateway is not at the address that the stack names",
    }
    assert ward.items() == before


def test_people_read_one_line_for_each_check_and_a_second_one_for_what_to_do(ward: Ward) -> None:
    ward.alarm("ALARM")
    run = ward.command("doctor")
    *lines, last = run.stdout.splitlines()
    assert (run.returncode, last) == (1, "1 problem")
    (at,) = [n for n, line in enumerate(lines) if line.startswith("problem")]
    assert lines[at].split()[1:4] == ["alarms", "StoreUnavailable", "is"]
    assert lines[at + 1].strip() == "docs/operations.md has the runbook StoreUnavailable"
    assert len(lines) == len(CHECKS) + 1
    ward.alarm("OK")
    assert ward.command("doctor").stdout.splitlines()[-1] == "no problems"


@pytest.mark.parametrize("emulator", ["moto", "dynamodb_local"])
def test_on_an_emulator_what_needs_a_stack_is_skipped(
    gatepass: Command, request: pytest.FixtureRequest, emulator: str
) -> None:
    gatepass.environment["AWS_ENDPOINT_URL_DYNAMODB"] = request.getfixturevalue(f"{emulator}_endpoint")
    missing = gatepass("doctor")
    assert (missing.returncode, "run gatepass init" in missing.stdout) == (1, True)
    assert missing.stdout.count("needs the table") == len(CHECKS) - 1
    assert gatepass("init").returncode == 0
    assert gatepass("solutions", "apply", "examples/faiss_search/solution.yaml").returncode == 0
    assert gatepass("solutions", "link", "faiss-search", "abc123").returncode == 0  # a gateway elsewhere
    run = gatepass("doctor")
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("the table has no tag of a stack") == 9
    assert "1 linked, which need not be the emulator's" in run.stdout


def test_without_an_endpoint_of_kms_a_table_is_checked_alone(gatepass: Command, dynamodb_local_endpoint: str) -> None:
    gatepass.environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_local_endpoint
    assert gatepass("init").returncode == 0
    del gatepass.environment["AWS_ENDPOINT_URL"]
    run = gatepass("doctor")
    assert (run.returncode, "AWS_ENDPOINT_URL is not set" in run.stdout) == (0, True)


def test_where_the_table_cannot_be_asked_that_is_said_once(gatepass: Command, failing_server: Any) -> None:
    gatepass.environment |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    away = gatepass("doctor")
    assert (away.returncode, away.stdout.count("Could not connect"), away.stdout.count("check the network")) == (
        1,
        1,
        1,
    )
    failing_server.code = "UnrecognizedClientException"
    gatepass.environment["AWS_ENDPOINT_URL"] = failing_server.url
    unknown = gatepass("doctor")
    assert (unknown.returncode, unknown.stdout.count("sign in to AWS again")) == (1, 1)
    for told in (away.stdout, unknown.stdout):
        assert told.count("needs the table") == len(CHECKS) - 1
        assert told.endswith("\n1 problem\n")


DENIABLE = {
    "describe_time_to_live": ("table", "dynamodb:DescribeTimeToLive"),
    "describe_key": ("keys in KMS", "kms:DescribeKey"),
    "list_event_source_mappings": ("usage", "lambda:ListEventSourceMappings"),
    "describe_alarms": ("alarms", "cloudwatch:DescribeAlarms"),
    "simulate_principal_policy": ("roles", "iam:SimulatePrincipalPolicy"),
    "describe_user_pool": ("user pool", "cognito-idp:DescribeUserPool"),
    "list_metrics": ("decided share", "cloudwatch:ListMetrics"),
    "invoke": ("decision", "lambda:InvokeFunction"),
}


def test_what_may_not_be_read_is_named_with_its_permission_and_ends_only_that_check(ward: Ward) -> None:
    ward.denied = set(DENIABLE)
    # IAM's action of the operation Invoke has another name than the operation.
    lines = {line["check"]: (line["status"], line["what"]) for line in ward.doctor()}
    for check, action in DENIABLE.values():
        verdict, what = lines[check]
        assert (verdict, action in what) == ("skipped", True), (check, what)
    assert {lines[check][0] for check in ("key ring", "solutions", "stack", "authorizer", "APIs")} == {"ok"}


def test_a_failure_of_another_kind_is_a_problem_of_that_check_alone(ward: Ward) -> None:
    def broken(_: dict[str, Any]) -> dict[str, Any]:

        raise CallFailed("describe_alarms", "InternalFailure", "try again")

    ward.answers["describe_alarms"] = broken
    assert "InternalFailure" in ward.problem("alarms")


def test_every_action_is_one_of_a_service_and_none_writes() -> None:
    actions = {action for check in CHECKS for action in check.needs}
    verbs = {action.partition(":")[2] for action in actions}
    allowed = ("Get", "Describe", "List", "Scan", "GET", "Simulate", "Sign", "InvokeFunction")
    assert {verb for verb in verbs if not verb.startswith(allowed)} == set()
