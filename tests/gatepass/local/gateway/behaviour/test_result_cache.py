"""The result cache.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html#http-api-lambda-authorizer.caching
https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html
"""

import pytest

from gatepass.local.gateway import Authorizer, LambdaProxy, ResultCache, Route

REST_SOURCE = ("method.request.header.Authorization",)
HTTP_SOURCE = ("$request.header.Authorization",)
ONE = {"Authorization": "one"}
TWO = {"Authorization": "two"}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_the_cached_answer_serves_until_its_ttl_has_passed(toys, clock):
    recorder, gate = toys.gate(toys.policy("Allow", "*"), identity_sources=REST_SOURCE, ttl_seconds=300)
    api, cache = toys.api("REST", gate), ResultCache()
    for now, calls in [(1000.0, 1), (1299.9, 1), (1300.0, 2), (1301.0, 2)]:
        clock.now = now
        assert toys.send(api, headers=ONE, cache=cache, clock=clock).status == 200
        assert recorder.called == calls


def test_the_cache_is_keyed_by_the_identity_sources(toys, clock):
    recorder, gate = toys.gate(toys.policy("Allow", "*"), identity_sources=REST_SOURCE, ttl_seconds=300)
    api, cache = toys.api("REST", gate), ResultCache()
    for headers in (ONE, TWO, ONE, TWO):
        toys.send(api, headers=headers, cache=cache, clock=clock)
    assert recorder.called == 2


def test_without_a_ttl_every_request_is_asked(toys, clock):
    """The only setting under which quota and revocation hold (wri/gfw-data-api#257)."""
    recorder, gate = toys.gate(toys.policy(), identity_sources=REST_SOURCE)
    api, cache = toys.api("REST", gate), ResultCache()
    for _ in range(3):
        toys.send(api, headers=ONE, cache=cache, clock=clock)
    assert recorder.called == 3


def test_a_cached_policy_for_one_method_is_a_403_on_the_next(toys, clock):
    """auth0-samples/jwt-rsa-aws-custom-authorizer#8, serverless/serverless#6176."""
    recorder, gate = toys.gate(toys.policy(), identity_sources=REST_SOURCE, ttl_seconds=300)
    api, cache = toys.api("REST", gate), ResultCache()
    assert toys.send(api, "/prod/one", headers=ONE, cache=cache, clock=clock).status == 200
    assert toys.send(api, "/prod/two", headers=ONE, cache=cache, clock=clock).status == 403
    assert toys.send(api, "/prod/one", "POST", headers=ONE, cache=cache, clock=clock).status == 403
    assert recorder.called == 1
    clock.now += 300
    assert toys.send(api, "/prod/two", headers=ONE, cache=cache, clock=clock).status == 200


def test_the_cache_outlives_a_revocation(toys, clock):
    answers = [toys.policy("Allow", "*"), toys.policy("Deny", "*")]
    recorder, gate = toys.gate(lambda event: answers.pop(0)(event), identity_sources=REST_SOURCE, ttl_seconds=300)
    api, cache = toys.api("REST", gate), ResultCache()
    assert [toys.send(api, headers=ONE, cache=cache, clock=clock).status for _ in range(2)] == [200, 200]
    clock.now += 300
    assert toys.send(api, headers=ONE, cache=cache, clock=clock).status == 403
    assert recorder.called == 2


def test_a_denial_is_cached_with_its_context(toys, clock):
    recorder, gate = toys.gate(toys.policy("Deny", "*", n=1), identity_sources=REST_SOURCE, ttl_seconds=300)
    api, cache = toys.api("REST", gate), ResultCache()
    assert [toys.send(api, headers=ONE, cache=cache, clock=clock).status for _ in range(2)] == [403, 403]
    assert recorder.called == 1


@pytest.mark.parametrize("failure", [Exception("Unauthorized"), Exception("boom"), {"statusCode": 401}])
def test_failures_are_not_cached(toys, clock, failure):
    recorder, gate = toys.gate(failure, identity_sources=REST_SOURCE, ttl_seconds=300)
    api, cache = toys.api("REST", gate), ResultCache()
    for _ in range(2):
        toys.send(api, headers=ONE, cache=cache, clock=clock)
    assert recorder.called == 2


