"""Roles that may not do what their functions do."""

from typing import Any

from gatepass.doctor.role_checks import GRANTS, MAC_AND_SIGN
from tests.gatepass.doctor.conftest import Ward
from tests.support.policy import actions, allowed, statements


def test_what_iam_refuses_is_found_with_what_refuses_it(ward: Ward) -> None:
    ward.answers["simulate_principal_policy"] = lambda asked: ward.allow(asked, ("kms:Sign",))
    assert ward.problem("roles").startswith("TokenService may not kms:Sign on arn:aws:kms:")
    by = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}
    ward.answers["simulate_principal_policy"] = lambda asked: ward.allow(asked, ("dynamodb:UpdateItem",), **by)
    found = ward.problems("roles")
    assert [what.partition(" on ")[0] for what in found] == [
        "Authorizer may not dynamodb:UpdateItem",
        "Authorizer may not dynamodb:UpdateItem",
        "TokenService may not dynamodb:UpdateItem",
        "Usage may not dynamodb:UpdateItem",
    ]
    assert all(what.endswith("refused by its permissions boundary") for what in found)


def test_iam_is_asked_with_the_keys_that_the_conditions_of_the_roles_look_at(ward: Ward) -> None:
    asked: list[dict[str, Any]] = []

    def simulate(one: dict[str, Any]) -> dict[str, Any]:
        asked.append(one)
        return ward.allow(one)

    ward.answers["simulate_principal_policy"] = simulate
    assert ward.line("roles")[0] == "ok"
    told = {entry["ContextKeyName"] for one in asked for entry in one.get("ContextEntries", ())}
    conditions = [
        one.get("Condition", {}) for name in ("AuthorizerRole", "TokenServiceRole") for one in statements(name)
    ]
    assert told == {key for one in conditions for keys in one.values() for key in keys}


def test_only_what_the_template_allows_is_asked_for() -> None:
    for grant in GRANTS:
        context = {"dynamodb:LeadingKeys": [grant.key]} if grant.key else {}
        for action in grant.actions:
            assert allowed(f"{grant.function}Role", action, context), (grant, action)
    assert set(MAC_AND_SIGN) <= actions("TokenServiceRole")
