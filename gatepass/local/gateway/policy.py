"""IAM evaluation of an authorizer's policy, for the part of IAM that such policies use.

Action and resource formats:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
Order: an explicit deny takes precedence, and what no statement allows is denied:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
`Condition` and `Principal` are refused and not ignored, because a gate must not be tested against half a policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

INVOKE = "execute-api:Invoke"
# "the Resource ARN […] is currently limited to 512 characters":
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
MAX_RESOURCE_LENGTH = 512
_ARN_COLONS = 5
_KEYS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"})


class MalformedPolicyError(ValueError):
    """The authorizer's policy cannot be evaluated."""


class PolicyOutcome(Enum):
    """The three results of an evaluation. Both denials are a 403, with different messages."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    UNMATCHED = "allowed by no statement"


@dataclass(frozen=True)
class Statement:
    """One statement, with `Not…` elements as a flag."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_action: bool = False
    not_resource: bool = False

    def applies(self, arn: str) -> bool:
        """Whether the statement applies to invoking this method."""
        action = any(_action_matches(pattern) for pattern in self.actions)
        resource = any(resource_matches(pattern, arn) for pattern in self.resources)
        return action != self.not_action and resource != self.not_resource


def parse_policy(document: Any) -> tuple[Statement, ...]:
    """The statements of a policy document. A single statement does not need a list."""
    if not isinstance(document, dict):
        raise MalformedPolicyError("policyDocument is not an object")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        raise MalformedPolicyError("policyDocument has no Statement")
    return tuple(_parse_statement(statement) for statement in statements)


def evaluate(statements: Iterable[Statement], arn: str) -> PolicyOutcome:
    """The result of the statements for the method with this ARN."""
    applying = [statement for statement in statements if statement.applies(arn)]
    if any(not statement.allows for statement in applying):
        return PolicyOutcome.DENIED
    return PolicyOutcome.ALLOWED if applying else PolicyOutcome.UNMATCHED


def resource_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN with the wildcards `*` and `?` matches an ARN. Matching is case-sensitive.

    Wildcards stay within their colon-separated segment, slashes included, but a `*` that ends a segment also
    runs past its colon.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    parts = pattern.split(":", _ARN_COLONS)
    expression = []
    for index, part in enumerate(parts):
        inner = "." if index == _ARN_COLONS else "[^:]"
        for position, character in enumerate(part):
            if character == "*":
                expression.append(".*" if position == len(part) - 1 else inner + "*")
            else:
                expression.append(inner if character == "?" else re.escape(character))
        expression.append(":")
    return re.fullmatch("".join(expression[:-1]), arn, re.DOTALL) is not None


def _action_matches(pattern: str) -> bool:
    """Actions are not case-sensitive. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html"""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, INVOKE, re.IGNORECASE) is not None


def _parse_statement(statement: Any) -> Statement:
    if not isinstance(statement, dict) or not statement.keys() <= _KEYS:
        raise MalformedPolicyError(f"a statement may have only {', '.join(sorted(_KEYS))}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError("Effect is neither Allow nor Deny")
    actions, not_action = _one_of(statement, "Action")
    resources, not_resource = _one_of(statement, "Resource")
    if any(len(resource) > MAX_RESOURCE_LENGTH for resource in resources):
        raise MalformedPolicyError(f"a Resource is longer than {MAX_RESOURCE_LENGTH} characters")
    return Statement(statement["Effect"] == "Allow", actions, resources, not_action, not_resource)


def _one_of(statement: dict[str, Any], name: str) -> tuple[tuple[str, ...], bool]:
    """The values of `name` or of `Not<name>`. A statement must have exactly one of them."""
    if (name in statement) == (f"Not{name}" in statement):
        raise MalformedPolicyError(f"a statement needs either {name} or Not{name}")
    negated = name not in statement
    values = statement[f"Not{name}" if negated else name]
    if isinstance(values, str):
        values = [values]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise MalformedPolicyError(f"{name} is neither a string nor a list of strings")
    return tuple(values), negated
