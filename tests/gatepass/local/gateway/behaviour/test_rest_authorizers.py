"""REST authorizers: what gives 200, 401, 403, 414 and 500.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

import logging

import pytest

TOKEN = {"type": "TOKEN", "identity_sources": ("method.request.header.Authorization",)}


def test_an_allowed_request_reaches_the_integration(toys):
    recorder, gate = toys.gate(toys.policy())
    backend = toys.backend()
    response = toys.send(toys.api("REST", gate, backend))
    assert (response.status, response.body, recorder.called, backend.called) == (200, b"hello", 1, 1)


def test_a_missing_identity_source_is_a_401_and_the_authorizer_is_not_called(toys):
    """API_Authorizer, `identitySource`: present, not null, not empty, or 401 without a call."""
    recorder, gate = toys.gate(
        toys.policy(),
        identity_sources=("method.request.header.Authorization", "method.request.querystring.key"),
    )
    backend = toys.backend()
    api = toys.api("REST", gate, backend)
    for path, headers in [
        ("/prod/search", {}),
        ("/prod/search?key=1", {}),
        ("/prod/search", {"Authorization": "x"}),
        ("/prod/search?key=", {"Authorization": "x"}),
        ("/prod/search?key=1", {"Authorization": ""}),
        ("/prod/search?KEY=1", {"Authorization": "x"}),
    ]:
        response = toys.send(api, path, headers=headers)
        assert (response.status, response.json()) == (401, {"message": "Unauthorized"})
    assert recorder.called == backend.called == 0
    assert toys.send(api, "/prod/search?key=1", headers={"authorization": "x"}).status == 200


def test_without_identity_sources_an_anonymous_request_reaches_the_authorizer(toys):
    """What an anonymous tier needs (serverless/serverless#10168)."""
    recorder, gate = toys.gate(toys.policy())
    assert toys.send(toys.api("REST", gate)).status == 200
    assert recorder.called == 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}])
def test_a_token_authorizer_without_a_token_is_a_401(toys, headers):
    """api-gateway-lambda-authorizer-input: an empty token is the same as unauthorized."""
    recorder, gate = toys.gate(toys.policy(), **TOKEN)
    assert toys.send(toys.api("REST", gate), headers=headers).status == 401
    assert recorder.called == 0


def test_the_exception_unauthorized_is_a_401(toys):
    _, gate = toys.gate(Exception("Unauthorized"))
    response = toys.send(toys.api("REST", gate))
    assert (response.status, response.json()) == (401, {"message": "Unauthorized"})
    assert response.header("x-amzn-ErrorType") == "UnauthorizedException"


@pytest.mark.parametrize("message", ["unauthorized", "Unauthorized.", "Unauthorized: expired", "", "boom"])
def test_any_other_exception_is_a_500(toys, message):
    """auth0-samples/jwt-rsa-aws-custom-authorizer#6: the message decides, and the whole of it."""
    _, gate = toys.gate(Exception(message))
    backend = toys.backend()
    response = toys.send(toys.api("REST", gate, backend))
    assert (response.status, response.json()) == (500, {"message": None})
    assert response.header("x-amzn-ErrorType") == "AuthorizerConfigurationException"
    assert backend.called == 0


GOOD = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}


@pytest.mark.parametrize(
    "output",
    [
        None,
        "Unauthorized",
        [],
        {"statusCode": 401},  # serverless/examples#305
        {"isAuthorized": True},
        {"principalId": "x"},
        {"principalId": "x", "policyDocument": {}},
        {"principalId": "x", "policyDocument": {"Statement": "Allow"}},
        {"policyDocument": {"Statement": [GOOD]}},
        {"principalId": 7, "policyDocument": {"Statement": [GOOD]}},
        {"principalId": "x", "policyDocument": {"Statement": [GOOD | {"Effect": "allow"}]}},
        {"principalId": "x", "policyDocument": {"Statement": [GOOD | {"Condition": {}}]}},
        {"principalId": "x", "policyDocument": {"Statement": [GOOD | {"Resource": "a" * 513}]}},
        {"principalId": "x", "policyDocument": {"Statement": [GOOD]}, "context": "text"},
        {"principalId": "x", "policyDocument": {"Statement": [GOOD]}, "context": {"n": float("nan")}},
        {"principalId": b"x", "policyDocument": {"Statement": [GOOD]}},
    ],
)
def test_malformed_output_is_a_500(toys, output):
    _, gate = toys.gate(output)
    assert toys.send(toys.api("REST", gate)).status == 500


def test_the_output_those_are_variations_of_is_well_formed(toys):
    _, gate = toys.gate({"principalId": "x", "policyDocument": {"Statement": [GOOD]}, "context": {}})
    assert toys.send(toys.api("REST", gate)).status == 200


def test_an_explicit_deny_is_a_403(toys):
    _, gate = toys.gate(toys.policy("Deny"))
    backend = toys.backend()
    response = toys.send(toys.api("REST", gate, backend))
    assert response.status == 403
    assert response.json()["Message"].endswith("with an explicit deny")
    assert response.header("x-amzn-ErrorType") == "AccessDeniedException"
    assert backend.called == 0


