"""Reports of what solutions were used for, in the shape that `GET /v1/usage` and `gatepass usage` share.

A solution's day is stored in parts. Each part's days are next to each other, so a report of any length is one query
for each part.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from entitlements.items import Item, Key, listing_prefix, usage_key, use_prefix
from entitlements.windows import windows_at
from token_service.repository import Repository
from token_service.usage.daily import SHARDS
from token_service.usage.totals import (
    KEPT_DAYS,
    PAID,
    REFUNDS,
    REGISTERED,
    REVENUE,
    UNITS,
    WALLED,
    Counts,
    SubjectDay,
    name_of,
    total,
)

DEFAULT_DAYS: Final = 30
MOST_DAYS: Final = 366
CHANGES: Final = ("registrations", "upgrades", "downgrades", "cancellations")
Document = dict[str, Any]
"""JSON, as docs/api.md describes it."""
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""Of the forms of ISO 8601, the one that everybody reads."""


class PeriodInvalid(ValueError):
    """Dates that are no period that can be reported. The message says why, and what to give."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from one to another, both included."""

    first: date
    last: date

    @classmethod
    def read(cls, first: str | None, last: str | None, today: date) -> "Period":
        """From ISO 8601 dates; by default the 30 days up to today. Raises `PeriodInvalid`."""
        end = today if last is None else _read("to", last)
        begin = end - timedelta(days=DEFAULT_DAYS - 1) if first is None else _read("from", first)
        if begin > end:
            raise PeriodInvalid(f"from ({begin}) is after to ({end}): give an earlier from, or a later to")
        period = cls(begin, end)
        if len(period) > MOST_DAYS:
            raise PeriodInvalid(f"from {begin} to {end} are {len(period)} days: ask for at most {MOST_DAYS}")
        return period

    def __len__(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        """Every day, the oldest first."""
        return [self.first + timedelta(days=n) for n in range(len(self))]

    @property
    def before(self) -> "Period":
        """The period of the same length that ends the day before."""
        return Period(self.first - timedelta(days=len(self)), self.first - timedelta(days=1))


def _read(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text if DAY.fullmatch(text) else "")
    except ValueError:
        raise PeriodInvalid(f"{name} ({text}) is not a day: write YYYY-MM-DD") from None
    if not 2000 <= day.year <= 2999:
        raise PeriodInvalid(f"{name} ({text}) must be in the years 2000 to 2999")
    return day


def today_in(timezone: str, now: float) -> date:
    """The day at a time (seconds since the epoch), where a solution is."""
    return date.fromisoformat(windows_at(now, timezone).open["day"].counter[1:])


def stored(day: date) -> str:
    """A day as keys have it: `YYYYMMDD`."""
    return f"{day:%Y%m%d}"


# ---- shapes ----------------------------------------------------------------------------------------------------------


def report(solution_id: str, name: str, period: Period, days: Mapping[date, Counts]) -> Document:
    """A solution's report, from the numbers of the days in a period and in the one before."""
    of_period = [(day, days.get(day, {})) for day in period.days]
    return {
        "solution_id": solution_id,
        "name": name,
        "days": [{"day": day.isoformat(), **_figures(counts, "users", "visitors")} for day, counts in of_period],
        "total": _summed(counts for _, counts in of_period),
        "before": _summed(days.get(day, {}) for day in period.before.days),
    }


def _summed(all_counts: Iterable[Counts]) -> Document:
    return _figures(total(all_counts), "user_days", "visitor_days")


def _figures(counts: Counts, users: str, visitors: str) -> Document:
    """One set of numbers; `users` and `visitors` are the names for those two."""
    return {
        "units": {plan: number for (plan,), number in _named(UNITS, counts)},
        users: counts.get("users", 0),
        visitors: counts.get("visitors", 0),
        **{name: counts.get(name, 0) for name in CHANGES},
        "revenue": _money(REVENUE, counts),
        "refunds": _money(REFUNDS, counts),
        "refused": [
            {
                "reason": reason,
                "subjects": counts.get(name_of(WALLED, reason), 0),
                "registered": counts.get(name_of(REGISTERED, reason), 0),
                "paid": counts.get(name_of(PAID, reason), 0),
            }
            for reason in sorted(
                {reason for kind in (WALLED, REGISTERED, PAID) for (reason,), _ in _named(kind, counts)}
            )
        ],
    }


def _money(kind: str, counts: Counts) -> list[Document]:
    return [{"plan": plan, "currency": currency, "amount": amount} for (plan, currency), amount in _named(kind, counts)]


def _named(kind: str, counts: Counts) -> Iterator[tuple[list[str], int]]:
    """The numbers of a kind, by the other parts of their names, in order."""
    for name, number in sorted(counts.items()):
        first, *others = name.split("#")
        if first == kind and number:
            yield others, number


def own_days(days: Iterable[SubjectDay], today: date) -> list[Document]:
    """A user's own days for as long as they are kept, the oldest first, also those without use."""
    units = {one.day: one.units for one in days}
    kept = Period(today - timedelta(days=KEPT_DAYS - 1), today)
    return [{"day": day.isoformat(), "units": units.get(stored(day), 0)} for day in kept.days]


# ---- reading ---------------------------------------------------------------------------------------------------------


class Reports:
    """Reads days and makes reports of them."""

    def __init__(self, repository: Repository) -> None:
        """With the table."""
        self._repository = repository

    def solution_ids(self) -> list[str]:
        """All applied solutions."""
        return [Key.of(item).sk.partition("#")[2] for item in self._repository.query(listing_prefix())]

    def report(self, solution_id: str, name: str, period: Period) -> Document:
        """A solution's report of a period, beside the one before."""
        return report(solution_id, name, period, self.days(solution_id, period.before.first, period.last))

    def days(self, solution_id: str, first: date, last: date) -> dict[date, dict[str, int]]:
        """The numbers of the days that have some."""
        parts: dict[date, list[Counts]] = defaultdict(list)
        for _, day, item in self.parts(solution_id, first, last):
            parts[day].append(numbers(item))
        return {day: total(counts) for day, counts in parts.items()}

    def parts(self, solution_id: str, first: date, last: date) -> Iterator[tuple[int, date, Item]]:
        """The stored parts of a solution's days: the number of the part, the day, and the item."""
        for shard in range(SHARDS):
            begin, end = (usage_key(solution_id, shard, stored(day)) for day in (first, last))
            for item in self._repository.between(begin, end):
                yield shard, date.fromisoformat(Key.of(item).sk.partition("#")[2]), item

    def own(self, user_id: str, solution_id: str) -> Sequence[SubjectDay]:
        """A user's days in a solution, as far as they are kept."""
        return [SubjectDay.from_item(item) for item in self._repository.query(use_prefix(user_id, solution_id))]


def numbers(item: Item) -> dict[str, int]:
    """The named numbers in a part of a solution's day."""
    return {name: number for name, number in item.items() if type(number) is int and name != "revision"}
