"""The data that outlives a deleted account, so that deleting it does not reset quotas or suspensions. Pure functions.

A suspension or revocation stays in force, and a counter stays used until its window ends. The data is stored under a
keyed hash of the address for at most 400 days (docs/decisions/0010-what-outlives-an-account.md).
"""

from dataclasses import replace
from datetime import datetime
from math import floor
from typing import Final

from entitlements.decision import ACTIVE
from entitlements.items import Item
from entitlements.solution import Solution
from entitlements.windows import LIFETIME, windows_at
from token_service.access.records import Entitlement

MOST_DAYS: Final = 400
DAY: Final = 86_400
CLOCKS_DIFFER: Final = 60
"""Seconds before and after the turn of a window in which both windows count: a gate whose clock is ahead has counted in
the new one already, and one whose clock is behind still counts in the old one."""


def remains_of(closed: Entitlement, solution: Solution | None, now: float) -> Item | None:
    """The attributes to keep of a closed entitlement, with `expires_at`; None if there is nothing to keep.

    If the solution no longer exists, its limits are unknown, and `total` is kept as under a lifetime limit.
    """
    for_good = floor(now) + MOST_DAYS * DAY
    ends: list[int] = []
    kept: Item = {}
    if closed.closed_as != ACTIVE:
        kept |= {"status": closed.closed_as, "suspended_reason": closed.suspended_reason}
        ends.append(for_good)
    if closed.total and (solution is None or any(plan.limit(LIFETIME) for plan in solution.plans.values())):
        kept["total"] = closed.total
        ends.append(for_good)
    for counter, end in _open_about(now, solution.timezone if solution else "UTC").items():
        if count := closed.counters.get(counter):
            kept[counter] = count
            ends.append(end + CLOCKS_DIFFER)
    if not ends:
        return None
    return {name: value for name, value in kept.items() if value != ""} | {"expires_at": max(ends)}


def with_remains(new: Entitlement, kept: Item, solution: Solution, now: float) -> Entitlement:
    """Apply what a deleted entitlement of the same address left to a new one."""
    if int(kept.get("expires_at", 0)) <= now:  # DynamoDB deletes up to two days late
        return new
    counters = {counter: kept[counter] for counter in _open_about(now, solution.timezone) if counter in kept}
    return replace(
        new,
        status=kept.get("status", ACTIVE),
        suspended_reason=kept.get("suspended_reason", ""),
        total=kept.get("total", 0),
        counters=counters,
    )


def _open_about(now: float, timezone: str) -> dict[str, int]:
    """The counters of the windows that are open by some clock, with the end of each in seconds since the epoch."""
    moments = (now - CLOCKS_DIFFER, now, now + CLOCKS_DIFFER)
    return {
        window.counter: floor(datetime.fromisoformat(window.resets_at).timestamp())
        for moment in moments
        for window in windows_at(moment, timezone).open.values()
        if window.resets_at
    }
