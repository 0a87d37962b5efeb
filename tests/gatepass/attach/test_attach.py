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
