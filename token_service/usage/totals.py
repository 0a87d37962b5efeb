"""What is counted for a day: of one subject, and of a solution. Pure.

A solution's day is a set of named numbers, so that adding one needs no migration:

| name | what it counts |
| --- | --- |
| `units#<plan>` | units spent under a plan |
| `users`, `visitors` | different users, and different visitors, who spent units |
| `registrations`, `upgrades`, `downgrades`, `cancellations` | changes of entitlements |
| `revenue#<plan>#<currency>`, `refunds#<plan>#<currency>` | amounts in the currency's smallest unit |
| `walled#<reason>` | different users or visitors who were refused for that reason |
| `registered#<reason>` | registrations that came from such a refusal |
| `paid#<reason>` | users who paid within 7 days of such a refusal; counted on the day of the refusal |
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from entitlements.items import Item, Key, use_key
from token_service.usage.stream import Level

Counts = Mapping[str, int]
"""Numbers by name, as in the table above."""

KEPT_DAYS: Final = 90
"""Whole days for which a subject's own days are kept. A solution's totals name nobody, and are kept for good."""
UNITS, WALLED, REGISTERED, PAID = "units", "walled", "registered", "paid"
REVENUE, REFUNDS = "revenue", "refunds"
_OWN: Final = (UNITS, WALLED, REGISTERED, PAID)
"""The numbers that are kept per subject too, and of which the solution's are the sums."""
_AT: Final = "at#"


def name_of(*parts: str) -> str:
    """The name of a number: `units#pro`."""
    return "#".join(parts)


def day_before(day: str, days: int) -> str:
    """The day that many days before one, both `YYYYMMDD`."""
    return (_date(day) - timedelta(days=days)).strftime("%Y%m%d")


def expiry(day: str) -> int:
    """When a subject's day is deleted, in seconds since the epoch. The day may be over 12 hours after UTC's."""
    return int((_date(day) + timedelta(days=KEPT_DAYS + 2)).timestamp())


def _date(day: str) -> datetime:
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SubjectDay:
    """What one user or visitor used of a solution on a day."""

    subject: str
    solution: str
    day: str
    visitor: bool
    used: int = 0
    """The highest level that was seen of the counter in the entitlement or in the visitor's item."""
    baseline: int | None = None
    """The level at which the entitlement was created; None while that was not seen."""
    own: Counts = field(default_factory=dict, hash=False)
    """Units by plan (with the baseline taken off), and the marks of refusals: 1 each."""
    refused_at: Counts = field(default_factory=dict, hash=False)
    """When the day's first refusal was, or the registration that came from one, by reason: seconds since the epoch."""
    bought_at: int = 0
    """When the user last paid on that day; 0 for a day without a payment."""
    revision: int = 0
    """How often it was written, so that no writer undoes what another has just added."""

    @property
    def key(self) -> Key:
        """The key of its item."""
        return use_key(self.subject, self.solution, self.day)

    @classmethod
    def from_item(cls, item: Item) -> "SubjectDay":
        """Read a stored day."""
        key = Key.of(item)
        solution, _, day = key.sk.rpartition("#")
        numbers = {name: number for name, number in item.items() if type(number) is int}
        return cls(
            key.subject,
            solution,
            day,
            visitor=bool(item["visitor"]),
            used=numbers["used"],
            baseline=numbers.get("baseline"),
            own={name: number for name, number in numbers.items() if name.partition("#")[0] in _OWN},
            refused_at={name.removeprefix(_AT): number for name, number in numbers.items() if name.startswith(_AT)},
            bought_at=numbers.get("bought_at", 0),
            revision=numbers["revision"],
        )

    def to_item(self) -> dict[str, str | int | bool]:
        """The attributes to store."""
        known = {"baseline": self.baseline, "bought_at": self.bought_at or None}
        kept = {name: number for name, number in known.items() if number is not None}
        fixed = {"visitor": self.visitor, "revision": self.revision, "expires_at": expiry(self.day)}
        times = {f"{_AT}{reason}": at for reason, at in self.refused_at.items()}
        return {**fixed, "used": self.used, **kept, **self.own, **times}

    def raised(self, levels: Iterable[Level]) -> "SubjectDay":
        """The day after levels were seen, in any order. Seeing one again changes nothing.

        The units between two levels were spent under the plan of the higher one.
        """
        own, used, baseline = Counter(self.own), self.used, self.baseline
        for level in sorted(levels, key=lambda level: level.used):
            name = name_of(UNITS, level.plan)
            if level.used > used:
                own[name] += level.used - used
                used = level.used
            if level.baseline and baseline is None:
                own[name] -= level.used
                baseline = level.used
        return replace(self, used=used, baseline=baseline, own=_without_zeros(own))

    def marked(self, kind: str, reason: str, at: int) -> "SubjectDay":
        """The day with a refusal, or a registration that came from one (`kind`), at a time."""
        first = min(at, self.refused_at.get(reason, at))
        own = {**self.own, name_of(kind, reason): 1}
        return replace(self, own=own, refused_at={**self.refused_at, reason: first})

    def paid(self, at: int) -> "SubjectDay":
        """The day with a payment at a time."""
        return replace(self, bought_at=max(at, self.bought_at))

    @property
    def units(self) -> int:
        """The units spent, under whatever plan."""
        return sum(number for name, number in self.own.items() if name.startswith(f"{UNITS}#"))

    @property
    def counts(self) -> Counts:
        """What it contributes to the solution's day."""
        one = {"visitors" if self.visitor else "users": 1} if self.units > 0 else {}
        return {**self.own, **one}


def difference(before: Counts, after: Counts) -> dict[str, int]:
    """What to add to get from one set of numbers to another; without zeros."""
    added = Counter(after)
    added.subtract(before)
    return _without_zeros(added)


def total(all_counts: Iterable[Counts]) -> dict[str, int]:
    """The sum of sets of numbers; without zeros."""
    summed: Counter[str] = Counter()
    for counts in all_counts:
        summed.update(counts)
    return _without_zeros(summed)


def _without_zeros(counts: Counts) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


def counted_of(item: Item) -> dict[str, dict[str, int]]:
    """What an audit entry or a payment has contributed so far, by day: the mark in its attribute `counted`."""
    counted: dict[str, dict[str, int]] = json.loads(item.get("counted", "{}"))
    return counted


def counted_text(counted: Mapping[str, Counts]) -> str:
    """The mark to store."""
    return json.dumps(counted, sort_keys=True, separators=(",", ":"))
