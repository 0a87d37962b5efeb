"""The one write: an UpdateItem that spends a request's cost only if the request may pass.

Expressions: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html. They avoid nested maps
in ADD, nested `if_not_exists` and arithmetic in conditions, on which the emulators disagree.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

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


class _Write(NamedTuple):
    """What the writes of one configuration, window and cost have in common."""

    parameters: Wire
    values: Wire
    timed: bool
    """Whether the condition asks for the time."""


_writes: dict[tuple[str, bool, int], tuple[Solution, Windows, _Write]] = {}
MAX_WRITES: Final = 4_096
"""Of them are kept, with the configuration and windows that they were made of; the next day's take their places."""


def spend(subject: Subject, solution: Solution, windows: Windows, cost: int, now: int) -> Wire:
    """The UpdateItem request (without TableName) that decides and counts one request. `now` in seconds of the epoch."""
    name = (solution.solution_id, isinstance(subject, Holder), cost)
    kept = _writes.get(name)
    if kept is not None and kept[0] is solution and kept[1] is windows:
        write = kept[2]
    else:
        write = _Expression(windows, cost).write(solution, isinstance(subject, Holder))
        if len(_writes) >= MAX_WRITES:
            _writes.clear()
        _writes[name] = (solution, windows, write)
    values = write.values.copy()
    if isinstance(subject, Holder):
        values[":jti"] = to_wire(subject.jti)
        if write.timed:
            values[":now"] = to_wire(now)
    else:
        values[":expires"] = to_wire(now + VISITOR_RETENTION)
    return {"Key": subject.key(solution.solution_id), **write.parameters, "ExpressionAttributeValues": values}


def sweep(subject: Subject, solution_id: str, counters: Iterable[str]) -> Wire:
    """The UpdateItem request that removes counters of windows long gone, and changes nothing else."""
    return {
        "Key": subject.key(solution_id),
        "UpdateExpression": "REMOVE " + ", ".join(counters),
        "ConditionExpression": "attribute_exists(pk)",
    }


def require_fit(solution: Solution) -> None:
    """Raise `ConfigError` if the write of this solution would break DynamoDB's limits."""
    write = _Expression(windows_at(0, solution.timezone), 1).write(solution, True)
    condition = write.parameters["ConditionExpression"]
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

    def __init__(self, windows: Windows, cost: int) -> None:
        self.windows, self.cost = windows, cost
        # Reserved words of DynamoDB stand behind placeholders; all other names are written out.
        self.names: dict[str, str] = {"#total": "total"}
        self.values: dict[str, Wire] = {":cost": to_wire(cost)}
        self.timed = False

    def write(self, solution: Solution, holder: bool) -> _Write:
        w = self.windows
        update = f"ADD #total :cost, {w.month} :cost, {w.day} :cost REMOVE {', '.join(w.swept)}"
        if holder:
            condition = self._holder(solution)
        else:
            # Only what is counted keeps a visitor's counters alive; a new item never lacks its end.
            expires = ":expires" if self.cost else "if_not_exists(expires_at, :expires)"
            update = f"SET expires_at = {expires} {update}"
            condition = " AND ".join(self._within(solution.plans[ANONYMOUS].limits))
        parameters = {
            "UpdateExpression": update,
            "ExpressionAttributeNames": self.names,
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return _Write(parameters | ({"ConditionExpression": condition} if condition else {}), self.values, self.timed)

    def _holder(self, solution: Solution) -> str:
        self.names |= {"#status": "status", "#plan": "plan"}
        self.values[":active"] = to_wire(ACTIVE)
        branches = self._branches(solution)
        # DynamoDB refuses redundant parentheses, such as those around the only branch.
        one = branches[0] if len(branches) == 1 else f"({' OR '.join(f'({branch})' for branch in branches)})"
        return f"#status = :active AND jti = :jti AND {one}"

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
            self.timed = True
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
