"""Which route a request takes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

import pytest

from gatepass.local.gateway import Api, LambdaProxy, Route
from gatepass.local.gateway.routing import find_route, path_in_stage


def api(type, *keys, stage=""):
    routes = []
    for key in keys:
        method, _, path = key.rpartition(" ")
        routes.append(Route(method or "ANY", path, LambdaProxy(print)))
    return Api("a", type, tuple(routes), stage=stage)


def key_of(api, method, path):
    match = find_route(api, method, path)
    return match and match.route.key


DOCUMENTED = api("HTTP", "GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default")


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ],
)
def test_the_table_of_the_documentation_holds(method, path, key):
    assert key_of(DOCUMENTED, method, path) == key


def test_a_full_match_comes_before_a_greedy_one_on_http_apis():
    routes = api("HTTP", "GET /a/{proxy+}", "GET /{x}/b")
    assert key_of(routes, "GET", "/a/b") == "GET /{x}/b"


def test_a_method_of_its_own_comes_before_any():
    for type in ("REST", "HTTP"):
        routes = api(type, "ANY /a", "GET /a")
        assert key_of(routes, "GET", "/a") == "GET /a"
        assert key_of(routes, "POST", "/a") == "ANY /a"


def test_rest_chooses_the_resource_before_the_method():
    routes = api("REST", "GET /pets", "ANY /{proxy+}")
    assert key_of(routes, "GET", "/pets") == "GET /pets"
    assert key_of(routes, "POST", "/pets") is None
    assert key_of(routes, "POST", "/cats") == "ANY /{proxy+}"


def test_rest_ignores_trailing_slashes_and_http_does_not():
    assert key_of(api("REST", "GET /a"), "GET", "/a/") == "GET /a"
    assert key_of(api("HTTP", "GET /a"), "GET", "/a/") is None


@pytest.mark.parametrize("path", ["/a", "/a/b/c", "/A/b", "//b", "/a//b"])
def test_these_paths_do_not_match_a_variable_route(path):
    assert key_of(api("REST", "GET /a/{x}"), "GET", path) is None


@pytest.mark.parametrize("variable", ["{x}", "{x+}"])
def test_a_variable_does_not_take_an_empty_segment(variable):
    assert key_of(api("HTTP", f"GET /a/{variable}"), "GET", "/a/") is None


def test_variables_are_bound_and_decoded():
    match = find_route(api("REST", "GET /a/{x}/{rest+}"), "GET", "/a/1%202/b/c%2Fd")
    assert match is not None
    assert match.path_parameters == {"x": "1 2", "rest": "b/c/d"}


def test_a_greedy_variable_needs_something_to_take():
    assert key_of(api("REST", "ANY /{proxy+}"), "GET", "/") is None


@pytest.mark.parametrize(
    ("stage", "path", "rest"),
    [
        ("live", "/live/a", "/a"),
        ("live", "/live", "/"),
        ("live", "/live/", "/"),
        ("live", "/lively/a", None),
        ("live", "/a", None),
        ("$default", "/live/a", "/live/a"),
        ("$default", "", "/"),
    ],
)
def test_the_stage_is_the_first_segment_unless_it_is_the_default(stage, path, rest):
    """http-api-stages."""
    assert path_in_stage(api("HTTP", "$default", stage=stage), path) == rest
