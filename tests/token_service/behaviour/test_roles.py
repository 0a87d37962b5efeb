"""What the template's roles may do: what their functions do, and nothing more."""

import inspect
import re

import pytest

from tests.support.policy import actions, allowed
from tests.support.template import TEMPLATE
from token_service.users import cognito

PUBLIC = {"sign_up", "resend_confirmation_code", "forgot_password", "confirm_sign_up", "confirm_forgot_password"}
"""Operations of Cognito that no policy can allow: they want the hash of the client's secret."""
WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")


@pytest.mark.parametrize("action", [*WRITES, "dynamodb:ConditionCheckItem"])
@pytest.mark.parametrize(
    ("key", "may"),
    [
        ("user#u", True),
        ("ip#h", True),
        ("email#h", True),
        ("code#h", True),
        ("razorpay#order_1", True),
        ("solution#s", False),
        ("api#a", False),
        ("origin#https://example.com", False),
        ("keyring", False),
    ],
)
def test_the_token_service_writes_users_addresses_codes_and_payments_alone(action: str, key: str, may: bool) -> None:
    assert allowed("TokenServiceRole", action, {"dynamodb:LeadingKeys": [key]}) is may


def test_the_authorizer_updates_users_and_visitors_alone() -> None:
    for key, may in (("user#u", True), ("ip#h", True), ("email#h", False), ("code#h", False), ("keyring", False)):
        assert allowed("AuthorizerRole", "dynamodb:UpdateItem", {"dynamodb:LeadingKeys": [key]}) is may
    assert actions("AuthorizerRole", "dynamodb") == {"dynamodb:GetItem", "dynamodb:UpdateItem"}
    assert actions("AuthorizerRole", "cognito-idp") == actions("AuthorizerRole", "kms") == set()


@pytest.mark.parametrize(
    ("action", "key", "attributes", "may"),
    [
        ("UpdateItem", "user#u", ["pk", "sk", "counted"], True),
        ("UpdateItem", "user#u", ["pk", "sk", "counted", "plan"], False),
        ("PutItem", "user#u", ["pk", "sk", "counted"], False),
        ("PutItem", "use#u", ["pk", "sk", "used"], True),
        ("UpdateItem", "usage#s#1", ["pk", "sk", "users"], True),
        ("UpdateItem", "solution#s", ["counted"], False),
        ("DeleteItem", "use#u", ["pk"], False),
    ],
)
def test_the_usage_function_writes_days_and_of_a_user_the_mark_alone(
    action: str, key: str, attributes: list[str], may: bool
) -> None:
    context = {"dynamodb:LeadingKeys": [key], "dynamodb:Attributes": attributes}
    assert allowed("UsageRole", f"dynamodb:{action}", context) is may


def test_the_token_service_may_call_of_cognito_what_it_calls() -> None:
    called = set(re.findall(r'_(?:call|ending|mail)\(\s*"(\w+)"', inspect.getsource(cognito)))
    assert called >= PUBLIC
    named = {"cognito-idp:" + "".join(map(str.capitalize, operation.split("_"))) for operation in called - PUBLIC}
    assert actions("TokenServiceRole", "cognito-idp") == named


def test_the_clients_secret_is_in_no_variable_and_no_output() -> None:
    client = TEMPLATE["Resources"]["UserPoolClient"]["Properties"]
    assert client["GenerateSecret"] is True
    assert client["ExplicitAuthFlows"] == ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert (client["IdTokenValidity"], client["TokenValidityUnits"]["IdToken"]) == (60, "minutes")
    assert "ClientSecret" not in repr(TEMPLATE)
    readers = [
        name
        for name in TEMPLATE["Resources"]
        if name.endswith("Role") and "cognito-idp:DescribeUserPoolClient" in actions(name)
    ]
    assert readers == ["TokenServiceRole"]


@pytest.mark.parametrize("action", WRITES)
def test_the_job_of_payments_writes_users_and_payments_alone(action: str) -> None:
    for key, may in (
        ("user#u", True),
        ("razorpay#order_1", True),
        ("ip#h", False),
        ("email#h", False),
        ("keyring", False),
    ):
        assert allowed("PaymentsRole", action, {"dynamodb:LeadingKeys": [key]}) is may
    assert actions("PaymentsRole", "kms") == actions("PaymentsRole", "cognito-idp") == set()


def test_who_reads_razorpays_secret_reads_no_other() -> None:
    readers = [
        name
        for name in TEMPLATE["Resources"]
        if name.endswith("Role") and "secretsmanager:GetSecretValue" in actions(name)
    ]
    assert sorted(readers) == ["PaymentsRole", "TokenServiceRole"]
