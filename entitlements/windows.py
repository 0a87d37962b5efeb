"""The windows that limits count in: hours, days and months. To add a kind of window, add a row to `WINDOWS`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

LIFETIME: Final = "lifetime"
"""The window that never ends. It counts in the attribute `total`."""
STALE_COUNTERS_KEPT: Final = 8
"""An item holds at most this many counters of past windows, besides the previous ones (docs/decisions/0003)."""


class Window(NamedTuple):
    """A kind of window."""

    name: str
    """Its key in `limits`."""
    form: str
    """The format of its counters' names, for `strftime`: a letter that no other kind has, then digits. Names sort in
    the order of their windows."""
    begin: Callable[[datetime, int], datetime]
    """When the window begins that is `n` windows after the one of a moment, in the solution's time zone."""
    swept: int
    """How many windows before the previous one each write removes. Pauses up to that long leave no counters behind."""
    everywhere: bool
    """Whether every item counts it, or only the items of solutions in which a plan limits it."""
    universal: bool
    """Whether it begins at the same time in every time zone."""


def _hour(moment: datetime, n: int) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=n)


def _day(moment: datetime, n: int) -> datetime:
    day = moment.date() + timedelta(days=n)
    return datetime(day.year, day.month, day.day, tzinfo=moment.tzinfo)


def _month(moment: datetime, n: int) -> datetime:
    index = moment.year * 12 + moment.month - 1 + n
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=moment.tzinfo)


WINDOWS: Final = (
    Window("hour", "h%Y%m%d%H", _hour, swept=24, everywhere=False, universal=True),
    Window("day", "d%Y%m%d", _day, swept=14, everywhere=True, universal=False),
    Window("month", "m%Y%m", _month, swept=3, everywhere=True, universal=False),
)
LIMITABLE: Final = (*(window.name for window in WINDOWS), LIFETIME)
"""The keys of `limits`."""

_BY_LETTER: Final = {window.form[0]: window for window in WINDOWS}
_LENGTHS: Final = {window.form[0]: len(datetime(2026, 11, 24, tzinfo=UTC).strftime(window.form)) for window in WINDOWS}


def window_of(counter: str) -> Window | None:
    """The kind of window that an attribute of an item counts; None if it is not a counter of a window."""
    letter, digits = counter[:1], counter[1:]
    if len(counter) != _LENGTHS.get(letter) or not (digits.isascii() and digits.isdigit()):
        return None
    return _BY_LETTER[letter]


class OpenWindow(NamedTuple):
    """The current window of one kind at a moment."""

    counter: str
    """The name of the attribute that counts it."""
    resets_at: str = ""
    """ISO 8601, UTC; empty for a lifetime."""
    last: str = ""
    """The counter of the previous window, which no write removes: a request that read the clock before the end of a
    window may be written after it, and must still find the count of its own window."""
    swept: tuple[str, ...] = ()
    """The counters that every write removes."""
    everywhere: bool = True


class Windows(NamedTuple):
    """The windows of one moment."""

    open: Mapping[str, OpenWindow]
    """By name, the lifetime too."""
    begin: float
    """Seconds since the epoch: until `end`, no window begins or ends."""
    end: float

    def stale(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that count windows before the previous one."""
        return sorted(
            name
            for name in names
            if name[:1] in _BY_LETTER and (window := window_of(name)) and name < self.open[window.name].last
        )


def zone(name: str) -> tzinfo:
    """The time zone of that IANA name; raises `ValueError` for an unknown one."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # takes 3 ms, needed only for zones other than UTC

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is not a known IANA time zone") from error


_current: dict[str, Windows] = {}
_MAX_ZONES: Final = 256


def windows_at(now: float, timezone: str) -> Windows:
    """The windows at `now` (seconds since the epoch) in a time zone. Returns the same object until one of them ends."""
    kept = _current.get(timezone)
    if kept is not None and kept.begin <= now < kept.end:
        return kept
    found = _windows_of(datetime.fromtimestamp(now, zone(timezone)))
    if len(_current) >= _MAX_ZONES:
        _current.clear()
    _current[timezone] = found
    return found


def _windows_of(moment: datetime) -> Windows:
    begins = [window.begin(moment, 0).timestamp() for window in WINDOWS]
    ends = [window.begin(moment, 1).timestamp() for window in WINDOWS]
    found = {window.name: _open(window, moment) for window in WINDOWS}
    return Windows(found | {LIFETIME: OpenWindow("total")}, max(begins), min(ends))


def _open(window: Window, moment: datetime) -> OpenWindow:
    current, last, *swept = (window.begin(moment, -n).strftime(window.form) for n in range(2 + window.swept))
    resets_at = window.begin(moment, 1).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return OpenWindow(current, resets_at, last, tuple(swept), window.everywhere)
