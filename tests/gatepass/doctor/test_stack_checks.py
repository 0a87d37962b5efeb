"""Faults of what CloudFormation made."""

import json
from typing import Any

import pytest

from tests.gatepass.doctor.conftest import Ward


def described(ward: Ward, **changes: Any) -> None:
    """CloudFormation describes the stack with these changes."""
    found = ward.client("cloudformation").describe_stacks(StackName=ward.stack)["Stacks"][0]
    ward.answers["describe_stacks"] = lambda _: {"Stacks": [found | changes]}


def test_a_deployment_that_failed_or_goes_on_is_found(ward: Ward) -> None:
    described(ward, StackStatus="UPDATE_ROLLBACK_COMPLETE")
    assert "ended with UPDATE_ROLLBACK_COMPLETE" in ward.problem("stack")
    described(ward, StackStatus="UPDATE_IN_PROGRESS")
    assert "is being deployed" in ward.problem("stack")


def test_outputs_of_an_earlier_release_and_of_another_table_are_found(ward: Ward) -> None:
    ward.change_stack(EventBusName="")
    assert "has no output EventBusName" in ward.problem("stack")
    ward.change_stack(TableName="another")
    assert ward.problem("stack") == f"the functions of {ward.stack} use the table another, not {ward.table}"


def test_a_named_stack_brings_its_table(ward: Ward) -> None:
    ward.command.environment["GATEPASS_TABLE"] = "of-another-stack"
    assert {line["status"] for line in ward.doctor("--stack", ward.stack)} == {"ok", "skipped"}
    del ward.command.environment["GATEPASS_TABLE"]
    assert ward.command("doctor", "--stack", ward.stack).returncode == 0
    run = ward.command("doctor", "--stack", "none-such")
    assert (run.returncode, "the stack none-such cannot be read" in run.stderr) == (1, True)
    ward.change_stack(TableName="")
    assert "it is not Gatepass's" in ward.command("doctor", "--stack", ward.stack).stderr


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"State": "Inactive", "StateReason": "idle"}, "the authorizer is Inactive, its last update Successful: idle"),
        ({"LastUpdateStatus": "Failed"}, "its last update Failed"),
        ({"Environment": {"Variables": {"GATEPASS_TABLE": "x"}}}, "the authorizer decides by the table x"),
    ],
)
def test_an_authorizer_that_does_not_run_or_uses_another_table_is_found(
    ward: Ward, change: dict[str, Any], found: str
) -> None:
    function, _, alias = ward.function.rpartition(":")
    config = ward.client("lambda").get_function_configuration(FunctionName=function, Qualifier=alias)
    ward.answers["get_function_configuration"] = lambda _: config | change
    assert found in ward.problem("authorizer")


def test_an_authorizer_that_api_gateway_may_not_call_is_found(ward: Ward) -> None:
    function = ward.function.rpartition(":")[0]
    ward.client("lambda").remove_permission(FunctionName=function, Qualifier="live", StatementId="gate")
    assert "API Gateway may not call the authorizer" in ward.problem("authorizer")
    ward.permit(ward.function, "arn:aws:execute-api:us-east-1:123456789012:abc/*")
    assert "API Gateway may not call the authorizer" in ward.problem("authorizer")


def test_traffic_that_is_being_shifted_is_told(ward: Ward) -> None:
    ward.answers["get_alias"] = lambda _: {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}
    assert ward.line("authorizer") == ("ok", "version 1, 128 MB, 10% of requests to version 2")


def test_usage_that_is_not_counted_is_found(ward: Ward) -> None:
    ward.answers["list_event_source_mappings"] = lambda _: ward.mapping(State="Disabled")
    assert ward.problem("usage") == "the table's stream is not read: Disabled"
    failing = ward.mapping(State="Enabled", LastProcessingResult="PROBLEM: Function call failed")
    ward.answers["list_event_source_mappings"] = lambda _: failing
    assert ward.problem("usage") == "usage is not counted: PROBLEM: Function call failed"
    ward.functions.remove("Usage")
    assert "has no function Usage" in ward.problem("usage")


def test_a_secret_of_razorpay_that_cannot_be_used_is_found_and_not_printed(ward: Ward) -> None:
    client = ward.client("secretsmanager")
    good = {"key_id": "rzp_test_x", "key_secret": "s3cr3t", "webhook_secret": "w3bhook"}
    arn = client.create_secret(Name=ward.stack, SecretString=json.dumps(good))["ARN"]
    ward.change_stack({"RazorpaySecretArn": arn})
    assert ward.line("payments") == ("ok", "the secret has keys of test mode")
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(good | {"webhook_secret": ""}))
    assert "has no webhook_secret" in ward.problem("payments")
    client.put_secret_value(SecretId=arn, SecretString='{"key_id": "rzp_test_x"')
    said = ward.problem("payments")
    assert ("s3cr3t" in said, "w3bhook" in said) == (False, False)
