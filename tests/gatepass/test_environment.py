"""What the command works on: an emulator or AWS, never half of each; and which stack the table is of."""

import secrets

import pytest

from entitlements.table import DEFINITION
from gatepass.cli import main
from gatepass.environment import LOCAL_STACK, Environment
from gatepass.refusals import CommandError
from tests.support import emulators
from tests.support.command import Command
from tests.support.market import kms_keys
from token_service.signing.kms import STACK_TAG


def of(endpoint: str, table: str) -> Environment:
    return Environment(table, "us-east-1", endpoint, endpoint)


def table_of(endpoint: str, **tags: str) -> str:
    name = f"t-{secrets.token_hex(6)}"
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    emulators.client("dynamodb", endpoint).create_table(TableName=name, **DEFINITION, Tags=given)
    return name


def test_a_table_on_an_emulator_is_of_the_stack_that_its_tag_names(moto_endpoint: str) -> None:
    found = of(moto_endpoint, table_of(moto_endpoint, **{STACK_TAG: "two"}))
    assert (found.stack, found.deployed) == ("two", True)


def test_a_table_on_an_emulator_without_the_tag_is_of_none(dynamodb_endpoint: str) -> None:
    found = of(dynamodb_endpoint, table_of(dynamodb_endpoint, owner="somebody"))
    assert (found.stack, found.deployed) == (LOCAL_STACK, False)


def test_a_table_that_is_not_there_is_of_no_stack_at_all(dynamodb_endpoint: str) -> None:
    with pytest.raises(CommandError, match=r"there is no table t-none .*: gatepass init makes it"):
        assert of(dynamodb_endpoint, "t-none").stack


def test_on_aws_a_table_without_the_tag_is_refused(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.environment._emulated", lambda _: False)  # its address would give it away
    with pytest.raises(CommandError, match="deploy the stack again"):
        assert of(moto_endpoint, table_of(moto_endpoint)).stack


def test_init_tags_the_keys_of_a_deployed_table_with_its_stack(
    moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    monkeypatch.setenv("GATEPASS_TABLE", table_of(moto_endpoint, **{STACK_TAG: "two"}))
    before = kms_keys(moto_endpoint)
    assert main(["init"]) == 0
    kms = emulators.client("kms", moto_endpoint)
    tags = [kms.list_resource_tags(KeyId=key)["Tags"] for key in kms_keys(moto_endpoint) - before]
    assert tags == [[{"TagKey": STACK_TAG, "TagValue": "two"}]] * 2


@pytest.mark.parametrize("url", ["foo", "http://["])
def test_an_endpoint_that_is_none_is_a_clear_refusal(gatepass: Command, url: str) -> None:
    gatepass.environment["AWS_ENDPOINT_URL"] = url
    run = gatepass("init")
    assert (run.returncode, "write http://HOST:PORT" in run.stderr, "Traceback" in run.stderr) == (1, True, False)


def test_keys_are_not_made_on_aws_for_an_emulated_table(gatepass: Command) -> None:
    endpoint = gatepass.environment.pop("AWS_ENDPOINT_URL")
    gatepass.environment["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
    run = gatepass("init")
    assert (run.returncode, "both emulated" in run.stderr) == (1, True)
