"""The events, field by field.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

import base64

import pytest

from gatepass.local.gateway import Api, HttpRequest, LambdaProxy, Route, websocket_connect_event

SIMPLE = {"isAuthorized": True}
DUPLICATES = (("X-Thing", "one"), ("User-Agent", "toy/1"), ("X-Thing", "two"), ("Cookie", "a=1; b=2"))


def test_token_events_have_three_fields_and_no_address(toys):
    recorder, gate = toys.gate(toys.policy(), type="TOKEN", identity_sources=("method.request.header.Authorization",))
    toys.send(toys.api("REST", gate), "/prod/a/b", "POST", {"authorization": "Bearer x"})
    assert recorder.event == {
        "type": "TOKEN",
        "authorizationToken": "Bearer x",
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/POST/a/b",
    }


def test_rest_request_events_keep_names_and_list_duplicates(toys):
    recorder, gate = toys.gate(toys.policy())
    toys.send(toys.api("REST", gate), "/prod/a/b?q=1&q=2&e=", "GET", DUPLICATES, source_ip="192.0.2.7")
    event = recorder.event
    assert event["type"] == "REQUEST"
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/{proxy+}", "/a/b", "GET")
    assert event["headers"]["X-Thing"] == "two"
    assert event["multiValueHeaders"]["X-Thing"] == ["one", "two"]
    assert event["headers"]["Cookie"] == "a=1; b=2"
    assert event["queryStringParameters"] == {"q": "2", "e": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "e": [""]}
    assert event["pathParameters"] == {"proxy": "a/b"}
    assert event["stageVariables"] == {}
    context = event["requestContext"]
    assert context["identity"]["sourceIp"] == "192.0.2.7"
    assert context["identity"]["userAgent"] == "toy/1"
    assert context["path"] == "/prod/a/b"
    assert (context["stage"], context["apiId"], context["accountId"]) == ("prod", "abcdef1234", "123456789012")
    assert context["requestTime"] == "14/Nov/2023:22:13:20 +0000"
    assert context["requestTimeEpoch"] == 1_700_000_000_000
    assert context["domainName"] == "abcdef1234.execute-api.us-east-1.amazonaws.com"


def test_rest_request_events_have_empty_maps_where_there_is_nothing(toys):
    recorder, gate = toys.gate(toys.policy())
    routes = (Route("GET", "/search", LambdaProxy(toys.backend()), gate),)
    toys.send(toys.api("REST", gate, routes=routes))
    event = recorder.event
    assert event["pathParameters"] == event["queryStringParameters"] == event["stageVariables"] == {}


def test_http_2_0_authorizer_events_lowercase_and_join(toys):
    recorder, gate = toys.gate(SIMPLE)
    toys.send(toys.api("HTTP", gate), "/a/b?q=1&q=2&e=%20", "GET", DUPLICATES, source_ip="192.0.2.7")
    event = recorder.event
    assert (event["version"], event["type"], event["identitySource"]) == ("2.0", "REQUEST", None)
    assert event["routeArn"] == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/GET/a/b"
    assert "methodArn" not in event
    assert event["routeKey"] == "ANY /{proxy+}"
    assert event["rawPath"] == "/a/b"
    assert event["rawQueryString"] == "q=1&q=2&e=%20"
    assert event["queryStringParameters"] == {"q": "1,2", "e": " "}
    assert event["headers"] == {
        "x-thing": "one,two",
        "user-agent": "toy/1",
        "x-forwarded-for": "192.0.2.7",
        "x-forwarded-proto": "http",
    }
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["pathParameters"] == {"proxy": "a/b"}
    assert "stageVariables" not in event
    assert event["requestContext"]["http"] == {
        "method": "GET",
        "path": "/a/b",
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.7",
        "userAgent": "toy/1",
    }
    assert event["requestContext"]["time"] == "14/Nov/2023:22:13:20 +0000"


def test_http_1_0_authorizer_events_are_rests_with_the_identity_twice(toys):
    recorder, gate = toys.gate(
        toys.policy(),
        payload_version="1.0",
        identity_sources=("$request.header.Authorization", "$request.querystring.q"),
    )
    toys.send(toys.api("HTTP", gate), "/a?q=1", "GET", {"Authorization": "Bearer x"}, source_ip="192.0.2.7")
    event = recorder.event
    assert (event["version"], event["type"]) == ("1.0", "REQUEST")
    assert event["identitySource"] == event["authorizationToken"] == "Bearer x,1"
    assert event["methodArn"] == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/GET/a"
    assert event["headers"]["Authorization"] == "Bearer x"
    assert event["requestContext"]["identity"]["sourceIp"] == "192.0.2.7"


def test_the_path_of_http_1_0_includes_a_named_stage(toys):
    """jeremydaly/lambda-api#136."""
    recorder, gate = toys.gate(toys.policy(), payload_version="1.0")
    toys.send(toys.api("HTTP", gate, stage="live"), "/live/a")
    assert recorder.event["path"] == recorder.event["requestContext"]["path"] == "/live/a"
    assert recorder.event["methodArn"].endswith("/live/GET/a")


@pytest.mark.parametrize(("stage", "path"), [("$default", "/a/b"), ("live", "/live/a/b")])
def test_http_paths_include_a_named_stage(toys, stage, path):
    """aws-powertools/powertools-lambda-python#621, logandk/serverless-wsgi#191."""
    recorder, gate = toys.gate(SIMPLE)
    backend = toys.backend()
    toys.send(toys.api("HTTP", gate, backend, stage=stage), path)
    for event in (recorder.event, backend.event):
        assert event["rawPath"] == event["requestContext"]["http"]["path"] == path
        assert event["pathParameters"] == {"proxy": "a/b"}
    assert recorder.event["routeArn"].endswith(f"/{stage}/GET/a/b")


