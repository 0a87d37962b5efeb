"""The one write: an UpdateItem that spends a request's cost only if the request may pass.

Expressions: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html. They avoid nested maps
in ADD, nested `if_not_exists` and arithmetic in conditions, on which the emulators disagree.
"""

import re
from collections.abc import Iterable
from typing import Final

from entitlements.decision import ACTIVE, Holder, Subject
from entitlements.plans import ANONYMOUS, Limits, Plan
from entitlements.solution import ConfigError, Solution
from entitlements.table import Wire, to_wire
from entitlements.windows import Windows, windows_at

MAX_EXPRESSION_BYTES: Final = 4096
MAX_OPERATORS: Final = 300
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

VISITOR_RETENTION: Final = 90 * 86_400
"""Seconds after the last counted request: by then an address may be somebody else's."""

_OPERATOR: Final = re.compile(r"<=|<|>|=|\bAND\b|\bOR\b|\bIN\b|attribute_\w+")


def spend(subject: Subject, solution: Solution, windows: Windows, cost: int, now: int) -> Wire:
    """The UpdateItem request (without TableName) that decides and counts one request."""
    expression = _Expression(windows, cost, now)
    if isinstance(subject, Holder):
        condition = expression.holder(subject, solution)
    else:
        condition = expression.visitor(solution)
    request = {
        "Key": subject.key(solution.solution_id),
        "UpdateExpression": expression.update(),
        "ExpressionAttributeNames": expression.names,
        "ExpressionAttributeValues": expression.values,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return request | ({"ConditionExpression": condition} if condition else {})


def sweep(subject: Subject, solution_id: str, counters: Iterable[str]) -> Wire:
    """The UpdateItem request that removes counters of windows long gone, and changes nothing else."""
    return {
        "Key": subject.key(solution_id),
        "UpdateExpression": "REMOVE " + ", ".join(counters),
        "ConditionExpression": "attribute_exists(pk)",
    }


def require_fit(solution: Solution) -> None:
    """Raise `ConfigError` if the write of this solution would break DynamoDB's limits."""
    windows = windows_at(0, solution.timezone)
    condition = _Expression(windows, 1, 0).holder(Holder("", ""), solution)
    size, operators = len(condition.encode()), len(_OPERATOR.findall(condition))
    if size > MAX_EXPRESSION_BYTES or operators > MAX_OPERATORS:
        raise ConfigError(
            {
                "plans": f"are too many different ones for one write ({size} bytes of {MAX_EXPRESSION_BYTES}, "
                f"{operators} operators of {MAX_OPERATORS}): give some of them equal limits"
            }
        )


class _Expression:
    """Collects names and values while it writes the expression texts."""

    def __init__(self, windows: Windows, cost: int, now: int) -> None:
        self.windows, self.cost, self.now = windows, cost, now
        # Reserved words of DynamoDB stand behind placeholders; all other names are written out.
        self.names: dict[str, str] = {"#total": "total"}
        self.values: dict[str, Wire] = {":cost": to_wire(cost)}
        self._expires = ""

    def update(self) -> str:
        w = self.windows
        return f"{self._expires}ADD #total :cost, {w.month} :cost, {w.day} :cost REMOVE {', '.join(w.swept)}"

    def visitor(self, solution: Solution) -> str:
        self._expires = "SET expires_at = :expires "
        self.values[":expires"] = to_wire(self.now + VISITOR_RETENTION)
        plan = solution.plans[ANONYMOUS]
        return " AND ".join(self._within(plan.limits))

    def holder(self, subject: Holder, solution: Solution) -> str:
        self.names |= {"#status": "status", "#plan": "plan"}
        self.values |= {":active": to_wire(ACTIVE), ":jti": to_wire(subject.jti)}
        branches = " OR ".join(f"({branch})" for branch in self._branches(solution))
        return f"#status = :active AND jti = :jti AND ({branches})"

    def _branches(self, solution: Solution) -> list[str]:
        """One branch for each different rule; plans with equal rules share it, so that the expression stays small."""
        plans = [plan for plan in solution.plans.values() if plan.name != ANONYMOUS]
        rules: dict[tuple[str, ...], list[Plan]] = {}
        for plan in plans:
            rules.setdefault(tuple(self._rule(plan)), []).append(plan)
        branches = [" AND ".join([self._named(same), *rule]) for rule, same in rules.items()]
        if paid := [plan for plan in plans if plan.paid]:
            lapsed = self._within(solution.plans[solution.default_plan].limits)
            branches.append(" AND ".join([self._named(paid), "paid_until <= :now", *lapsed]))
        return branches

    def _rule(self, plan: Plan) -> list[str]:
        rule = []
        if plan.paid:
            self.values[":now"] = to_wire(self.now)
            rule.append("(attribute_not_exists(paid_until) OR paid_until > :now)")
        if plan.prepaid and self.cost:
            rule.append("#total < granted")
        return rule + self._within(plan.limits)

    def _within(self, limits: Limits) -> list[str]:
        # A request that costs nothing is verified only: a spent quota does not stand in its way.
        if not self.cost:
            return []
        clauses = []
        for counter, limit, _ in limits.counters(self.windows):
            name = "#total" if counter == "total" else counter
            most = self._value(limit - self.cost)
            clauses.append(f"(attribute_not_exists({name}) OR {name} <= {most})")
        return clauses

    def _named(self, plans: list[Plan]) -> str:
        values = [self._value(plan.name) for plan in plans]
        return f"#plan = {values[0]}" if len(values) == 1 else f"#plan IN ({', '.join(values)})"

    def _value(self, value: str | int) -> str:
        wire = to_wire(value)
        for placeholder, known in self.values.items():
            if known == wire and placeholder.startswith(":v"):
                return placeholder
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = wire
        return placeholder
