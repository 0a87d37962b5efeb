"""The one permission on the function: made where it is missing, widened where it was narrowed, and put back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gatepass.attach.conftest import Faults, World

FUNCTION = {"FunctionName": "gate", "Qualifier": "live"}
SID = "gatepass-apigateway"
WIDE = "arn:aws:execute-api:us-east-1:123456789012:*"
NARROW = "arn:aws:execute-api:us-east-1:123456789012:abc123/*"


def statements(world: World) -> list[dict[str, Any]]:
    try:
        return list(json.loads(world.functions.get_policy(**FUNCTION)["Policy"])["Statement"])
    except world.functions.exceptions.ResourceNotFoundException:
        return []


def clear(world: World) -> None:
    for one in statements(world):
        world.functions.remove_permission(**FUNCTION, StatementId=one["Sid"])


def allow(world: World, **facts: str) -> None:
    given = {"StatementId": SID, "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    world.functions.add_permission(**FUNCTION, **(given | facts))


NARROWED: dict[str, dict[str, str]] = {
    "one API": {"SourceArn": NARROW},
    "another account": {"SourceArn": WIDE, "SourceAccount": "210987654321"},
    "an organization": {"SourceArn": WIDE, "PrincipalOrgID": "o-1234567890"},
    "another service": {"Principal": "events.amazonaws.com"},
    "another action": {"SourceArn": WIDE, "Action": "lambda:GetFunction"},
}


@pytest.fixture(autouse=True)
def alone(world: World) -> Iterator[None]:
    clear(world)
    yield
    clear(world)


@pytest.mark.parametrize("narrowed", NARROWED)
def test_a_permission_that_was_narrowed_is_widened_again(world: World, narrowed: str) -> None:
    api = world.v2_api()
    assert world.attach(api) == 0
    (wide,) = statements(world)
    clear(world)
    allow(world, **NARROWED[narrowed])
    assert world.run("status", api) == 1
    assert world.attach(api) == 0
    assert statements(world) == [wide]
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert statements(world) == []


@pytest.mark.parametrize("narrowed", NARROWED)
@pytest.mark.parametrize("failing", ["AddPermission", "UpdateRoute"])
def test_a_failed_run_puts_the_narrow_permission_back(world: World, narrowed: str, failing: str) -> None:
    api = world.v2_api()
    allow(world, **NARROWED[narrowed])
    (before,) = statements(world)

    class Failing(Faults):
        def _before(self, model: Any, **_: Any) -> None:
            if model.name == failing and not self.failed:
                self.failed.append(model.name)
                raise self.error()

    assert world.attach(api, faults=Failing()) == 1
    assert statements(world) == [before]


def test_a_narrowed_permission_does_not_keep_an_api_attached(world: World) -> None:
    api = world.v2_api()
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0
    clear(world)
    allow(world, SourceArn=NARROW)
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before
    assert statements(world) == []


def test_another_statement_that_suffices_is_enough(world: World) -> None:
    api = world.v2_api()
    allow(world, StatementId="theirs", SourceArn=WIDE + "/*")
    before = statements(world)
    assert world.attach(api) == 0
    assert statements(world) == before
    assert world.detach(api) == 0
    assert statements(world) == before
