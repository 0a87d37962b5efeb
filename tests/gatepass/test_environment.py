"""What the command works on: an emulator or AWS, never half of each."""

import pytest

from tests.support.command import Command


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
