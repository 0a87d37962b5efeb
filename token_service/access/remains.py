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


def remains_of(closed: Entitlement, solution: Solution | None, now: float) -> Item | None:
    """The attributes to keep of a closed entitlement, with `expires_at`; None if there is nothing to keep.

    If the solution no longer exists, its limits are unknown, and `total` is kept as under a lifetime limit.
    """
    windows = windows_at(now, solution.timezone if solution else "UTC")
    for_good = floor(now) + MOST_DAYS * DAY
    ends: list[int] = []
    kept: Item = {}
    if closed.closed_as != ACTIVE:
        kept |= {"status": closed.closed_as, "suspended_reason": closed.suspended_reason}
        ends.append(for_good)
    if closed.total and (solution is None or any(plan.limit(LIFETIME) for plan in solution.plans.values())):
        kept["total"] = closed.total
        ends.append(for_good)
    for window in windows.open.values():
        if count := closed.counters.get(window.counter):
            kept[window.counter] = count
            ends.append(floor(datetime.fromisoformat(window.resets_at).timestamp()))
    if not ends:
        return None
    return {name: value for name, value in kept.items() if value != ""} | {"expires_at": max(ends)}


def with_remains(new: Entitlement, kept: Item, solution: Solution, now: float) -> Entitlement:
    """Apply what a deleted entitlement of the same address left to a new one."""
    if int(kept.get("expires_at", 0)) <= now:  # DynamoDB deletes up to two days late
        return new
    windows = windows_at(now, solution.timezone)
    counters = {w.counter: kept[w.counter] for w in windows.open.values() if w.resets_at and w.counter in kept}
    return replace(
        new,
        status=kept.get("status", ACTIVE),
        suspended_reason=kept.get("suspended_reason", ""),
        total=kept.get("total", 0),
        counters=counters,
    )
