"""The one write: an UpdateItem that spends a request's cost only if the request may pass.

Expressions: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html. They avoid nested maps
in ADD, nested `if_not_exists` and arithmetic in conditions, on which the emulators disagree.

The interpreter that writes rules as a condition: each kind of rule has a row in `_QUOTAS` or in `_TERMS`, as
in `decision`.

A write may be sent several times and counts once. It puts the request's id into one of `SLOTS` attributes of the item,
which the id chooses, on condition that it is not there yet. If the answer to a write was lost, its repetition fails
on that condition, and the item in the refusal shows the id (`was_counted`). Only if another request of the same subject
took the slot in between can a repetition count again: at most once for each attempt, and never more is granted.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from entitlements import base64url
from entitlements.decision import ACTIVE, Holder, Subject
from entitlements.items import Item, Wire, to_wire
from entitlements.plans import ANONYMOUS, Plan
from entitlements.rules import AtMost, CreditsLeft, PaidUntil, Rule
from entitlements.solution import ConfigError, Solution
from entitlements.windows import OpenWindow, Windows, windows_at

MAX_EXPRESSION_BYTES: Final = 4096
MAX_OPERATORS: Final = 300
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

REQUEST_ID_BYTES: Final = 6
"""Two requests with one id would count as one: that happens once in 10^13 times that a slot is found taken."""
SLOTS: Final = 8
"""80 bytes of an item, which must stay below 1 KB; the chance that another request takes the slot is an eighth."""

VISITOR_RETENTION: Final = 90 * 86_400
"""Seconds after the last counted request: by then an address may be somebody else's."""

_ONCE: Final = "(attribute_not_exists(#slot) OR #slot <> :request)"
_OPERATOR: Final = r"<=|<>|<|>|=|\bAND\b|\bOR\b|\bIN\b|attribute_\w+"
"""Not compiled until a solution is applied: a cold gate has no use for it."""


class _Write(NamedTuple):
    """What the writes of one configuration, window and cost have in common."""

    parameters: Wire
    values: Wire
    timed: bool
    """Whether the condition asks for the time."""


class _Writes:
    """The writes that were made, with the configuration and windows that they were made of: the next day's take their
    places. Where they grow beyond `MAX_KEPT_BYTES`, all go, and those that are in use are made again.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bool, int], tuple[Solution, Windows, _Write]] = {}
        self.size = 0

    def find(self, solution: Solution, windows: Windows, holder: bool, cost: int) -> _Write:
        name = (solution.solution_id, holder, cost)
        kept = self._kept.get(name)
        if kept is not None and kept[0] is solution and kept[1] is windows:
            return kept[2]
        write = _Expression(windows, cost).write(solution, holder)
        self.size += _size(write) - (_size(kept[2]) if kept is not None else 0)
        if self.size > MAX_KEPT_BYTES:
            self._kept, self.size = {}, _size(write)
        self._kept[name] = (solution, windows, write)
        return write


def _size(write: _Write) -> int:
    """About as many bytes as a write takes in memory: its texts, and the dictionaries that hold them."""
    texts = len(write.parameters["UpdateExpression"]) + len(write.parameters.get("ConditionExpression", ""))
    return texts + 400 * (len(write.values) + len(write.parameters["ExpressionAttributeNames"])) + 1_000


MAX_KEPT_BYTES: Final = 8_000_000
"""A sixteenth of the function's smallest memory, and the writes of some thousand ordinary solutions."""

_writes: Final = _Writes()


def spend(subject: Subject, solution: Solution, windows: Windows, cost: int, now: int, request_id: bytes) -> Wire:
    """The UpdateItem request (without TableName) that decides and counts one request. `now` in seconds of the epoch.

    `request_id`: `REQUEST_ID_BYTES` random bytes. Not an id that API Gateway gives to a request, since clients can set
    that one (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables.html).
    """
    write = _writes.find(solution, windows, isinstance(subject, Holder), cost)
    values = write.values.copy()
    if isinstance(subject, Holder):
        values[":jti"] = to_wire(subject.jti)
        if write.timed:
            values[":now"] = to_wire(now)
    else:
        values[":expires"] = to_wire(now + VISITOR_RETENTION)
    request = {"Key": subject.key(solution.solution_id).wire, **write.parameters, "ExpressionAttributeValues": values}
    if cost:
        slot, values[":request"] = _slot(request_id), to_wire(base64url.encode(request_id))
        request["ExpressionAttributeNames"] = {**request["ExpressionAttributeNames"], "#slot": slot}
    return request


def _slot(request_id: bytes) -> str:
    return f"r{request_id[0] % SLOTS}"


