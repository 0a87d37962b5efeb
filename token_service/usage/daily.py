"""Counts what the stream and the decision log tell, each thing once, into the days of subjects and of solutions.

A subject's day says how far its count has come. It and the solution's day, which gets the difference, are written in
one transaction, on condition that the subject's day is as it was read. So nothing has to be remembered of what was
delivered: a second delivery finds no difference.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from entitlements.directory import Damaged, Directory
from entitlements.items import Item, Key, Wire, item_to_wire, usage_key, use_key, use_prefix
from entitlements.solution import Solution
from entitlements.windows import windows_at
from token_service.access.records import Action
from token_service.errors import Busy, ConditionFailed
from token_service.repository import Repository
from token_service.usage import entries
from token_service.usage.conversions import attributed
from token_service.usage.refusals import Wall
from token_service.usage.stream import Level, StreamRecord
from token_service.usage.totals import (
    REGISTERED,
    WALLED,
    Counts,
    SubjectDay,
    counted_of,
    counted_text,
    difference,
    total,
)

SHARDS: Final = 16
"""Parts of a solution's day. An item takes 1,000 writes a second, a transaction counts twice, and one counts up to 99
subjects: enough for a million different subjects a second.
"""
ACTIONS: Final = 100
"""The most in one transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
ATTEMPTS: Final = 5

T = TypeVar("T")
Raise = Callable[[SubjectDay], SubjectDay]
Changed = tuple[SubjectDay | None, SubjectDay]
"""A subject's day as it was read, and as it shall be."""


