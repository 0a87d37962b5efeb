"""What a role of the template may do, by IAM's rules for the few condition operators that the template uses.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tests.support.template import TEMPLATE

Context = Mapping[str, Sequence[str]]
STACK = {"Ref": "AWS::StackName"}


def statements(role: str) -> list[dict[str, Any]]:
    """All statements of a role, also those that depend on a condition. Managed policies are AWS's own."""
    policies = TEMPLATE["Resources"][role]["Properties"].get("Policies", ())
    found = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [statement["If"][1] if "If" in statement else statement for statement in found]


def actions(role: str, service: str = "") -> set[str]:
    """All actions that a role's statements name, of one service or of all."""
    found = {action for statement in statements(role) for action in _many(statement["Action"])}
    return {action for action in found if action.startswith(f"{service}:" if service else "")}


def allowed(role: str, action: str, context: Context) -> bool:
    """Whether some statement allows an action on a resource that it names, in a context of condition keys."""
    return any(
        statement["Effect"] == "Allow"
        and action in _many(statement["Action"])
        and all(
            _holds(operator, key, _many(wanted), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
        for statement in statements(role)
    )


def _holds(operator: str, key: str, wanted: Sequence[Any], context: Context) -> bool:
    values = context.get(key, ())
    patterns = ["the-stack" if pattern == STACK else str(pattern).lower() for pattern in wanted]
    match operator.split(":"):
        case ["ForAllValues", "StringLike"]:
            return all(any(fnmatchcase(value, pattern) for pattern in patterns) for value in values)
        case ["ForAllValues", "StringEquals"]:
            return all(value in patterns for value in values)
        case ["StringEquals"]:
            return len(values) == 1 and values[0].lower() in patterns
        case ["Bool"]:
            return len(values) == 1 and values[0].lower() in patterns
        case ["Null"]:
            return ("true" if not values else "false") in patterns
    raise NotImplementedError(operator)


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