def was_counted(item: Item | None, request_id: bytes) -> bool:
    """Whether a write that was refused had been applied before, by an attempt whose answer was lost."""
    return item is not None and item.get(_slot(request_id)) == base64url.encode(request_id)


def sweep(subject: Subject, solution_id: str, counters: Iterable[str]) -> Wire:
    """The UpdateItem request that removes counters of windows long gone, and changes nothing else."""
    return {
        "Key": subject.key(solution_id).wire,
        "UpdateExpression": "REMOVE " + ", ".join(counters),
        "ConditionExpression": "attribute_exists(pk)",
    }


def require_fit(solution: Solution) -> None:
    """Raise `ConfigError` if the write of this solution would break DynamoDB's limits."""
    write = _Expression(windows_at(0, solution.timezone), 1).write(solution, True)
    condition = write.parameters["ConditionExpression"]
    size, operators = len(condition.encode()), len(re.findall(_OPERATOR, condition))
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
        counted = self._counted(solution)
        added = ", ".join(f"{_attribute(window)} :cost" for window in counted)
        removed = ", ".join(counter for window in counted for counter in window.swept)
        # What costs nothing changes nothing, so it can be repeated, and a change would be a record of the stream.
        sets, once = (["#slot = :request"], [_ONCE]) if self.cost else ([], [])
        if holder:
            condition = " AND ".join([self._holder(solution), *once])
        else:
            # Only what is counted keeps a visitor's counters alive; a new item never lacks its end.
            expires = ":expires" if self.cost else "if_not_exists(expires_at, :expires)"
            sets.append(f"expires_at = {expires}")
            condition = " AND ".join([*self._clauses(solution.plans[ANONYMOUS]), *once])
        update = f"{'SET ' if sets else ''}{', '.join(sets)} ADD {added} REMOVE {removed}".lstrip()
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
        same: dict[tuple[str, ...], list[Plan]] = {}
        for plan in plans:
            same.setdefault(tuple(self._clauses(plan)), []).append(plan)
        branches = [" AND ".join([self._named(group), *clauses]) for clauses, group in same.items()]
        default = self._clauses(solution.plans[solution.default_plan])
        lapsed: dict[str, list[Plan]] = {}
        for plan in plans:
            for rule in plan.rules:
                if type(rule) in _TERMS:
                    lapsed.setdefault(_TERMS[type(rule)][1], []).append(plan)
        return branches + [" AND ".join([self._named(group), clause, *default]) for clause, group in lapsed.items()]

    def _clauses(self, plan: Plan) -> list[str]:
        """What must hold of an item under a plan, beside its name."""
        clauses = []
        for rule in plan.rules:
            if type(rule) in _TERMS:
                self.timed = True
                clauses.append(_TERMS[type(rule)][0])
            elif self.cost:  # one that costs nothing is verified only: a quota that is used up does not refuse it
                clauses.append(_QUOTAS[type(rule)](self, rule))
        return clauses

    def _counted(self, solution: Solution) -> list[OpenWindow]:
        """The windows that items of a solution count."""
        rules = [rule for plan in solution.plans.values() for rule in plan.rules]
        limited = {rule.window for rule in rules if isinstance(rule, AtMost)}
        return [window for name, window in self.windows.open.items() if window.everywhere or name in limited]

    def _named(self, plans: list[Plan]) -> str:
        values = [self.value(plan.name) for plan in plans]
        return f"#plan = {values[0]}" if len(values) == 1 else f"#plan IN ({', '.join(values)})"

    def value(self, value: str | int) -> str:
        wire = to_wire(value)
        for placeholder, known in self.values.items():
            if known == wire and placeholder.startswith(":v"):
                return placeholder
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = wire
        return placeholder


def _attribute(window: OpenWindow) -> str:
    return "#total" if window.counter == "total" else window.counter


def _at_most(expression: _Expression, rule: AtMost) -> str:
    name = _attribute(expression.windows.open[rule.window])
    return f"(attribute_not_exists({name}) OR {name} <= {expression.value(rule.limit - expression.cost)})"


def _credits_left(expression: _Expression, rule: CreditsLeft) -> str:
    return "#total < granted"


_QUOTAS: Final[Mapping[type[Rule], Callable[[_Expression, Any], str]]] = {
    AtMost: _at_most,
    CreditsLeft: _credits_left,
}
_TERMS: Final[Mapping[type[Rule], tuple[str, str]]] = {
    PaidUntil: ("(attribute_not_exists(paid_until) OR paid_until > :now)", "paid_until <= :now"),
}
"""That the plan still applies, and that it is over, so that the default plan does. They may ask for `:now`."""
