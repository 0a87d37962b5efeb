"""IAM evaluation.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import pytest

from gatepass.local.gateway.policy import MalformedPolicyError, PolicyOutcome, evaluate, parse_policy, resource_matches

ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/items/a:b/c"


def statement(effect="Allow", action="execute-api:Invoke", resource=ARN, **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def decide(*statements):
    return evaluate(parse_policy({"Version": "2012-10-17", "Statement": list(statements)}), ARN)


@pytest.mark.parametrize(
    "pattern",
    [
        ARN,
        "*",
        "arn:*",
        "arn:aws:execute-api:*",
        "arn:aws:execute-api:*:*:*",
        "arn:aws:execute-api:us-east-1:*:abcdef1234/*",
        "arn:aws:execute-api:us-*-1:123456789012:abcdef1234/prod/GET/*",
        "arn:aws:execute-api:us-east-?:123456789012:abcdef1234/*/*/items/*",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/???/items/a?b/c",
        "arn:aws:execute-api:us-east-1:123456789012:abc*1234/prod/*/c",
    ],
)
def test_these_patterns_cover_the_arn(pattern):
    assert resource_matches(pattern, ARN)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ARN[:-1],
        ARN + "/d",
        ARN.upper(),
        "arn:aws-cn:execute-api:us-east-1:123456789012:abcdef1234/*",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/POST/*",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/??/items/*",
        "arn:aws:execute-api:u*2:abcdef1234/*",  # a wildcard within a segment stays in it
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/items/a",  # split(":") cuts here
        "arn.aws.execute-api.us-east-1.123456789012.abcdef1234/prod/GET/items/a:b/c",
    ],
)
def test_these_patterns_do_not(pattern):
    assert not resource_matches(pattern, ARN)


def test_nothing_is_allowed_without_a_matching_allow():
    assert decide() is PolicyOutcome.UNMATCHED
    assert decide(statement(resource="arn:aws:s3:::bucket")) is PolicyOutcome.UNMATCHED


def test_an_explicit_deny_wins_in_any_order():
    assert decide(statement("Deny"), statement()) is PolicyOutcome.DENIED
    assert decide(statement(resource="*"), statement("Deny", resource=["x", ARN])) is PolicyOutcome.DENIED


def test_a_deny_of_another_method_does_not_matter():
    assert decide(statement(), statement("Deny", resource=ARN.replace("GET", "POST"))) is PolicyOutcome.ALLOWED


@pytest.mark.parametrize(
    "action", ["execute-api:Invoke", "EXECUTE-API:invoke", "execute-api:*", "*", "execute-api:Inv?ke", ["x:y", "*"]]
)
def test_these_actions_invoke(action):
    assert decide(statement(action=action)) is PolicyOutcome.ALLOWED


@pytest.mark.parametrize("action", ["execute-api:InvalidateCache", "lambda:*", "execute-api", "Invoke"])
def test_these_actions_do_not(action):
    assert decide(statement(action=action)) is PolicyOutcome.UNMATCHED


def test_not_resource_and_not_action_are_understood():
    base = {"Effect": "Allow", "Action": "execute-api:Invoke"}
    assert decide({**base, "NotResource": "arn:aws:s3:::bucket"}) is PolicyOutcome.ALLOWED
    assert decide({**base, "NotResource": ARN}) is PolicyOutcome.UNMATCHED
    assert decide({"Effect": "Allow", "NotAction": "execute-api:*", "Resource": "*"}) is PolicyOutcome.UNMATCHED


def test_a_single_statement_may_stand_without_a_list():
    assert evaluate(parse_policy({"Statement": statement()}), ARN) is PolicyOutcome.ALLOWED


@pytest.mark.parametrize(
    "bad",
    [
        statement(effect="Permit"),
        statement(resource=[]),
        statement(resource=7),
        statement(NotResource="*"),
        statement(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
        statement(resource="a" * 513),
        {"Effect": "Allow", "Resource": "*"},
        "Allow",
    ],
)
def test_what_cannot_be_evaluated_is_refused_and_not_guessed(bad):
    with pytest.raises(MalformedPolicyError):
        decide(bad)