class DailyUsage:
    """Writes the days. Every method may be repeated with the same arguments, and changes nothing more then."""

    def __init__(self, repository: Repository, directory: Directory, shard: Callable[[], int] | None = None) -> None:
        """`shard` chooses the part of a solution's day for the next write, 0 to `SHARDS` - 1; by default at random."""
        self._repository, self._directory = repository, directory
        self._shard = shard or (lambda: random.randrange(SHARDS))  # noqa: S311 - spreads writes

    def solution(self, solution_id: str, at: float) -> Solution | None:
        """A solution's configuration; None where there is none, or none that can be read."""
        try:
            return self._directory.solution(solution_id, at)
        except Damaged:
            return None

    def effective_plan(self, solution_id: str, plan: str, paid_until: int | None, at: float) -> str:
        """The plan that applied at a time: the default one where the stored one had lapsed."""
        if paid_until is None or paid_until > at:
            return plan
        solution = self.solution(solution_id, at)
        return plan if solution is None else solution.default_plan

    def day_of(self, solution_id: str, at: float) -> str:
        """The day (`YYYYMMDD`) of a time, where the solution is."""
        solution = self.solution(solution_id, at)
        return windows_at(at, solution.timezone if solution is not None else "UTC").open["day"].counter[1:]

    # ---- counters and refusals ---------------------------------------------------------------------------------------

    def raise_levels(self, levels: Iterable[Level]) -> None:
        """Count how far counters have come."""
        days: dict[tuple[str, str], dict[Key, list[Level]]] = defaultdict(lambda: defaultdict(list))
        for level in levels:
            days[level.solution, level.day][use_key(level.subject, level.solution, level.day)].append(level)
        for by_key in days.values():
            for chunk in _chunks(by_key.items(), ACTIONS - 1):
                self._change({key: (_blank(seen[0]), _raising(seen)) for key, seen in chunk})

    def count_walls(self, walls: Iterable[Wall]) -> None:
        """Count who was refused at a limit, and whether they have paid since."""
        days: dict[tuple[str, str], dict[Key, list[Wall]]] = defaultdict(lambda: defaultdict(list))
        for wall in walls:
            days[wall.solution, wall.day][use_key(wall.subject, wall.solution, wall.day)].append(wall)
        for by_key in days.values():
            for chunk in _chunks(by_key.items(), ACTIONS - 1):
                self._change({key: (_blank(seen[0]), _marking(seen)) for key, seen in chunk})
        seen_walls = [wall for by_key in days.values() for seen in by_key.values() for wall in seen]
        for user_id, solution in sorted({(wall.subject, wall.solution) for wall in seen_walls if not wall.visitor}):
            self._attribute(user_id, solution)

    def _change(self, changes: Mapping[Key, tuple[SubjectDay, Raise]]) -> None:
        """Change subjects' days of one solution and day: each from what is stored, or else from the given blank."""

        def attempt() -> list[Action]:
            stored = {Key.of(item): SubjectDay.from_item(item) for item in self._repository.get_many(changes)}
            changed = []
            for key, (blank, change) in changes.items():
                before = stored.get(key)
                changed.append((before, change(before or blank)))
            return self._writes(changed)

        self._transact(attempt)

    # ---- audit entries and payments ----------------------------------------------------------------------------------

    def count_entry(self, record: StreamRecord) -> None:
        """Count an audit entry, and the refusals that it came from."""
        entry = record.new
        solution_id = "" if entry is None else str(entry.get("solution", ""))
        if entry is None or not solution_id:
            return
        solution = self.solution(solution_id, record.at)
        counts = entries.changes(entry, solution)
        if not counts:
            return
        day = self.day_of(solution_id, record.at)

        change = _coming(entry, counts, int(record.at))
        blank = SubjectDay(record.key.subject, solution_id, day, visitor=False)

        def attempt() -> list[Action]:
            current = self._repository.get_item(record.key)
            if current is None or "counted" in current:
                return []
            changed = [] if change is None else [self._changed(blank, change)]
            return self._writes(changed, [_mark(record.key, current, {day: counts})])

        self._transact(attempt)
        if change is not None:
            self._attribute(record.key.subject, solution_id)

    def count_payment(self, record: StreamRecord) -> None:
        """Count a payment, or what changed of it. It counts what the table holds now, whatever the record says."""
        user_id, solution_id = record.key.subject, str((record.new or {}).get("solution", ""))
        if not solution_id:
            return

        def attempt() -> list[Action]:
            current = self._repository.get_item(record.key)
            if current is None:
                return []
            paid_at = int(current["paid_at"])
            paid_on = self.day_of(solution_id, paid_at)
            after = entries.counted_now(current, counted_of(current), paid_on, self.day_of(solution_id, record.at))
            if after == counted_of(current):
                return []
            changed = []
            if entries.is_purchase(current):
                changed.append(
                    self._changed(SubjectDay(user_id, solution_id, paid_on, False), lambda one: one.paid(paid_at))
                )
            return self._writes(changed, [_mark(record.key, current, after)])

        self._transact(attempt)
        if record.new is not None and entries.is_purchase(record.new):
            self._attribute(user_id, solution_id)

    def _attribute(self, user_id: str, solution_id: str) -> None:
        """Note which refusals a user's payments came from.

        Read after what was just written: of two writers at once, the later one sees what both have written.
        """

        def attempt() -> list[Action]:
            days = [SubjectDay.from_item(item) for item in self._repository.query(use_prefix(user_id, solution_id))]
            return self._writes(zip(days, attributed(days), strict=True))

        self._transact(attempt)

    def _changed(self, blank: SubjectDay, change: Raise) -> Changed:
        item = self._repository.get_item(blank.key)
        before = None if item is None else SubjectDay.from_item(item)
        return before, change(before or blank)

    # ---- one transaction ---------------------------------------------------------------------------------------------

    def _writes(self, changed: Iterable[Changed], marks: Iterable["_Mark"] = ()) -> list[Action]:
        """Actions for changed days and marks, with what they add to the solution's days; none if nothing changed."""
        actions: list[Action] = []
        added: dict[tuple[str, str], list[Counts]] = defaultdict(list)
        for before, after in changed:
            if after == before:
                continue
            actions.append(_put(before, after))
            added[after.solution, after.day].append(difference(before.counts if before else {}, after.counts))
        for mark in marks:
            actions.append(mark.action)
            for day, counts in mark.added.items():
                added[mark.solution, day].append(counts)
        for (solution, day), counts_of_day in added.items():
            if counts := total(counts_of_day):
                actions.append(addition(usage_key(solution, self._shard(), day), counts))
        return actions

    def _transact(self, attempt: Callable[[], list[Action]]) -> None:
        """Read, compute and write, again if somebody else wrote meanwhile. Raises `Busy`."""
        for _ in range(ATTEMPTS):
            actions = attempt()
            if not actions:
                return
            try:
                self._repository.transact(actions)
            except (ConditionFailed, Busy):
                continue
            return
        raise Busy("the days of this solution are being changed by others: try again")


