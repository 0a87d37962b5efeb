"""Each setting of a user pool that would open a way past Gatepass, or close Gatepass's own, is found and explained."""

from typing import Any

import pytest

from gatepass.pool_check import check_pool
from tests.support import emulators
from tests.support.template import TEMPLATE

POOL: dict[str, Any] = {
    "UsernameAttributes": ["email"],
    "SchemaAttributes": [
        {"Name": "sub", "Mutable": False},
        {"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": False},
    ],
    "UsernameConfiguration": {"CaseSensitive": False},
    "AutoVerifiedAttributes": ["email"],
    "AccountRecoverySetting": {
        "RecoveryMechanisms": [
            {"Name": "verified_phone_number", "Priority": 2},
            {"Name": "verified_email", "Priority": 1},
        ]
    },
    "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False},
    "MfaConfiguration": "OFF",
    "LambdaConfig": {"PostConfirmation": "arn:aws:lambda:eu-west-1:111122223333:function:welcome"},
    "Domain": "example",
}
OURS: dict[str, Any] = {
    "ClientId": "ours",
    "ClientName": "gatepass",
    "ClientSecret": "hush",
    "ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
    "PreventUserExistenceErrors": "ENABLED",
    "SupportedIdentityProviders": ["COGNITO"],
    "AllowedOAuthFlowsUserPoolClient": False,
}
OTHER = OURS | {"ClientId": "other", "ClientName": "the old page"}
TRIGGER = {"PreSignUp": "arn:aws:lambda:eu-west-1:111122223333:function:confirm"}
PAGES = {"AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["code"]}
MISSING = object()


def changed(before: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (before | changes).items() if value is not MISSING}


def findings(pool: dict[str, Any], *clients: dict[str, Any]) -> list[tuple[bool, str]]:
    return [(finding.fault, str(finding)) for finding in check_pool(pool, clients or (OURS,), "ours")]


def test_a_good_pool_has_nothing_to_say_about() -> None:
    assert findings(POOL, OURS, OTHER) == []


def of_the_template(resource: str) -> dict[str, Any]:
    """The properties of a resource, under the names by which they are described: one alone differs."""
    properties = dict(TEMPLATE["Resources"][resource]["Properties"])
    return properties | {"SchemaAttributes": properties.get("Schema", [])}


def test_the_stacks_own_pool_passes() -> None:
    assert findings(of_the_template("UserPool")) == []


def test_the_stacks_own_client_passes() -> None:
    client = of_the_template("UserPoolClient")
    secret = {"ClientSecret": "hush"} if client.get("GenerateSecret") else {}
    assert findings(POOL, client | secret | {"ClientId": "ours"}) == []


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        ({"UsernameAttributes": MISSING}, "not the user name", "makes a pool"),
        ({"UsernameAttributes": ["phone_number"], "AliasAttributes": ["email"]}, "not the user name", "makes a pool"),
        ({"SchemaAttributes": [{"Name": "email", "Mutable": True}]}, "change their email address", "makes a pool"),
        ({"SchemaAttributes": [{"Name": "email"}]}, "change their email address", "makes a pool"),
        ({"SchemaAttributes": MISSING}, "change their email address", "makes a pool"),
        ({"UsernameConfiguration": {"CaseSensitive": True}}, "two spellings", "makes a pool"),
        ({"UsernameConfiguration": MISSING}, "two spellings", "makes a pool"),
        ({"AutoVerifiedAttributes": ["phone_number"]}, "no code is mailed", "AutoVerifiedAttributes"),
        ({"AutoVerifiedAttributes": MISSING}, "no code is mailed", "AutoVerifiedAttributes"),
        (
            {"VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_LINK"}},
            "by a link",
            "CONFIRM_WITH_CODE",
        ),
        ({"AccountRecoverySetting": MISSING}, "verified email address first", "priority 1"),
        (
            {"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]}},
            "verified email address first",
            "priority 1",
        ),
        (
            {
                "AccountRecoverySetting": {
                    "RecoveryMechanisms": [
                        {"Name": "verified_email", "Priority": 2},
                        {"Name": "verified_phone_number", "Priority": 1},
                    ]
                }
            },
            "verified email address first",
            "priority 1",
        ),
        ({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}}, "only administrators", "to false"),
        ({"MfaConfiguration": "ON"}, "second factor", "to OFF"),
    ],
)
def test_a_fault_of_the_pool(change: dict[str, Any], what: str, remedy: str) -> None:
    ((fault, text),) = findings(changed(POOL, **change))
    assert fault
    assert what in text
    assert remedy in text


