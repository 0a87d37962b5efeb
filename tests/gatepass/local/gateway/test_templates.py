"""Gateway responses of REST APIs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import pytest

from gatepass.local.gateway import GatewayResponse, LambdaProxy, ResponseType, Route


def test_the_context_of_a_deny_shows_in_the_template(toys):
    _, gate = toys.gate(toys.policy("Deny", reason="quota_exceeded", used=3))
    names = {"reason": "reason", "used": "used", "who": "principalId"}
    template = "{" + ",".join(f'"{name}":"$context.authorizer.{key}"' for name, key in names.items()) + "}"
    api = toys.api("REST", gate, gateway_responses={"ACCESS_DENIED": GatewayResponse(template=template)})
    response = toys.send(api)
    assert response.status == 403
    assert response.json() == {"reason": "quota_exceeded", "used": "3", "who": "someone"}
    assert response.header("Content-Type") == "application/json"


def test_a_context_shows_after_a_policy_that_matches_nothing_too(toys):
    _, gate = toys.gate(toys.policy("Allow", "arn:aws:s3:::x", reason="elsewhere"))
    response = GatewayResponse(template="$context.authorizer.reason")
    assert toys.send(toys.api("REST", gate, gateway_responses={"ACCESS_DENIED": response})).body == b"elsewhere"


def test_an_exception_leaves_no_context_behind(toys):
    _, gate = toys.gate(Exception("Unauthorized"))
    response = GatewayResponse(
        template='{"reason":"$context.authorizer.reason","message":$context.error.messageString}'
    )
    api = toys.api("REST", gate, gateway_responses={"UNAUTHORIZED": response})
    assert toys.send(api).json() == {"reason": "", "message": "Unauthorized"}


def test_templates_escape_nothing(toys):
    """The templates are "not processed by the VTL engine": a quote in a value breaks the JSON around it."""
    _, gate = toys.gate(toys.policy("Deny", reason='say "no"'))
    response = GatewayResponse(template='{"reason":"$context.authorizer.reason"}')
    api = toys.api("REST", gate, gateway_responses={"ACCESS_DENIED": response})
    assert toys.send(api).body == b'{"reason":"say "no""}'


def test_message_is_bare_and_message_string_is_quoted(toys):
    response = GatewayResponse(
        template="$context.error.message|$context.error.messageString|$context.error.responseType"
    )
    _, gate = toys.gate(Exception("Unauthorized"))
    api = toys.api("REST", gate, gateway_responses={"DEFAULT_4XX": response})
    assert toys.send(api).body == b'Unauthorized|"Unauthorized"|UNAUTHORIZED'


def test_the_null_message_of_a_broken_authorizer_stays_null(toys):
    _, gate = toys.gate(Exception("boom"))
    api = toys.api("REST", gate, gateway_responses={"DEFAULT_5XX": GatewayResponse()})
    assert toys.send(api).body == b'{"message":null}'


def test_request_and_stage_variables_are_at_hand(toys):
    template = (
        "$context.httpMethod $context.path $context.resourcePath $context.stage $context.apiId "
        "$context.identity.sourceIp $stageVariables.team [$context.nothing] [$context.identity] $other"
    )
    _, gate = toys.gate(toys.policy("Deny"))
    api = toys.api(
        "REST",
        gate,
        gateway_responses={"ACCESS_DENIED": GatewayResponse(template=template)},
        stage_variables={"team": "red"},
    )
    assert (
        toys.send(api, source_ip="192.0.2.1").body.decode()
        == "GET /prod/search /{proxy+} prod abcdef1234 192.0.2.1 red [] [] $other"
    )


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        ("deny", ResponseType.ACCESS_DENIED, 403),
        (Exception("Unauthorized"), ResponseType.UNAUTHORIZED, 401),
        (Exception("boom"), ResponseType.AUTHORIZER_CONFIGURATION_ERROR, 500),
    ],
)
def test_each_type_has_its_status_headers_and_template(toys, answer, kind, status):
    _, gate = toys.gate(toys.policy("Deny") if answer == "deny" else answer)
    custom = GatewayResponse(headers={"Access-Control-Allow-Origin": "'*'"}, template=f"mine {kind}")
    fallback = GatewayResponse(418, template="fallback")
    responses = {kind: custom, "DEFAULT_4XX": fallback, "DEFAULT_5XX": fallback}
    response = toys.send(toys.api("REST", gate, gateway_responses=responses))
    assert (response.status, response.body.decode()) == (status, f"mine {kind}")
    assert response.header("Access-Control-Allow-Origin") == "*"
    # A type without its own response takes the default's, and its status.
    del responses[kind]
    response = toys.send(toys.api("REST", gate, gateway_responses=responses))
    assert (response.status, response.body) == (418, b"fallback")


def test_a_default_without_a_status_keeps_the_types_own(toys):
    _, gate = toys.gate(Exception("Unauthorized"))
    api = toys.api("REST", gate, gateway_responses={"DEFAULT_4XX": GatewayResponse(template="x")})
    assert toys.send(api).status == 401


def test_the_status_of_a_type_is_fixed_by_its_response(toys):
    _, gate = toys.gate(toys.policy("Deny"))
    api = toys.api("REST", gate, gateway_responses={"ACCESS_DENIED": GatewayResponse(429)})
    assert toys.send(api).status == 429


def test_missing_authentication_token_answers_unknown_methods_and_paths(toys):
    """ "including the cases when the client attempts to invoke an unsupported API method or resource"."""
    routes = (Route("GET", "/search", LambdaProxy(toys.backend())),)
    plain = toys.api("REST", None, routes=routes)
    for method, path in [("POST", "/prod/search"), ("GET", "/prod/other"), ("GET", "/prod")]:
        response = toys.send(plain, path, method)
        assert (response.status, response.json()) == (403, {"message": "Missing Authentication Token"})
    custom = GatewayResponse(404, template="nothing here")
    api = toys.api("REST", None, routes=routes, gateway_responses={"MISSING_AUTHENTICATION_TOKEN": custom})
    response = toys.send(api, "/prod/other")
    assert (response.status, response.body) == (404, b"nothing here")


def test_headers_are_literals_request_parameters_or_variables(toys):
    """api-gateway-swagger-extensions-gateway-responses.responseParameters."""
    _, gate = toys.gate(toys.policy("Deny", plan="free"))
    headers = {
        "A": "'quoted'",
        "B": "bare",
        "C": "method.request.header.Origin",
        "D": "method.request.querystring.q",
        "E": "method.request.path.proxy",
        "F": "context.authorizer.plan",
        "G": "method.request.header.None",
        "Content-Type": "'text/plain'",
    }
    api = toys.api("REST", gate, gateway_responses={"ACCESS_DENIED": GatewayResponse(headers=headers)})
    response = toys.send(api, "/prod/a/b?q=1", headers={"origin": "https://a.example"})
    values = [response.header(name) for name in ("A", "B", "C", "D", "E", "F", "G", "Content-Type")]
    assert values == ["quoted", "bare", "https://a.example", "1", "a/b", "free", "", "text/plain"]


def test_the_413_cannot_be_customized(toys):
    """api-gateway-known-issues."""
    api = toys.api("REST", None, gateway_responses={"DEFAULT_4XX": GatewayResponse(418)})
    assert toys.send(api, method="POST", body=b"x" * (10 * 1024 * 1024 + 1)).status == 413
    assert toys.send(api, method="POST", body=b"x" * (10 * 1024 * 1024)).status == 200


def test_another_stage_is_forbidden(toys):
    api = toys.api("REST", None)
    for path in ("/", "/search", "/production/search", "/test/search"):
        response = toys.send(api, path)
        assert (response.status, response.json()) == (403, {"message": "Forbidden"})


def test_text_that_utf_8_cannot_write_does_not_cost_the_answer(toys):
    _, gate = toys.gate(toys.policy("Deny", k="\ud800"))
    responses = {"ACCESS_DENIED": GatewayResponse(template="<$context.authorizer.k>")}
    response = toys.send(toys.api("REST", gate, gateway_responses=responses))
    assert (response.status, response.body) == (403, b"<?>")
