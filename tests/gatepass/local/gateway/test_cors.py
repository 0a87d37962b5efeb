"""CORS, where a browser's preflight carries no token.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html
"""

import pytest

from gatepass.local.gateway import Cors, GatewayResponse, LambdaProxy, Mock, Route

ORIGIN = "https://shop.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
CORS = Cors(
    (ORIGIN,), ("GET", "POST"), ("authorization", "content-type"), ("x-plan",), allow_credentials=True, max_age=300
)


def get_search(toys, gate, backend=None):
    return (Route("GET", "/search", LambdaProxy(backend or toys.backend()), gate),)


def test_an_http_api_with_cors_answers_a_preflight_without_authorizer_or_integration(toys):
    recorder, gate = toys.gate({"isAuthorized": True}, identity_sources=("$request.header.Authorization",))
    backend = toys.backend()
    api = toys.api("HTTP", None, routes=get_search(toys, gate, backend), cors=CORS)
    response = toys.send(api, "/search", "OPTIONS", PREFLIGHT)
    assert (response.status, response.body) == (204, b"")
    assert dict(response.headers) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET,POST",
        "Access-Control-Allow-Headers": "authorization,content-type",
        "Access-Control-Max-Age": "300",
    }
    assert recorder.called == backend.called == 0


def test_a_preflight_of_a_foreign_origin_gets_no_leave(toys):
    api = toys.api("HTTP", None, routes=get_search(toys, None), cors=CORS)
    response = toys.send(api, "/search", "OPTIONS", PREFLIGHT | {"Origin": "https://evil.example"})
    assert response.headers == ()


def test_without_cors_the_preflight_is_not_found(toys):
    api = toys.api("HTTP", None, routes=get_search(toys, None))
    assert toys.send(api, "/search", "OPTIONS", PREFLIGHT).status == 404


@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}])
def test_an_options_request_that_is_no_preflight_is_not_found(toys, headers):
    api = toys.api("HTTP", None, routes=get_search(toys, None), cors=CORS)
    assert toys.send(api, "/search", "OPTIONS", headers).status == 404


@pytest.mark.parametrize("path", ["/{proxy+}", "$default"])
def test_any_and_default_routes_take_the_preflight_to_their_authorizer_even_with_cors(toys, path):
    """http-api-cors, "$default route": such APIs need an OPTIONS route of their own (anomalyco/sst#5493)."""
    recorder, gate = toys.gate({"isAuthorized": False})
    guarded = Route("ANY", path, LambdaProxy(toys.backend()), gate)
    response = toys.send(toys.api("HTTP", None, routes=(guarded,), cors=CORS), "/search", "OPTIONS", PREFLIGHT)
    assert response.status == 403
    assert recorder.called == 1


@pytest.mark.parametrize("path", ["/{proxy+}", "$default"])
def test_an_options_route_without_authorizer_lets_the_preflight_through(toys, path):
    """http-api-cors: "The OPTIONS /{proxy+} route has higher priority than the $default route"."""
    recorder, gate = toys.gate({"isAuthorized": False})
    routes = (
        Route("ANY", path, LambdaProxy(toys.backend()), gate),
        Route("OPTIONS", "/{proxy+}", LambdaProxy(toys.backend({"statusCode": 204}))),
    )
    response = toys.send(toys.api("HTTP", None, routes=routes, cors=CORS), "/search", "OPTIONS", PREFLIGHT)
    assert response.status == 204
    assert response.header("Access-Control-Allow-Methods") == "GET,POST"
    assert recorder.called == 0


def test_http_apis_replace_the_integrations_cors_headers(toys):
    """ "API Gateway ignores CORS headers returned from your backend integration"."""
    backend = toys.backend(
        {
            "statusCode": 200,
            "headers": {"access-control-allow-origin": "*", "Access-Control-Max-Age": "1", "x-plan": "p"},
        }
    )
    api = toys.api("HTTP", None, routes=get_search(toys, None, backend), cors=CORS)
    response = toys.send(api, "/search", headers={"Origin": ORIGIN})
    values = {name.lower(): value for name, value in response.headers}
    assert values["access-control-allow-origin"] == ORIGIN
    assert values["access-control-expose-headers"] == "x-plan"
    assert values["x-plan"] == "p"
    assert "access-control-max-age" not in values
    assert "access-control-allow-methods" not in values


def test_http_apis_put_cors_headers_on_their_own_denials(toys):
    """By report (see gatepass.local.gateway.cors): else a browser could not read the 401."""
    _, gate = toys.gate({"isAuthorized": True}, identity_sources=("$request.header.Authorization",))
    api = toys.api("HTTP", None, routes=get_search(toys, gate), cors=CORS)
    response = toys.send(api, "/search", headers={"Origin": ORIGIN})
    assert response.status == 401
    assert response.header("Access-Control-Allow-Origin") == ORIGIN


@pytest.mark.parametrize(
    ("allowed", "origin", "answer"),
    [
        (("*",), "https://a.example", "*"),
        (("https://*",), "https://a.example", "https://a.example"),
        (("https://*",), "http://a.example", None),
        (("https://a.example",), "https://a.example", "https://a.example"),
        (("https://a.example",), "https://a.example.evil", None),
        (("https://a.example",), "null", None),
    ],
)
def test_origins_are_matched_whole_or_by_scheme(toys, allowed, origin, answer):
    api = toys.api("HTTP", None, cors=Cors(allowed))
    response = toys.send(api, "/search", headers={"Origin": origin})
    assert response.header("Access-Control-Allow-Origin") == answer


def test_a_rest_api_answers_preflight_by_an_options_mock_without_authorizer(toys):
    """how-to-cors, mock integrations; aws/serverless-application-model#717."""
    recorder, gate = toys.gate(Exception("Unauthorized"))
    mock = Mock(204, {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET"})
    routes = (
        Route("ANY", "/{proxy+}", LambdaProxy(toys.backend()), gate),
        Route("OPTIONS", "/{proxy+}", mock),
    )
    api = toys.api("REST", None, routes=routes)
    response = toys.send(api, "/prod/search", "OPTIONS", PREFLIGHT)
    assert (response.status, response.header("Access-Control-Allow-Origin")) == (204, "*")
    assert recorder.called == 0


def test_a_rest_denial_carries_cors_headers_only_if_its_gateway_response_says_so(toys):
    """serverless/serverless#6176: without them a browser shows a network error."""
    _, gate = toys.gate(Exception("Unauthorized"))
    bare = toys.send(toys.api("REST", gate), headers={"Origin": ORIGIN})
    assert bare.header("Access-Control-Allow-Origin") is None
    responses = {"DEFAULT_4XX": GatewayResponse(headers={"Access-Control-Allow-Origin": "'*'"})}
    response = toys.send(toys.api("REST", gate, gateway_responses=responses), headers={"Origin": ORIGIN})
    assert (response.status, response.header("Access-Control-Allow-Origin")) == (401, "*")


def test_an_options_request_on_a_rest_any_method_reaches_the_authorizer(toys):
    recorder, gate = toys.gate(Exception("Unauthorized"))
    assert toys.send(toys.api("REST", gate), "/prod/search", "OPTIONS", PREFLIGHT).status == 401
    assert recorder.called == 1
