"""docs/operations.md lists the permissions that `init`, `attach`, `status`, and `detach` need: no fewer, and no more."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from botocore.client import BaseClient
from moto.awslambda.models import lambda_backends

from gatepass.cli import main
from tests.gatepass.attach.conftest import ACCOUNT, ARN, World
from tests.gatepass.test_user_pool import GOOD, Pool
from tests.support.emulators import ROOT
from tests.support.portal_stack import PortalStack
from tests.support.reachable_calls import PARTS
from tests.support.signer import SOLUTION

ALONG = {"kms:CreateKey": {"kms:TagResource", "iam:CreateServiceLinkedRole"}}
"""What a call needs besides, with tags and for a key of several Regions:
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html (required permissions)
https://docs.aws.amazon.com/kms/latest/developerguide/create-primary-keys.html
"""
FREE = {"sts:GetCallerIdentity"}
"""Needs no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


def documented(command: str) -> set[str]:
    _, section = (ROOT / "docs" / "operations.md").read_text().split("\n## Your AWS credentials\n")
    rows = [line.split("|") for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `gatepass ")]
    return {
        action for row in rows if f"`gatepass {command}`" in row[1] for action in re.findall(r"`([a-z-]+:\w+)`", row[2])
    }


@contextmanager
def needed() -> Iterator[set[str]]:
    """The IAM actions of the calls that are made meanwhile."""
    found = set[str]()
    call = BaseClient._make_api_call

    def watched(self: Any, operation: str, facts: dict[str, Any]) -> Any:
        service, model = self.meta.service_model.service_name, self.meta.service_model.operation_model(operation)
        match service, operation:
            case "dynamodb", "TransactWriteItems":
                found.update(PARTS[part] for item in facts["TransactItems"] for part in item)
            case "apigateway" | "apigatewayv2", _:
                found.add(f"apigateway:{model.http['method']}")
            case _:
                found.add(f"{service}:{operation}")
        return call(self, operation, facts)

    with mock.patch.object(BaseClient, "_make_api_call", watched):
        yield found
    found |= {more for action in found for more in ALONG.get(action, ())}
    found -= FREE


def test_init_needs_what_is_documented(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, table = Pool(aws_endpoint, **GOOD), f"t-{secrets.token_hex(6)}"
    PortalStack(aws_endpoint, table, False, UserPoolId=pool.id, UserPoolClientId=pool.client("gatepass"))
    monkeypatch.setattr("gatepass.environment._emulated", lambda _: False)
    for name in ("GATEPASS_USER_POOL_ID", "GATEPASS_USER_POOL_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    with needed() as found:
        assert main(["--table", table, "init", "--issuer", "a-market"]) == 0
    assert found == documented("init")


def test_attach_status_and_detach_need_what_is_documented(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(aws_endpoint, monkeypatch)
    PortalStack(aws_endpoint, world.table.name, False, AuthorizerArn=ARN)
    lambda_backends[ACCOUNT]["us-east-1"].get_function("gate", "live").policy.statements.clear()  # of other tests
    apis = (world.rest_api(), world.v2_api(), world.v2_api("WEBSOCKET", auto=False, routes=("$connect",)))
    with needed() as attaching:
        assert [world.run("attach", api, "--solution", SOLUTION, "--yes") for api in apis] == [0, 0, 0]
    with needed() as looking:
        assert world.run("status", "--all") == 0
    with needed() as detaching:
        assert [world.detach(api) for api in apis] == [0, 0, 0]
    assert attaching | detaching == documented("attach") == documented("detach")  # a failed attach is rolled back
    assert looking == documented("status")
