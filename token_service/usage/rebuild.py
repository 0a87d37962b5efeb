"""Recomputes solutions' days from what they were counted from: the subjects' own days, and the marks on audit entries
and payments. It proves that the sums are right, and corrects those that are not.

The order makes it safe beside the consumer, which changes a subject's day and a part of the solution's in one
transaction. The parts are read first, and corrected only if none has changed since. So whatever was counted after the
parts were read, and whether the scan saw it or not, makes the correction fail and begin again.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from entitlements.items import Item, Key, Wire, audit_prefix, item_to_wire, payment_prefix, usage_key, use_prefix
from token_service.access.records import Action
from token_service.errors import Busy, ConditionFailed
from token_service.repository import Repository
from token_service.usage.daily import ATTEMPTS, SHARDS, addition
from token_service.usage.reports import Period, Reports, numbers, stored
from token_service.usage.totals import KEPT_DAYS, Counts, SubjectDay, counted_of, difference, total

SETTLED: Final = 1.0
"""Seconds between reading the parts and the scan. A transaction is written item by item, so what a part has already may
come to the subject's item a moment later:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation
"""
CORRECTED: Final = 0
"""The part that takes a correction: a day needs it once, if ever."""

SolutionDay = tuple[str, str]
"""A solution's id, and a day (`YYYYMMDD`)."""


class WrongTotal(NamedTuple):
    """A number of a solution's day that is not the sum of what it was counted from."""

    solution: str
    day: str
    """ISO 8601."""
    number: str
    stored: int
    recomputed: int


@dataclass
class Proof:
    """What was compared, and what was different."""

    days: int = 0
    """Days of solutions that were compared."""
    subject_days: int = 0
    """Days of users and visitors that they were recomputed from."""
    subjects: set[str] = field(default_factory=set)
    differences: list[WrongTotal] = field(default_factory=list)
    corrected: bool = False
    """Whether there were differences, and they are corrected."""


class NotRebuildable(Exception):
    """Days that cannot be recomputed. The message says why, and which can."""


def require_rebuildable(period: Period, today: date) -> None:
    """Refuse days that are still being counted, and those of which the subjects' own may be gone already."""
    earliest, latest = today - timedelta(days=KEPT_DAYS), today - timedelta(days=1)
    if period.last > latest:
        raise NotRebuildable(f"{period.last} is still being counted: give a --to up to {latest}")
    if period.first < earliest:
        raise NotRebuildable(
            f"users' own days are kept for {KEPT_DAYS} days, so {period.first} would be recomputed as nothing: "
            f"give a --from since {earliest}"
        )


class Rebuild:
    """Compares and corrects. The scan reads the whole table."""

    def __init__(self, repository: Repository, sleep: Callable[[float], object] = time.sleep) -> None:
        """`sleep` waits for what is being written."""
        self._repository, self._reports, self._sleep = repository, Reports(repository), sleep

    def run(self, solutions: Iterable[str], period: Period, dry_run: bool = False) -> Proof:
        """Compare a period of solutions, and unless it is a dry run, correct what differs.

        Raises `Busy` if others kept counting on a day that differs.
        """
        left = {(solution, stored(day)) for solution in solutions for day in period.days}
        proof = Proof(days=len(left))
        for attempt in range(ATTEMPTS):
            parts = self._parts(left, period)
            self._sleep(SETTLED)
            sums = self._recomputed(left, proof if attempt == 0 else Proof())
            failed = set()
            for solution, day in sorted(left):
                found = parts[solution, day]
                before = total(numbers(item) for item in found.values())
                missing = difference(before, sums.get((solution, day), {}))
                if missing and not dry_run and not self._corrected(solution, day, found, missing):
                    failed.add((solution, day))
                    continue
                proof.differences += _differences(solution, day, before, missing)
            if not failed:
                proof.differences.sort()
                proof.corrected = bool(proof.differences) and not dry_run
                return proof
            left = failed
        raise Busy("days that differ are being changed by others: try again")

    def _parts(self, wanted: set[SolutionDay], period: Period) -> Mapping[SolutionDay, Mapping[int, Item]]:
        parts: dict[SolutionDay, dict[int, Item]] = defaultdict(dict)
        for solution in sorted({solution for solution, _ in wanted}):
            for shard, day, item in self._reports.parts(solution, period.first, period.last):
                parts[solution, stored(day)][shard] = item
        return parts

    def _recomputed(self, wanted: set[SolutionDay], proof: Proof) -> Mapping[SolutionDay, Counts]:
        """The sums of everything that counts for the wanted days, from one scan."""
        sums: dict[SolutionDay, Counter[str]] = defaultdict(Counter)
        uses, *_ = prefixes = (use_prefix(), audit_prefix(), payment_prefix())
        for item in self._repository.scan_consistently(prefixes):
            if Key.of(item).pk.startswith(uses.pk):
                one = SubjectDay.from_item(item)
                if (one.solution, one.day) in wanted:
                    proof.subject_days += 1
                    proof.subjects.add(one.subject)
                    sums[one.solution, one.day].update(one.counts)
            elif "counted" in item:
                for day, counts in counted_of(item).items():
                    if (at := (str(item["solution"]), day)) in wanted:
                        sums[at].update(counts)
        return sums

    def _corrected(self, solution: str, day: str, parts: Mapping[int, Item], missing: Counts) -> bool:
        """Add what is missing, if every part is as it was read; whether it was."""
        actions: list[Action] = []
        for shard in range(SHARDS):
            key = usage_key(solution, shard, day)
            unchanged = _unchanged(parts.get(shard))
            if shard == CORRECTED:
                actions.append(addition(key, missing, unchanged))
            else:
                actions.append(("ConditionCheck", {"Key": key.wire, **unchanged}))
        try:
            self._repository.transact(actions)
        except (ConditionFailed, Busy):
            return False
        return True


def _unchanged(item: Item | None) -> Wire:
    if item is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "revision = :revision",
        "ExpressionAttributeValues": item_to_wire({":revision": item["revision"]}),
    }


def _differences(solution: str, day: str, before: Counts, missing: Counts) -> Sequence[WrongTotal]:
    shown = date.fromisoformat(day).isoformat()
    return [
        WrongTotal(solution, shown, name, before.get(name, 0), before.get(name, 0) + more)
        for name, more in sorted(missing.items())
    ]
