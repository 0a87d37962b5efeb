"""The permission by which API Gateway may call the gate's function: one statement for all APIs of the account.

A function's policy holds 20 KB, which one statement for each API would fill:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from gatepass.attach.resources import FunctionPermission, NarrowPermission, Permission, ResourceValue
from gatepass.aws_calls import Aws

STATEMENT: Final = "gatepass-apigateway"
"""The Sid of the statement that attaching adds to the function's policy."""
_SERVICE: Final = "apigateway.amazonaws.com"
_ACTION: Final = "lambda:InvokeFunction"


def read(aws: Aws, function_arn: str) -> tuple[Permission | None, bool]:
    """Whether API Gateway may call the function for any API of this account, and whether our statement is there.

    None: it may not. Another account's function cannot be asked: its owner gives the permission.
    """
    account = _account(aws)
    if function_arn.split(":")[4] != account:
        return FunctionPermission.ANOTHER_ACCOUNT, False
    policy = aws.find("lambda", "get_policy", **_function(function_arn))
    statements = json.loads(policy["Policy"])["Statement"] if policy else []
    ours = next((one for one in statements if one.get("Sid") == STATEMENT), None)
    source = _source(function_arn, account)
    if any(_suffices(one, source, account) for one in statements):
        return FunctionPermission.WHOLE_ACCOUNT, ours is not None
    return (NarrowPermission(_parameters(ours)), True) if ours else (None, False)


def write(aws: Aws, function_arn: str, was: ResourceValue | None, value: ResourceValue | None) -> None:
    """Write the statement of ours in place of `was`; None removes it."""
    where = _function(function_arn) | {"StatementId": STATEMENT}
    if was is not None:
        # A statement cannot be overwritten: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
        aws.delete("lambda", "remove_permission", **where)
    match value:
        case NarrowPermission():
            aws.call("lambda", "add_permission", **where, **value.parameters)
        case FunctionPermission():
            source = _source(function_arn, function_arn.split(":")[4])
            aws.call("lambda", "add_permission", **where, Action=_ACTION, Principal=_SERVICE, SourceArn=source)


def _account(aws: Aws) -> str:
    return str(aws.call("sts", "get_caller_identity")["Account"])


def _source(function_arn: str, account: str) -> str:
    _, partition, _, region, *_ = function_arn.split(":")
    return f"arn:{partition}:execute-api:{region}:{account}:*"


def _function(function_arn: str) -> dict[str, str]:
    """The function and, where the ARN names one, its alias: the permission stands on that."""
    parts = function_arn.split(":")
    qualifier = {"Qualifier": parts[7]} if len(parts) > 7 else {}
    return {"FunctionName": ":".join(parts[:7]), **qualifier}


def _suffices(statement: Mapping[str, Any], source: str, account: str) -> bool:
    given = _parameters(statement)
    narrower = given.keys() - {"Action", "Principal", "SourceArn", "SourceAccount"}
    return (
        statement["Effect"] == "Allow"
        and given.get("Action") in (_ACTION, "lambda:*")
        and given.get("Principal") == _SERVICE
        and given.get("SourceArn") in (source, source + "/*")
        and given.get("SourceAccount", account) == account
        and not narrower
    )


def _parameters(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement as the parameters of AddPermission that make it; a condition that none makes keeps its own name."""
    principal = statement.get("Principal", "")
    if isinstance(principal, dict):
        principal = principal.get("Service") or principal.get("AWS")
    names = {
        "aws:sourcearn": "SourceArn",
        "aws:sourceaccount": "SourceAccount",
        "aws:principalorgid": "PrincipalOrgID",
        "lambda:eventsourcetoken": "EventSourceToken",
        "lambda:functionurlauthtype": "FunctionUrlAuthType",
    }
    found = {"Action": statement.get("Action"), "Principal": principal}
    for conditions in statement.get("Condition", {}).values():
        found |= {names.get(name.lower(), name): value for name, value in conditions.items()}
    return found
