"""HTTP API authorizers: simple responses, policies, payloads 1.0 and 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import pytest


def simple(allowed, **context):
    return {"isAuthorized": allowed, "context": context}


def test_is_authorized_true_passes_and_nests_the_context_under_lambda(toys):
    _, gate = toys.gate(simple(True, text="a", number=1, flag=True, list=["a"], map={"k": 1}))
    backend = toys.backend()
    assert toys.send(toys.api("HTTP", gate, backend), "/search").status == 200
    assert backend.event["requestContext"]["authorizer"] == {
        "lambda": {"text": "a", "number": 1, "flag": True, "list": ["a"], "map": {"k": 1}}
    }


def test_is_authorized_false_is_a_403_with_a_fixed_body(toys):
    _, gate = toys.gate(simple(False, reason="quota_exceeded"))
    backend = toys.backend()
    response = toys.send(toys.api("HTTP", gate, backend), "/search")
    assert (response.status, response.body) == (403, b'{"message":"Forbidden"}')
    assert backend.called == 0


@pytest.mark.parametrize("output", [None, {}, {"isAuthorized": "true"}, {"isAuthorized": 1}, {"statusCode": 401}])
def test_malformed_output_is_a_500(toys, output):
    _, gate = toys.gate(output)
    response = toys.send(toys.api("HTTP", gate), "/search")
    assert (response.status, response.json()) == (500, {"message": "Internal Server Error"})


def test_an_exception_is_a_500(toys):
    _, gate = toys.gate(RuntimeError("boom"))
    assert toys.send(toys.api("HTTP", gate), "/search").status == 500


def test_the_exception_unauthorized_is_a_401(toys):
    """By report."""
    _, gate = toys.gate(Exception("Unauthorized"))
    response = toys.send(toys.api("HTTP", gate), "/search")
    assert (response.status, response.body) == (401, b'{"message":"Unauthorized"}')


def test_a_missing_identity_source_is_a_401_and_the_authorizer_is_not_called(toys):
    recorder, gate = toys.gate(
        simple(True), identity_sources=("$request.header.Authorization", "$request.querystring.key")
    )
    api = toys.api("HTTP", gate)
    assert toys.send(api, "/search?key=1").status == 401
    assert toys.send(api, "/search", headers={"Authorization": "x"}).status == 401
    assert toys.send(api, "/search?Key=1", headers={"Authorization": "x"}).status == 401
    assert recorder.called == 0
    assert toys.send(api, "/search?key=1", headers={"AUTHORIZATION": "x"}).status == 200
    assert recorder.event["identitySource"] == ["x", "1"]


def test_identity_sources_may_be_context_and_stage_variables(toys):
    recorder, gate = toys.gate(
        simple(True), identity_sources=("$context.routeKey", "$context.identity.sourceIp", "$stageVariables.kind")
    )
    api = toys.api("HTTP", gate, stage_variables={"kind": "demo"})
    toys.send(api, "/search", source_ip="192.0.2.9")
    assert recorder.event["identitySource"] == ["ANY /{proxy+}", "192.0.2.9", "demo"]


@pytest.mark.parametrize(("effect", "status"), [("Allow", 200), ("Deny", 403)])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_policy_decides_where_simple_responses_are_off(toys, version, effect, status):
    _, gate = toys.gate(toys.policy(effect), payload_version=version, simple_responses=False)
    assert toys.send(toys.api("HTTP", gate), "/search").status == status


def test_payload_1_0_has_no_simple_responses(toys):
    """Format 1.0 "must return an IAM policy"."""
    _, gate = toys.gate(simple(True), payload_version="1.0")
    assert toys.send(toys.api("HTTP", gate), "/search").status == 500
    _, gate = toys.gate(toys.policy(), payload_version="1.0")
    assert toys.send(toys.api("HTTP", gate), "/search").status == 200


def test_a_simple_response_where_a_policy_is_expected_is_a_500(toys):
    """aws-samples/aws-mcp-servers-samples#5."""
    _, gate = toys.gate(simple(True), simple_responses=False)
    assert toys.send(toys.api("HTTP", gate), "/search").status == 500


def test_an_authorizer_that_takes_over_ten_seconds_is_a_500(toys):
    """http-api-quotas: timeout for Lambda authorizer response, 10000 ms."""
    time = [0.0]

    def slow(seconds):
        def answer(event):
            time[0] += seconds
            return simple(True)

        return answer

    for seconds, status in [(9.9, 200), (10.0, 500)]:
        _, gate = toys.gate(slow(seconds))
        assert toys.send(toys.api("HTTP", gate), "/search", clock=lambda: time[0]).status == status


def test_request_line_and_headers_of_over_10240_bytes_are_refused(toys):
    """http-api-quotas: total combined size of request line and header values."""
    api = toys.api("HTTP", None)
    line = len("GET /search?q=1 HTTP/1.1")
    assert toys.send(api, "/search?q=1", headers={"A": "x" * (10_240 - line)}).status == 200
    assert toys.send(api, "/search?q=1", headers={"A": "x" * (10_241 - line)}).status == 431
