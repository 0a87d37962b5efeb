"""The windows that quotas count in: a day and a month of the solution's time zone, and a lifetime."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

SWEPT_DAYS: Final = 14
SWEPT_MONTHS: Final = 3
STALE_COUNTERS_KEPT: Final = 8
"""An item holds at most this many counters of windows long gone (docs/decisions/0003)."""

_COUNTER: Final = re.compile(r"d([0-9]{8})|m([0-9]{6})")


def is_counter(name: str) -> bool:
    """Whether an attribute of an item counts a day or a month."""
    return _COUNTER.fullmatch(name) is not None


class Windows(NamedTuple):
    """The windows of one moment. `day` and `month` are the names of their counters."""

    day: str
    month: str
    day_resets_at: str
    month_resets_at: str
    swept: tuple[str, ...]
    """Counters that every write removes. The windows just past are not among them: a request that read the clock
    before midnight may be written after it, and must still meet its own day's count."""
    oldest_day: str
    oldest_month: str

    def stale(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that count windows before the one just past."""
        return sorted(
            name
            for name in names
            if _COUNTER.fullmatch(name) and name < (self.oldest_day if name.startswith("d") else self.oldest_month)
        )


def zone(name: str) -> tzinfo:
    """The time zone of that IANA name; raises `ValueError` for an unknown one."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # 3 ms that only solutions with days of their own pay

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is not a known IANA time zone") from error


def windows_at(now: float, timezone: str) -> Windows:
    """The windows at `now` (seconds since the epoch) in a time zone."""
    return _windows_of(datetime.fromtimestamp(now, zone(timezone)).date(), timezone)


@lru_cache(maxsize=256)
def _windows_of(today: date, timezone: str) -> Windows:
    months = [_month_before(today, n) for n in range(2 + SWEPT_MONTHS)]
    days = [f"d{today - timedelta(days=n):%Y%m%d}" for n in range(2 + SWEPT_DAYS)]
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return Windows(
        day=days[0],
        month=months[0],
        day_resets_at=_midnight(today + timedelta(days=1), timezone),
        month_resets_at=_midnight(next_month, timezone),
        swept=(*days[2:], *months[2:]),
        oldest_day=days[1],
        oldest_month=months[1],
    )


def _month_before(day: date, months: int) -> str:
    index = day.year * 12 + day.month - 1 - months
    return f"m{index // 12:04d}{index % 12 + 1:02d}"


def _midnight(day: date, timezone: str) -> str:
    local = datetime(day.year, day.month, day.day, tzinfo=zone(timezone))
    return f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