def test_routes_that_share_an_authorizer_share_its_cache_and_others_do_not(toys, clock):
    first, one = toys.gate(toys.policy("Allow", "*"), identity_sources=REST_SOURCE, ttl_seconds=300)
    second, other = toys.gate(toys.policy("Allow", "*"), identity_sources=REST_SOURCE, ttl_seconds=300)
    backend = LambdaProxy(toys.backend())
    api = toys.api(
        "REST",
        None,
        routes=(
            Route("GET", "/a", backend, one),
            Route("GET", "/b", backend, one),
            Route("GET", "/c", backend, other),
        ),
    )
    cache = ResultCache()
    for path in ("/prod/a", "/prod/b", "/prod/c"):
        assert toys.send(api, path, headers=ONE, cache=cache, clock=clock).status == 200
    assert (first.called, second.called) == (1, 1)


def test_two_authorizers_alike_in_everything_have_a_cache_each(toys, clock):
    recorder, one = toys.gate(toys.policy("Allow", "*"), identity_sources=REST_SOURCE, ttl_seconds=300)
    other = Authorizer(recorder, identity_sources=REST_SOURCE, ttl_seconds=300)
    backend, cache = LambdaProxy(toys.backend()), ResultCache()
    api = toys.api("REST", None, routes=(Route("GET", "/a", backend, one), Route("GET", "/b", backend, other)))
    for path in ("/prod/a", "/prod/b"):
        assert toys.send(api, path, headers=ONE, cache=cache, clock=clock).status == 200
    assert recorder.called == 2


def test_an_authorizer_that_cannot_be_hashed_is_cached_too(toys, clock):
    class Gate(dict):
        def __call__(self, event, context):
            return toys.policy("Allow", "*")(event)

    gate = Authorizer(Gate(), identity_sources=REST_SOURCE, ttl_seconds=300)
    assert toys.send(toys.api("REST", gate), headers=ONE, cache=ResultCache(), clock=clock).status == 200


def test_a_cached_simple_response_covers_every_route(toys, clock):
    """ "the authorizer's response fully allows or denies all API requests that match the cached values"."""
    recorder, gate = toys.gate({"isAuthorized": True}, identity_sources=HTTP_SOURCE, ttl_seconds=300)
    api, cache = toys.api("HTTP", gate), ResultCache()
    assert toys.send(api, "/one", headers=ONE, cache=cache, clock=clock).status == 200
    assert toys.send(api, "/two", "POST", headers=ONE, cache=cache, clock=clock).status == 200
    assert recorder.called == 1


def test_the_route_key_among_the_sources_caches_per_route(toys, clock):
    """ "To cache responses per route, add `$context.routeKey`"."""
    recorder, gate = toys.gate(
        {"isAuthorized": True}, identity_sources=(*HTTP_SOURCE, "$context.routeKey"), ttl_seconds=300
    )
    backend = LambdaProxy(toys.backend())
    routes = (Route("GET", "/a", backend, gate), Route("GET", "/b", backend, gate))
    api, cache = toys.api("HTTP", None, routes=routes), ResultCache()
    for path in ("/a", "/b", "/a", "/b"):
        toys.send(api, path, headers=ONE, cache=cache, clock=clock)
    assert recorder.called == 2


def test_a_cached_context_is_handed_on_each_time(toys, clock):
    _, gate = toys.gate(toys.policy("Allow", "*", plan="pro"), identity_sources=REST_SOURCE, ttl_seconds=300)
    backend = toys.backend()
    api, cache = toys.api("REST", gate, backend), ResultCache()
    for _ in range(2):
        toys.send(api, headers=ONE, cache=cache, clock=clock)
    assert [event["requestContext"]["authorizer"]["plan"] for event in backend.events] == ["pro", "pro"]


def test_an_integration_cannot_spoil_the_cached_context(toys, clock):
    def spoil(event):
        event["requestContext"]["authorizer"]["lambda"]["roles"].append("admin")
        return {"statusCode": 200}

    answer = {"isAuthorized": True, "context": {"roles": ["reader"]}}
    _, gate = toys.gate(answer, identity_sources=HTTP_SOURCE, ttl_seconds=300)
    backend = toys.backend(spoil)
    api, cache = toys.api("HTTP", gate, backend), ResultCache()
    for _ in range(2):
        toys.send(api, "/search", headers=ONE, cache=cache, clock=clock)
    roles = [event["requestContext"]["authorizer"]["lambda"]["roles"] for event in backend.events]
    assert roles == [["reader", "admin"], ["reader", "admin"]]
