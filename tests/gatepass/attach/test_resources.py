"""Keys, and what their values know of themselves."""

import pytest

from gatepass.attach.resources import (
    DEPLOYMENT,
    GATE,
    MARK,
    CorsConfiguration,
    ResourceKey,
    ResourceKind,
    RouteAuthorization,
    StageDeployment,
)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ResourceKey(ResourceKind.ROUTE, "POST /search"), "route POST /search"),
        (ResourceKey(ResourceKind.PREFLIGHT, "OPTIONS /{proxy+}"), "preflight OPTIONS /{proxy+}"),
        (DEPLOYMENT, "deployment"),
    ],
)
def test_a_key_is_spelled_one_way(key: ResourceKey, text: str) -> None:
    assert (str(key), ResourceKey.parse(text)) == (text, key)


def test_an_unknown_kind_is_no_key() -> None:
    with pytest.raises(ValueError, match="quota"):
        ResourceKey.parse("quota POST /search")


@pytest.mark.parametrize(
    ("route", "is_gate", "is_others"),
    [
        (RouteAuthorization("NONE"), False, False),
        (RouteAuthorization("CUSTOM", GATE), True, False),
        (RouteAuthorization("CUSTOM", "abc"), False, True),
        (RouteAuthorization("AWS_IAM"), False, True),
    ],
)
def test_a_route_knows_who_decides(route: RouteAuthorization, is_gate: bool, is_others: bool) -> None:
    assert (route.is_gate, route.is_others) == (is_gate, is_others)


def test_a_deployment_of_ours_is_told_by_its_description() -> None:
    assert StageDeployment(f"{MARK}attach 12345678").is_ours
    assert not StageDeployment("x9y8z7").is_ours


def test_cors_settings_without_headers_name_none() -> None:
    present = CorsConfiguration({"AllowHeaders": ["a"], "MaxAge": 5})
    assert present.with_headers(["b"]) == CorsConfiguration({"AllowHeaders": ["b"], "MaxAge": 5})
    assert present.with_headers([]) == CorsConfiguration({"MaxAge": 5})
