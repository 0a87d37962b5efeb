"""Checks of what the functions' roles may do on this table and with these keys, as IAM itself decides it.

The template is tested for the actions that the code needs. A deployed role can still lack them: by a permissions
boundary, by a policy of the organization, or because somebody has edited it.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from entitlements.items import entitlement_key, keyring_key, usage_key, visitor_key
from gatepass.doctor.checkup import Check, Examination, Trouble, require_stack
from gatepass.doctor.patient import Patient
from gatepass.doctor.store_checks import required_ring
from token_service.signing.kms import STACK_TAG

ENTITLEMENT: Final = entitlement_key("someone", "something").pk
VISITOR: Final = visitor_key("somewhere", "something").pk
USAGE: Final = usage_key("something", 0, "20260101").pk


class Grant(NamedTuple):
    """Actions that a function needs on the table: on the items of a leading key, or `key` "" on any."""

    function: str
    actions: tuple[str, ...]
    key: str = ""


GRANTS: Final = (
    Grant("Authorizer", ("dynamodb:GetItem",)),
    Grant("Authorizer", ("dynamodb:UpdateItem",), ENTITLEMENT),
    Grant("Authorizer", ("dynamodb:UpdateItem",), VISITOR),
    Grant("TokenService", ("dynamodb:GetItem", "dynamodb:Query")),
    Grant("TokenService", ("dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem"), ENTITLEMENT),
    Grant("Payments", ("dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem"), ENTITLEMENT),
    Grant("Usage", ("dynamodb:PutItem", "dynamodb:UpdateItem"), USAGE),
    Grant("KeyRotation", ("dynamodb:GetItem", "dynamodb:PutItem"), keyring_key().pk),
)
"""What the functions cannot do their work without. Those that the stack does not have are left out."""
MAC_AND_SIGN: Final = ("kms:Sign", "kms:GenerateMac")


def check_roles(patient: Patient) -> Examination:
    """Whether IAM allows each function what it needs."""
    require_stack(patient)
    ring, asked = required_ring(patient), 0
    table = patient.dynamodb.call("dynamodb", "describe_table", TableName=patient.table)["Table"]["TableArn"]
    roles: dict[str, str] = {}
    for grant in GRANTS:
        if grant.function not in patient.resources:
            continue
        if grant.function not in roles:
            roles[grant.function] = _role(patient, grant.function)
        asked += len(grant.actions)
        context = [_entry("dynamodb:LeadingKeys", "stringList", grant.key)] if grant.key else []
        yield from _refused(patient, grant.function, roles[grant.function], grant.actions, table, context)
    tag = [_entry(f"aws:ResourceTag/{STACK_TAG}", "string", patient.stack)]
    for action, key in zip(MAC_AND_SIGN, (ring.signing_key.kms_key_id, ring.mac_key_id), strict=True):
        if "TokenService" in roles and key.startswith("arn:"):
            asked += 1
            yield from _refused(patient, "TokenService", roles["TokenService"], (action,), key, tag)
    return f"{asked} actions of {len(roles)} functions are allowed"


def _role(patient: Patient, function: str) -> str:
    name = patient.resources[function][1]
    return str(patient.aws.call("lambda", "get_function_configuration", FunctionName=name)["Role"])


def _entry(name: str, kind: str, value: str) -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": [value]}


def _refused(
    patient: Patient,
    function: str,
    role: str,
    actions: Sequence[str],
    resource: str,
    context: Sequence[Mapping[str, Any]],
) -> Iterator[Trouble]:
    answer = patient.aws.call(
        "iam", "simulate_principal_policy", PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource],
        **({"ContextEntries": list(context)} if context else {}),
    )  # fmt: skip
    for result in answer["EvaluationResults"]:
        if result["EvalDecision"] == "allowed":
            continue
        by = "its policies"
        if result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
            by = "the organization's policies"
        elif result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
            by = "its permissions boundary"
        yield Trouble(
            f"{function} may not {result['EvalActionName']} on {resource}: refused by {by}",
            f"deploy the stack again; if that does not help, change what refuses it for {role}",
        )


CHECKS: Final = (
    Check(
        "roles",
        ("cloudformation:ListStackResources", "dynamodb:DescribeTable", "dynamodb:GetItem",
         "lambda:GetFunctionConfiguration", "iam:SimulatePrincipalPolicy"),
        check_roles,
    ),
)  # fmt: skip
