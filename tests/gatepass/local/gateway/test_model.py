"""A configuration that cannot work is refused, with what to do instead."""

import pytest

from gatepass.local.gateway import Api, Authorizer, Cors, GatewayResponse, HttpProxy, LambdaProxy, Mock, Route

FUNCTION = LambdaProxy(print)
ROUTE = Route("GET", "/a", FUNCTION)
REST_TOKEN = "method.request.header.Authorization"


def guarded(**options):
    return (Route("GET", "/a", FUNCTION, Authorizer(print, **options)),)


@pytest.mark.parametrize(
    ("build", "hint"),
    [
        (lambda: Authorizer(print, ttl_seconds=300), "identity_sources"),
        (lambda: Authorizer(print, identity_sources=(REST_TOKEN,), ttl_seconds=3601), "3600"),
        (lambda: Authorizer(print, ttl_seconds=-1), "3600"),
        (lambda: Authorizer("authorizer.handler"), "handler(event, context)"),  # type: ignore[arg-type]
        (lambda: Authorizer(print, type="JWT"), "TOKEN or REQUEST"),  # type: ignore[arg-type]
        (lambda: Authorizer(print, payload_version="3.0"), "'2.0'"),  # type: ignore[arg-type]
        (lambda: Authorizer(print, identity_sources=REST_TOKEN), "tuple"),  # type: ignore[arg-type]
        (lambda: LambdaProxy("authorizer.handler"), "handler(event, context)"),  # type: ignore[arg-type]
        (lambda: Mock(100), "200 to 599"),
        (lambda: Mock(204, {"X-A\r\nX-B": "1"}), "not a header name"),
        (lambda: GatewayResponse(600), "200 to 599"),
        (lambda: GatewayResponse(headers={"X A": "1"}), "not a header name"),
        (lambda: Cors("*"), "tuple"),  # type: ignore[arg-type]
        (lambda: Cors(("*",), max_age=86_401), "86400"),
        (lambda: Route("FETCH", "/a", FUNCTION), "ANY"),
        (lambda: Route("GET", "a", FUNCTION), "start it with /"),
        (lambda: Route("GET", "/a/", FUNCTION), "trailing /"),
        (lambda: Route("GET", "/a//b", FUNCTION), "empty segments"),
        (lambda: Route("GET", "/a{x}", FUNCTION), "whole segment"),
        (lambda: Route("GET", "/{proxy+}/a", FUNCTION), "last segment"),
        (lambda: Route("GET", "$default", FUNCTION), "ANY"),
        (lambda: HttpProxy("https://example.com"), "http://HOST:PORT"),
        (lambda: HttpProxy("127.0.0.1:80"), "http://HOST:PORT"),
        (lambda: Cors(()), "allow_origins"),
        (lambda: Cors(("*",), allow_credentials=True), "list the origins"),
        (lambda: Api("a", "SOAP", (ROUTE,)), "REST or HTTP"),  # type: ignore[arg-type]
        (lambda: Api("a", "REST", ()), "add a Route"),
        (lambda: Api("a", "REST", (ROUTE,), stage="a b"), "letters"),
        (lambda: Api("a", "REST", (ROUTE,), stage="$default"), "name it"),
        (lambda: Api("a", "REST", (ROUTE, ROUTE)), "more than once"),
        (lambda: Api("a", "HTTP", (Route("GET", "/{x}", FUNCTION), Route("GET", "/{y}", FUNCTION))), "more than once"),
        (lambda: Api("a", "REST", (Route("ANY", "$default", FUNCTION),)), "/{proxy+}"),
        (lambda: Api("a", "REST", (ROUTE,), cors=Cors(("*",))), "OPTIONS"),
        (lambda: Api("a", "REST", (ROUTE,), gateway_responses={"DENIED": GatewayResponse()}), "ACCESS_DENIED"),
        (lambda: Api("a", "HTTP", (ROUTE,), gateway_responses={"DEFAULT_4XX": GatewayResponse()}), "remove"),
        (lambda: Api("a", "HTTP", (Route("GET", "/a", Mock()),)), "LambdaProxy"),
        (lambda: Api("a", "HTTP", guarded(type="TOKEN")), "REQUEST"),
        (lambda: Api("a", "REST", guarded(type="TOKEN")), "one header"),
        (lambda: Api("a", "REST", guarded(type="TOKEN", identity_sources=("context.path",))), "one header"),
        (lambda: Api("a", "HTTP", guarded(identity_sources=(REST_TOKEN,))), "$request.header"),
        (lambda: Api("a", "REST", guarded(identity_sources=("$request.header.A",))), "method.request.header"),
        (lambda: Api("a", "REST", guarded(identity_sources=("method.request.path.id",))), "method.request.header"),
    ],
)
def test_it_is_refused_with_a_way_out(build, hint):
    with pytest.raises(ValueError, match=r".+") as refused:
        build()
    assert hint in str(refused.value)


def test_stages_have_the_names_aws_consoles_give_them():
    assert Api("a", "REST", (ROUTE,)).stage == "prod"
    assert Api("a", "HTTP", (ROUTE,)).stage == "$default"
