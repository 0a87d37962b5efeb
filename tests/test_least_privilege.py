"""Each function's role allows the calls that its code can make: none is missing, and none is more."""

import ast
import re
from functools import cache
from typing import Any

import pytest

from tests.support import reachable_calls
from tests.support.policy import actions, statements
from tests.support.reachable_calls import SERVICES, Reached, clients, difference
from tests.support.template import TEMPLATE

FUNCTIONS: dict[str, Any] = {
    name: one["Properties"] for name, one in TEMPLATE["Resources"].items() if one["Type"] == "AWS::Serverless::Function"
}
NO_POLICY = {
    f"cognito-idp:{name}"
    for name in ("SignUp", "ConfirmSignUp", "ResendConfirmationCode", "ForgotPassword", "ConfirmForgotPassword")
}
"""No policy allows them: they want the hash of the client's secret.
https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html
"""
ALONG = {"kms:CreateKey": {"kms:TagResource"}}
"""What a call needs besides: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html (required permissions)."""
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
"""https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html"""


def of_lambda(function: dict[str, Any]) -> set[str]:
    """What Lambda does in the function's role: writes logs, reads a stream, sets failures aside."""
    text = repr(function)
    events = {one["Type"] for one in function.get("Events", {}).values()}
    set_aside = {"sqs:SendMessage"} if "'OnFailure': {'Type': 'SQS'" in text else set()
    return LOGS | (STREAM if "DynamoDB" in events else set()) | set_aside


def needed_now(name: str) -> set[str]:
    """The actions that a function needs."""
    called = Reached(FUNCTIONS[name]["Handler"]).actions() - NO_POLICY
    along = {action for call in called for action in ALONG.get(call, ())}
    return called | along | of_lambda(FUNCTIONS[name])


needed = cache(needed_now)
"""The same, of the code as it is."""


def role(name: str) -> str:
    """The function's role, by logical ID."""
    return str(FUNCTIONS[name]["Role"]["GetAtt"]).removesuffix(".Arn")


@pytest.mark.long
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_allows_what_its_function_calls_and_nothing_else(name: str) -> None:
    assert difference(needed(name), actions(role(name))) == (set(), set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_action_that_is_missing_or_more_is_found(name: str) -> None:
    granted = actions(role(name))
    wanted = needed(name)
    for action in granted:
        assert difference(wanted, granted - {action}) == ({action}, set())
    for action in ("dynamodb:Scan", "kms:Decrypt", "dynamodb:*", "s3:GetObject"):
        assert difference(wanted, granted | {action}) == (set(), {action})


CALLS = {
    "Authorizer": ("authorizer.dynamodb", '"UpdateItem"', '"PutItem"', {"dynamodb:PutItem"}),
    "TokenService": ("token_service.signing.kms", '"generate_mac"', '"verify_mac"', {"kms:VerifyMac"}),
    "Payments": ("token_service.access.grants", '"Delete"', '"ConditionCheck"', {"dynamodb:ConditionCheckItem"}),
    "Usage": ("token_service.stream_handler", ".put_events(", ".put_rule(", {"events:PutRule"}),
    "KeyRotation": ("token_service.signing.kms", '"get_public_key"', '"describe_key"', {"kms:DescribeKey"}),
    "Watch": ("token_service.decided_share", '"list_metrics"', '"list_dashboards"', {"cloudwatch:ListDashboards"}),
}
"""A call of each function, and another one in its place."""


@pytest.mark.long
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_call_that_is_new_in_the_code_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, call, other, more = CALLS[name]
    text = reachable_calls.source(module) or ""
    assert call in text
    monkeypatch.setitem(reachable_calls.TREES, module, ast.parse(text.replace(call, other)))
    assert difference(needed_now(name), actions(role(name)))[0] == more


def test_every_service_of_which_a_client_is_made_is_looked_at() -> None:
    made = set().union(*(clients(one["Handler"]) for one in FUNCTIONS.values()))
    assert made <= set(SERVICES)
    assert {"dynamodb", "kms", "cognito-idp", "events", "secretsmanager", "apigateway"} <= made


def test_no_role_names_an_action_by_a_wildcard_or_every_resource_where_one_can_be_named() -> None:
    everywhere = {
        "dynamodb:ListStreams",
        "kms:CreateKey",
        "kms:TagResource",
        "cloudwatch:ListMetrics",
        "cloudwatch:GetMetricData",
    }
    """They know no resource, or none that exists before the call."""
    for name in FUNCTIONS:
        for statement in statements(role(name)):
            named = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any(re.search(r"[*?]", action) for action in named), statement
            if statement["Resource"] == "*":
                assert set(named) <= everywhere, statement
