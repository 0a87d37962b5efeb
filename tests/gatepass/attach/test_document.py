"""Every value of a resource comes back from its JSON as it was, and nothing else is taken for one."""

import json
from typing import Any

import pytest

from gatepass.attach.document import value_from_json, value_to_json
from gatepass.attach.resources import (
    GATE,
    BackendMethod,
    CorsConfiguration,
    CustomResponse,
    FunctionPermission,
    GateIntegration,
    HttpAuthorizer,
    NarrowPermission,
    PreflightMock,
    PreflightState,
    ResourceKind,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    RouteTarget,
    SolutionLink,
    StageDeployment,
    WebSocketAuthorizer,
)

K = ResourceKind
VALUES: list[tuple[ResourceKind, ResourceValue | None]] = [
    *((kind, None) for kind in ResourceKind),
    (K.LINK, SolutionLink("search")),
    (K.LINK, SolutionLink("search", {"policy_responses": True})),
    *((K.PERMISSION, permission) for permission in FunctionPermission),
    (K.PERMISSION, NarrowPermission({"Action": "lambda:InvokeFunction", "SourceArn": "arn:…"})),
    (K.AUTHORIZER, RestAuthorizer("REQUEST", "arn:…", 300, "method.request.header.a,context.b")),
    (K.AUTHORIZER, WebSocketAuthorizer("REQUEST", "arn:…", ("route.request.header.a",))),
    (K.AUTHORIZER, HttpAuthorizer("REQUEST", "arn:…", ("$request.header.a", "$context.b"), 300, "1.0", False)),
    (K.CORS, CorsConfiguration({"AllowOrigins": ["*"], "AllowCredentials": False, "MaxAge": 0})),
    (K.INTEGRATION, GateIntegration("arn:…")),
    *((K.PREFLIGHT, state) for state in PreflightState),
    (K.PREFLIGHT, PreflightMock({"Access-Control-Allow-Origin": "*"})),
    (K.PREFLIGHT, BackendMethod({"apiKeyRequired": True}, "op", [{"statusCode": "200"}], {"type": "HTTP"}, [])),
    (K.PREFLIGHT, RouteTarget("integrations/abc")),
    (K.RESPONSE, CustomResponse("", {}, {"application/json": "{}"})),
    (K.ROUTE, RouteAuthorization("NONE")),
    (K.ROUTE, RouteAuthorization("CUSTOM", GATE)),
    (K.ROUTE, RouteAuthorization("JWT", "abc", ("write", "read"))),
    (K.DEPLOYMENT, StageDeployment("abc")),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=str)
def test_a_value_comes_back(kind: ResourceKind, value: ResourceValue | None) -> None:
    assert value_from_json(kind, json.loads(json.dumps(value_to_json(value)))) == value


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (K.PERMISSION, "everybody"),
        (K.LINK, {}),
        (K.ROUTE, {"type": "NONE"}),
        (K.RESPONSE, {"status": "403"}),
        (K.AUTHORIZER, {}),
    ],
)
def test_what_is_no_value_is_refused(kind: ResourceKind, facts: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        value_from_json(kind, facts)


def test_an_empty_template_that_was_recorded_as_null_is_empty() -> None:
    facts = {"status": "", "headers": {}, "templates": {"application/json": None}}
    assert value_from_json(K.RESPONSE, facts) == CustomResponse("", {}, {"application/json": ""})