@pytest.mark.parametrize("resource", ["arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/other", "x"])
def test_a_policy_that_matches_nothing_is_a_403(toys, resource):
    """aws/chalice#971."""
    _, gate = toys.gate(toys.policy("Allow", resource))
    response = toys.send(toys.api("REST", gate))
    assert (response.status, response.json()) == (403, {"Message": "User is not authorized to access this resource"})


def test_an_empty_statement_list_is_a_403(toys):
    """aws/chalice#971: no routes, hence nothing allowed."""
    _, gate = toys.gate({"principalId": "x", "policyDocument": {"Statement": []}})
    assert toys.send(toys.api("REST", gate)).status == 403


def test_numbers_and_booleans_in_the_context_become_strings(toys):
    """api-gateway-lambda-authorizer-output: "The returned values are all stringified."."""
    _, gate = toys.gate(toys.policy(text="a", whole=7, part=1.5, yes=True, no=False, empty=""))
    backend = toys.backend()
    toys.send(toys.api("REST", gate, backend))
    assert backend.event["requestContext"]["authorizer"] == {
        "principalId": "someone",
        "text": "a",
        "whole": "7",
        "part": "1.5",
        "yes": "true",
        "no": "false",
        "empty": "",
    }


@pytest.mark.parametrize("value", [[], ["a"], {}, {"a": 1}, None])
def test_an_array_or_object_in_the_context_is_a_500(toys, value):
    """aws/chalice#1636; "you cannot set a JSON object or array as a valid value"."""
    _, gate = toys.gate(toys.policy(bad=value))
    backend = toys.backend()
    assert toys.send(toys.api("REST", gate, backend)).status == 500
    assert backend.called == 0


def test_a_method_arn_of_over_1600_bytes_is_a_414_and_the_authorizer_is_not_called(toys):
    """api-gateway-lambda-authorizer-output: 414 Request URI too long."""
    recorder, gate = toys.gate(toys.policy("Allow", "*"))
    api = toys.api("REST", gate)
    prefix = len("arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/")
    assert toys.send(api, "/prod/" + "a" * (1600 - prefix)).status == 200
    assert toys.send(api, "/prod/" + "a" * (1601 - prefix)).status == 414
    assert recorder.called == 1


def test_a_long_path_without_an_authorizer_is_fine(toys):
    assert toys.send(toys.api("REST", None), "/prod/" + "a" * 2000).status == 200


def test_header_values_of_over_10240_bytes_are_refused(toys):
    """api-gateway-execution-service-limits-table: total combined size of all header values."""
    recorder, gate = toys.gate(toys.policy())
    api = toys.api("REST", gate)
    assert toys.send(api, headers={"A": "x" * 10_000, "B": "x" * 240}).status == 200
    assert toys.send(api, headers={"A": "x" * 10_000, "B": "x" * 241}).status == 431
    assert recorder.called == 1


def test_the_authorizer_cannot_reach_into_the_gateway_through_its_event(toys):
    """Lambda passes JSON: what a function does to its event stays with it."""

    def spoil(event):
        answer = toys.policy()(event)
        event["headers"].clear()
        event["requestContext"]["identity"]["sourceIp"] = "6.6.6.6"
        return answer

    _, gate = toys.gate(spoil)
    backend = toys.backend()
    toys.send(toys.api("REST", gate, backend), headers={"A": "1"}, source_ip="192.0.2.1")
    assert backend.event["headers"]["A"] == "1"
    assert backend.event["requestContext"]["identity"]["sourceIp"] == "192.0.2.1"


def test_a_failing_authorizer_is_logged_without_what_it_said(toys, caplog):
    """Messages of an authorizer may hold tokens, headers and addresses."""
    _, gate = toys.gate(ValueError("gp1_secret from 192.0.2.1"))
    with caplog.at_level(logging.DEBUG):
        toys.send(toys.api("REST", gate), headers={"Authorization": "gp1_secret"}, source_ip="192.0.2.1")
    assert "ValueError" in caplog.text
    assert "gp1_secret" not in caplog.text
    assert "192.0.2.1" not in caplog.text


def test_the_lambda_context_has_what_python_handlers_use(toys):
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""
    recorder, gate = toys.gate(toys.policy())
    toys.send(toys.api("REST", gate, partition="aws-cn", region="cn-north-1"))
    (context,) = recorder.contexts
    assert context.function_name == "Recorder"
    assert context.invoked_function_arn == "arn:aws-cn:lambda:cn-north-1:123456789012:function:Recorder"
    assert context.get_remaining_time_in_millis() == 29_000
    assert context.aws_request_id
    assert int(context.memory_limit_in_mb) > 0


@pytest.mark.parametrize("type", ["REST", "HTTP"])
def test_an_authorizer_that_exits_is_a_500_whatever_it_says(toys, type):
    def leave(event):
        raise SystemExit("Unauthorized")

    _, gate = toys.gate(leave)
    assert toys.send(toys.api(type, gate)).status == 500