class _Mark(NamedTuple):
    """The mark of what an audit entry or a payment has contributed, and what it adds by day."""

    action: Action
    solution: str
    added: Mapping[str, Counts]


def _mark(key: Key, item: Item, after: Mapping[str, Counts]) -> _Mark:
    before = counted_of(item)
    values = {":after": counted_text(after)} | ({":before": str(item["counted"])} if "counted" in item else {})
    unchanged = "counted = :before" if "counted" in item else "attribute_not_exists(counted)"
    update: Wire = {
        "Key": key.wire,
        "UpdateExpression": "SET counted = :after",
        "ConditionExpression": f"attribute_exists(pk) AND {unchanged}",
        "ExpressionAttributeValues": item_to_wire(values),
    }
    added = {day: difference(before.get(day, {}), counts) for day, counts in after.items()}
    return _Mark(("Update", update), str(item["solution"]), added)


def _put(before: SubjectDay | None, after: SubjectDay) -> Action:
    """Write a subject's day, on condition that it is as it was read."""
    item = after.key.wire | item_to_wire(replace(after, revision=after.revision + 1).to_item())
    if before is None:
        return "Put", {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    unchanged = {
        "ConditionExpression": "revision = :revision",
        "ExpressionAttributeValues": item_to_wire({":revision": before.revision}),
    }
    return "Put", {"Item": item, **unchanged}


def addition(key: Key, counts: Counts, unchanged: Wire | None = None) -> Action:
    """Add to a part of a solution's day, perhaps on a condition (an expression and its values)."""
    names = dict(enumerate(sorted(counts)))
    values = {":one": 1, **{f":{n}": counts[name] for n, name in names.items()}}
    condition = dict(unchanged or {})
    update: Wire = {
        "Key": key.wire,
        "UpdateExpression": "ADD revision :one, " + ", ".join(f"#{n} :{n}" for n in names),
        "ExpressionAttributeNames": {f"#{n}": name for n, name in names.items()},
        "ExpressionAttributeValues": {**item_to_wire(values), **condition.pop("ExpressionAttributeValues", {})},
        **condition,
    }
    return "Update", update


def _blank(seen: Level | Wall) -> SubjectDay:
    return SubjectDay(seen.subject, seen.solution, seen.day, seen.visitor)


def _raising(levels: list[Level]) -> Raise:
    return lambda one: one.raised(levels)


def _marking(walls: list[Wall]) -> Raise:
    def marked(one: SubjectDay) -> SubjectDay:
        for wall in walls:
            one = one.marked(WALLED, wall.reason, wall.at)
        return one

    return marked


def _coming(entry: Item, counts: Counts, at: int) -> Raise | None:
    """What an entry changes of the user's day: a registration that came from a refusal, or a payment."""
    if "registrations" in counts and (reason := str(entry.get("from", ""))):
        return lambda one: one.marked(REGISTERED, reason, at)
    if "upgrades" in counts and entry.get("event") == "payment_settled":
        return lambda one: one.paid(at)
    return None


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    pending = iter(items)
    while chunk := list(islice(pending, size)):
        yield chunk
