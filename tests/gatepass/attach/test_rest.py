"""A REST API is read right also where a gateway leaves out what AWS always says."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gatepass.attach.conftest import World
from tests.gatepass.attach.tampering import Change, tampering


def methods(parsed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in parsed["items"]:
        yield from resource.get("resourceMethods", {}).values()


def without_type(parsed: dict[str, Any]) -> None:
    """As MiniStack does for imported APIs; the member is optional in the service's model."""
    for method in methods(parsed):
        if method["authorizationType"] == "NONE":
            del method["authorizationType"]


def null_type(parsed: dict[str, Any]) -> None:
    for method in methods(parsed):
        if method["authorizationType"] == "NONE":
            method["authorizationType"] = None


def authorizer_without_type(parsed: dict[str, Any]) -> None:
    for method in methods(parsed):
        if method.get("authorizerId"):
            del method["authorizationType"]


def summary_without_type(parsed: dict[str, Any]) -> None:
    for of_path in parsed.get("apiSummary", {}).values():
        for method in of_path.values():
            method.pop("authorizationType", None)


@pytest.mark.parametrize("tamper", [without_type, null_type])
def test_a_method_without_a_type_of_authorization_has_none(world: World, tamper: Change) -> None:
    api = world.rest_api()
    before = world.state(api, "REST")
    with tampering(world, told={"apigateway.GetResources": tamper}) as faults:
        assert world.attach(api, faults=faults) == 0
        routes = world.routes(api, "REST")
        assert routes["GET /health"][0] == routes["ANY /{proxy+}"][0] == "CUSTOM"
        # OPTIONS /search leads to a backend, and may not pass the gate by.
        (search,) = [r for r in world.state(api, "REST")["resources"] if r["path"] == "/search"]
        assert search["resourceMethods"]["OPTIONS"]["methodIntegration"]["type"] == "MOCK"
        assert world.detach(api, faults=faults) == 0
    assert world.state(api, "REST") == before


def test_a_method_with_an_authorizer_and_no_type_is_not_taken_for_open(world: World) -> None:
    """Detaching would leave it open."""
    api = world.rest_api()
    before = world.state(api, "REST")
    with tampering(world, told={"apigateway.GetResources": authorizer_without_type}) as faults:
        assert world.attach(api, "--only", "POST /search", faults=faults) == 0
    assert world.detach(api) == 0
    assert world.state(api, "REST") == before


def test_a_deployment_whose_summary_has_no_types_is_compared(world: World) -> None:
    api = world.rest_api()
    with tampering(world, told={"apigateway.GetDeployment": summary_without_type}) as faults:
        assert world.attach(api, faults=faults) == 0
        assert world.run("status", api, faults=faults) == 0
    assert world.detach(api) == 0
