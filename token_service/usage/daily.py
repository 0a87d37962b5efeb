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
from token_service.usage.stream import Level, StreamRecord
from token_service.usage.totals import (
    CONVERSION_DAYS,
    PAID,
    REGISTERED,
    WALLED,
    Counts,
    SubjectDay,
    counted_of,
    counted_text,
    day_before,
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

    def wall(self, solution: str, day: str, reason: str, subjects: Mapping[str, bool]) -> None:
        """Count who was refused for a reason on a day: the subjects, and whether each is a visitor."""
        for chunk in _chunks(subjects.items(), ACTIONS - 1):
            blanks = [SubjectDay(subject, solution, day, visitor) for subject, visitor in chunk]
            self._change({blank.key: (blank, lambda one: one.marked(WALLED, reason)) for blank in blanks})

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
        if entry is None or "counted" in entry:
            return
        solution_id = str(entry.get("solution", ""))
        solution = self.solution(solution_id, record.at)
        counts = entries.changes(entry, solution)
        if not counts:
            return
        day = self.day_of(solution_id, record.at)

        def attempt() -> list[Action]:
            current = self._repository.get_item(record.key)
            if current is None or "counted" in current:
                return []
            mark = _mark(record.key, current, {day: counts})
            return self._writes(self._came_from(record.key.subject, solution_id, day, entry, counts), [mark])

        self._transact(attempt)

    def count_payment(self, record: StreamRecord) -> None:
        """Count a payment, or what changed of it. It counts what the table holds now, whatever the record says."""

        def attempt() -> list[Action]:
            current = self._repository.get_item(record.key)
            if current is None:
                return []
            solution_id = str(current["solution"])
            paid_on = self.day_of(solution_id, int(current["paid_at"]))
            after = entries.counted_now(current, counted_of(current), paid_on, self.day_of(solution_id, record.at))
            return self._writes([], [_mark(record.key, current, after)] if after != counted_of(current) else [])

        self._transact(attempt)

    def _came_from(self, user_id: str, solution_id: str, day: str, entry: Item, counts: Counts) -> list[Changed]:
        """The days on which it is to be noted that a registration or a payment came from a refusal."""
        if "registrations" in counts and (reason := str(entry.get("from", ""))):
            blank = SubjectDay(user_id, solution_id, day, visitor=False)
            item = self._repository.get_item(blank.key)
            before = None if item is None else SubjectDay.from_item(item)
            return [(before, (before or blank).marked(REGISTERED, reason))]
        if "upgrades" not in counts or entry.get("event") != "payment_settled":
            return []
        changed: dict[Key, Changed] = {}
        noted: set[str] = set()
        first = day_before(day, CONVERSION_DAYS)
        stored = [SubjectDay.from_item(item) for item in self._repository.query(use_prefix(user_id, solution_id))]
        for one in reversed([one for one in stored if first <= one.day <= day]):  # the latest refusal of each reason
            for name in one.own:
                kind, _, reason = name.partition("#")
                if kind in (WALLED, REGISTERED) and reason not in noted:
                    noted.add(reason)
                    _, after = changed.get(one.key, (one, one))
                    changed[one.key] = (one, after.marked(PAID, reason))
        return list(changed.values())

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


def _blank(level: Level) -> SubjectDay:
    return SubjectDay(level.subject, level.solution, level.day, level.visitor)


def _raising(levels: list[Level]) -> Raise:
    return lambda one: one.raised(levels)


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    pending = iter(items)
    while chunk := list(islice(pending, size)):
        yield chunk