def test_rest_paths_stay_encoded_and_http_paths_are_decoded(toys):
    """localstack/localstack#7728; honojs/hono#2156."""
    rest, http = toys.backend(), toys.backend()
    toys.send(toys.api("REST", None, rest), "/prod/user/a%2Bb@c?email=a%2Bb@c")
    toys.send(toys.api("HTTP", None, http), "/user/a%2Bb@c?email=a%2Bb@c")
    assert rest.event["path"] == "/user/a%2Bb@c"
    assert http.event["rawPath"] == "/user/a+b@c"
    assert http.event["rawQueryString"] == "email=a%2Bb@c"
    for event in (rest.event, http.event):
        assert event["pathParameters"] == {"proxy": "user/a+b@c"}
        assert event["queryStringParameters"] == {"email": "a+b@c"}


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_the_method_arn_has_the_partition_and_the_path_as_it_is(toys, partition):
    """aws/chalice#1775: colons, underscores and slashes in a path are part of the ARN."""
    recorder, gate = toys.gate(toys.policy())
    toys.send(toys.api("REST", gate, partition=partition, region="r-1"), "/prod/a:b/c_d/e:f")
    assert (
        recorder.event["methodArn"] == f"arn:{partition}:execute-api:r-1:123456789012:abcdef1234/prod/GET/a:b/c_d/e:f"
    )


def test_a_url_without_a_path_below_the_stage_is_the_root(toys):
    recorder, gate = toys.gate(toys.policy())
    api = toys.api("REST", gate, routes=(Route("GET", "/", LambdaProxy(toys.backend()), gate),))
    for path in ("/prod", "/prod/"):
        assert toys.send(api, path).status == 200
    assert {event["methodArn"].rpartition("/prod/")[2] for event in recorder.events} == {"GET/"}


def test_rest_proxy_events_have_null_where_there_is_nothing(toys):
    backend = toys.backend()
    routes = (Route("GET", "/search", LambdaProxy(backend)),)
    toys.send(toys.api("REST", None, routes=routes))
    event = backend.event
    for name in (
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ):
        assert event[name] is None
    assert event["isBase64Encoded"] is False
    assert "authorizer" not in event["requestContext"]
    assert "methodArn" not in event


def test_http_proxy_events_leave_out_what_there_is_not(toys):
    backend = toys.backend()
    routes = (Route("GET", "/search", LambdaProxy(backend)),)
    toys.send(toys.api("HTTP", None, routes=routes), "/search")
    missing = {"body", "cookies", "pathParameters", "queryStringParameters", "stageVariables"}
    assert not missing & backend.event.keys()
    assert "authorizer" not in backend.event["requestContext"]
    assert backend.event["rawQueryString"] == ""


@pytest.mark.parametrize(
    ("content_type", "encoded"),
    [
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("text/plain", False),
        ("application/xml", False),
        ("application/x-www-form-urlencoded", True),
        ("application/octet-stream", True),
        (None, True),
    ],
)
def test_http_bodies_are_base64_unless_their_type_is_text(toys, content_type, encoded):
    """ministackorg/ministack#766, checked there against AWS."""
    backend = toys.backend()
    headers = {"Content-Type": content_type} if content_type else {}
    toys.send(toys.api("HTTP", None, backend), "/a", "POST", headers, body=b"a=1")
    event = backend.event
    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(b"a=1").decode() if encoded else "a=1")


def test_rest_bodies_are_text_or_base64(toys):
    backend = toys.backend()
    api = toys.api("REST", None, backend)
    toys.send(api, method="POST", body="Grüße".encode())
    toys.send(api, method="POST", body=b"\xff\x00")
    assert [(event["body"], event["isBase64Encoded"]) for event in backend.events] == [
        ("Grüße", False),
        ("/wA=", True),
    ]


def test_the_peer_is_appended_to_x_forwarded_for_and_source_ip_ignores_the_header(toys):
    """Anyone can write the header; only its last entry is the gateway's word."""
    recorder, gate = toys.gate(toys.policy())
    headers = (("x-forwarded-for", "6.6.6.6"), ("X-Forwarded-For", "7.7.7.7"), ("X-Forwarded-Proto", "gopher"))
    toys.send(toys.api("REST", gate), headers=headers, source_ip="192.0.2.1")
    assert recorder.event["multiValueHeaders"]["X-Forwarded-For"] == ["6.6.6.6, 7.7.7.7, 192.0.2.1"]
    assert recorder.event["requestContext"]["identity"]["sourceIp"] == "192.0.2.1"
    assert recorder.event["headers"]["X-Forwarded-Proto"] == "http"
    assert "x-forwarded-for" not in recorder.event["headers"]


def test_the_websocket_connect_event_has_an_arn_without_method_or_path():
    api = Api("abcdef1234", "HTTP", (Route("ANY", "$default", LambdaProxy(print)),), stage="live")
    request = HttpRequest("GET", "/live", "token=x", (("Host", "h"),), source_ip="192.0.2.1")
    event = websocket_connect_event(api, request, 1_674_162_806.345)
    assert event["methodArn"] == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/live/$connect"
    assert event["queryStringParameters"] == {"token": "x"}
    assert event["multiValueHeaders"] == {"Host": ["h"]}
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"], context["messageDirection"]) == ("$connect", "CONNECT", "IN")
    assert context["identity"] == {"sourceIp": "192.0.2.1"}
    assert context["requestTime"] == "19/Jan/2023:21:13:26 +0000"
    assert not {"path", "httpMethod", "pathParameters", "resource"} & event.keys()
