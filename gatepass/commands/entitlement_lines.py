"""The lines of `gatepass entitlements export` and `import`. Each is a JSON object with these keys:

| key | value |
| --- | --- |
| `user_id`, `solution_id`, `status`, `plan` | strings, required |
| `total`, `granted` | use so far (absent: 0), and the `total` up to which a prepaid plan allows requests |
| `hYYYYMMDDHH`, `dYYYYMMDD`, `mYYYYMM` | use of an hour (UTC), a day and a month |
| `paid_until` | seconds since the epoch |
| `created_at` | ISO 8601 |
| `suspended_reason` | string, only with the status `suspended` |

A line contains no personal data (addresses are in Cognito) and nothing of a token (`jti`, `generation`).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from entitlements.decision import ACTIVE, REVOKED, SUSPENDED
from entitlements.identifiers import PLAN_NAME, SOLUTION_ID, USER_ID
from entitlements.plans import ANONYMOUS
from entitlements.solution import Solution
from entitlements.windows import Window, window_of, windows_at
from token_service.access.records import REASON_LENGTH, Entitlement, good_reason, timestamp

KEYS: Final = (
    "user_id", "solution_id", "status", "plan", "total", "granted", "paid_until", "created_at", "suspended_reason",
)  # fmt: skip
MOST: Final = 10**15
"""More than any sum of purchases, and far below the precision of DynamoDB's numbers."""
LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999: a larger number must be in milliseconds."""
DAY: Final = 86_400


class BadLine(ValueError):
    """A line cannot be imported. `faults` maps each key to what is wrong with it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep every fault, so that all can be corrected at once."""
        super().__init__("; ".join(f"{key}: {fault}" for key, fault in faults.items()))
        self.faults = dict(faults)


def write_line(found: Entitlement, now: float) -> str:
    """An entitlement as a line, without the line end."""
    item = found.to_item()
    if found.status != SUSPENDED:
        item.pop("suspended_reason", None)  # a closed account's remains keep it
    current = _current(found.counters, now)
    return json.dumps({name: item[name] for name in (*KEYS, *sorted(current)) if name in item}, separators=(",", ":"))


def read_line(text: str, solution_of: Callable[[str], Solution | None], now: float) -> Entitlement:
    """An entitlement from a line, without a generation; raises `BadLine` with every fault but not the values."""
    reader = _LineReader(_object(text))
    found = reader.entitlement(solution_of, now)
    if reader.faults or found is None:
        raise BadLine(reader.faults)
    return found


def _current(counters: Mapping[str, int], now: float) -> dict[str, int]:
    """The counters that some time zone may still use. No zone is a day behind UTC, so one more day is enough."""
    stale = set(windows_at(now, "UTC").stale(counters))
    return {name: count for name, count in counters.items() if name not in stale}


def _object(text: str) -> dict[str, Any]:
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.extend(key for key, count in Counter(key for key, _ in found).items() if count > 1)
        return dict(found)

    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        raise BadLine({"(line)": "is not JSON"}) from None
    if not isinstance(data, dict):
        raise BadLine({"(line)": "must be a JSON object"})
    if twice:
        raise BadLine({_shown(key): "is repeated" for key in twice})
    return data


def _shown(key: str) -> str:
    """A key of a file, made safe for a terminal."""
    return key if key.isprintable() and key.isascii() and 0 < len(key) <= 40 else ascii(key[:40])


class _LineReader:
    """Collects the faults of one line. Values are not repeated: if columns are mixed up, they may be addresses."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.faults: dict[str, str] = {}

    def entitlement(self, solution_of: Callable[[str], Solution | None], now: float) -> Entitlement | None:
        for key in self.data:
            if key not in KEYS and not window_of(key):
                self.faults[_shown(key)] = "is not a key of an entitlement"
        user_id = self._text("user_id")
        if user_id and not USER_ID.fullmatch(user_id):
            self.faults["user_id"] = "must be the Cognito sub, a UUID in lower case"
        status = self._text("status")
        if status and status not in (ACTIVE, SUSPENDED, REVOKED):
            self.faults["status"] = f"must be {ACTIVE}, {SUSPENDED} or {REVOKED}"
        solution, plan = self._solution(solution_of), self._text("plan")
        if solution is not None and plan:
            self._plan(solution, plan)
        found = Entitlement(
            user_id,
            solution.solution_id if solution else "",
            status,
            plan,
            generation="",
            total=self._count("total", MOST) or 0,
            granted=self._count("granted", MOST),
            paid_until=self._count("paid_until", LAST_SECOND),
            created_at=self._created_at(),
            suspended_reason=self._reason(status),
            counters=self._counters(filter(window_of, self.data), now),
        )
        return None if self.faults else found

    def _text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str) or not value:
            self.faults[key] = "is missing" if key not in self.data else "must be a string"
            return ""
        return value

    def _solution(self, solution_of: Callable[[str], Solution | None]) -> Solution | None:
        name = self._text("solution_id")
        if not name:
            return None
        if not SOLUTION_ID.fullmatch(name):
            self.faults["solution_id"] = "must be 2 to 63 lower-case letters, digits and hyphens"
            return None
        solution = solution_of(name)
        if solution is None:
            self.faults["solution_id"] = f"there is no solution {name}: gatepass solutions apply its file first"
        return solution

    def _plan(self, solution: Solution, name: str) -> None:
        plan = solution.plans.get(name)
        if plan is None or name == ANONYMOUS:
            known = ", ".join(p for p in solution.plans if p != ANONYMOUS)
            what = f"no plan {name} for users" if PLAN_NAME.fullmatch(name) else "no such plan"
            self.faults["plan"] = f"{solution.solution_id} has {what}; it has {known}"
        elif plan.prepaid and "granted" not in self.data:
            self.faults["granted"] = f"is missing: the plan {name} is prepaid"

    def _count(self, key: str, most: int) -> int | None:
        if key not in self.data:
            return None
        value = self.data[key]
        # bool is an int in Python, and 3.0 is not written as a whole number.
        if type(value) is not int or not 0 <= value <= most:
            unit = ", in seconds since the epoch" if key == "paid_until" else ""
            self.faults[_shown(key)] = f"must be a whole number from 0 to {most}{unit}"
            return None
        return value

    def _created_at(self) -> str:
        if "created_at" not in self.data:
            return ""
        try:
            when = datetime.fromisoformat(self.data["created_at"])
            seconds = when.replace(tzinfo=when.tzinfo or UTC).timestamp()
            if not 0 <= seconds <= LAST_SECOND:
                raise ValueError
        except (ValueError, TypeError, OverflowError):
            self.faults["created_at"] = "must be a time such as 2026-11-23T10:00:00.000Z"
            return ""
        return timestamp(seconds)

    def _reason(self, status: str) -> str:
        if "suspended_reason" not in self.data:
            return ""
        reason = self._text("suspended_reason")
        if reason and not good_reason(reason):
            self.faults["suspended_reason"] = f"must be one line of at most {REASON_LENGTH} characters"
        if status != SUSPENDED:
            self.faults["suspended_reason"] = f"is allowed only with the status {SUSPENDED}"
        return reason

    def _counters(self, names: Iterable[str], now: float) -> dict[str, int]:
        """The counters that are still in use. A name that is not that of a window's counter is a fault."""
        counters = {}
        for name in names:
            count, window = self._count(name, MOST), window_of(name)
            if window is None or not _exists(name, window):
                self.faults[name] = f"there is no such {window.name if window else 'window'}"
            # In the time zones where days begin first, it is tomorrow already.
            elif name > windows_at(now if window.universal else now + DAY, "UTC").open[window.name].counter:
                self.faults[name] = "is in the future"
            elif count is not None:
                counters[name] = count
        return _current(counters, now)


def _exists(counter: str, window: Window) -> bool:
    try:
        datetime.strptime(counter, window.form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