def test_what_is_missing_and_harmless_by_default_is_no_fault() -> None:
    bare = dict.fromkeys(("AdminCreateUserConfig", "MfaConfiguration", "LambdaConfig", "Domain"), MISSING)
    assert findings(changed(POOL, **bare), changed(OURS, AllowedOAuthFlowsUserPoolClient=MISSING)) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"ClientSecret": MISSING}, "has no secret"),
        ({"ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_AUTH"]}, "(ALLOW_USER_AUTH)"),
        ({"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]}, "ALLOW_ADMIN_USER_PASSWORD_AUTH is missing"),
        (PAGES, "Cognito's own pages"),
    ],
)
def test_a_fault_of_our_client(change: dict[str, Any], what: str) -> None:
    ((fault, text),) = findings(POOL, changed(OURS, **change))
    assert fault
    assert what in text
    assert "client ours" in text
    assert "deploy the stack again" in text


def test_without_flows_a_client_has_awss_default_ones() -> None:
    texts = [text for fault, text in findings(POOL, changed(OURS, ExplicitAuthFlows=MISSING)) if fault]
    assert "(ALLOW_CUSTOM_AUTH, ALLOW_USER_SRP_AUTH)" in texts[0]
    assert "is missing" in texts[1]
    assert len(texts) == 2


def test_a_client_that_could_refresh_is_none() -> None:
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert findings(POOL, OURS | {"ExplicitAuthFlows": flows}) == []


def test_a_client_that_the_pool_does_not_have_is_a_fault() -> None:
    ((fault, text),) = findings(POOL, OTHER)
    assert fault
    assert "no client ours" in text


@pytest.mark.parametrize(
    ("pool", "clients", "what"),
    [
        ({"LambdaConfig": TRIGGER}, (OURS,), "autoConfirmUser"),
        ({"MfaConfiguration": "OPTIONAL"}, (OURS,), "second factor"),
        ({}, (OURS | {"PreventUserExistenceErrors": "LEGACY"},), "reveals who is registered"),
        ({}, (changed(OURS, PreventUserExistenceErrors=MISSING),), "reveals who is registered"),
        ({}, (OURS | {"SupportedIdentityProviders": ["COGNITO", "Google"]},), "(Google)"),
        ({}, (OURS, changed(OTHER, ClientSecret=MISSING)), "client other (the old page) has no secret"),
        ({}, (OURS, OTHER | PAGES), "client other (the old page) has Cognito's own pages"),
    ],
)
def test_what_is_doubtful_is_a_warning(pool: dict[str, Any], clients: tuple[dict[str, Any], ...], what: str) -> None:
    ((fault, text),) = findings(POOL | pool, *clients)
    assert not fault
    assert what in text


def test_pages_that_nobody_serves_and_machines_that_sign_in_are_no_concern() -> None:
    assert findings(changed(POOL, Domain=MISSING), OURS, OTHER | PAGES) == []
    assert findings(POOL, OURS, OTHER | PAGES | {"AllowedOAuthFlows": ["client_credentials"]}) == []


def test_a_pool_as_the_template_makes_it_passes_as_it_is_described(moto_endpoint: str) -> None:
    """On an emulator, which leaves some fields out."""
    cognito = emulators.client("cognito-idp", moto_endpoint)
    properties = TEMPLATE["Resources"]["UserPool"]["Properties"]
    kept = {k: v for k, v in properties.items() if k not in ("EmailConfiguration", "DeletionProtection")}
    pool = cognito.create_user_pool(PoolName="t", **kept)["UserPool"]["Id"]
    settings = {k: v for k, v in OURS.items() if k not in ("ClientId", "ClientName", "ClientSecret")}
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="t", GenerateSecret=True, **settings)
    client = made["UserPoolClient"]["ClientId"]
    described = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
    ours = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]
    assert check_pool(described, [ours], client) == []
