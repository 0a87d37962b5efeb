"""What an audit entry and a payment contribute to a solution's day. Pure."""

import json
from collections.abc import Mapping
from typing import Final

from entitlements.items import Item
from entitlements.plans import INTERVALS, Plan
from entitlements.solution import Solution
from token_service.usage.totals import REFUNDS, REVENUE, Counts, name_of, total

_MONTHS_A_YEAR: Final = 12
_DAYS_A_MONTH: Final = 30


def changes(entry: Item, solution: Solution | None) -> Counts:
    """The registrations, upgrades, downgrades and cancellations in an audit entry.

    Without the solution's configuration, prices are unknown, and a changed plan is neither up nor down.
    """
    event = entry.get("event")
    if event == "granted":
        return {} if "again" in entry else {"registrations": 1}
    if event not in ("plan_set", "payment_settled"):
        return {}
    # A payment that is sent back because its subscription had been cancelled has the same cause, and names the payment.
    ended = entry.get("cause") == "cancelled" and "payment" not in entry
    cancelled = {"cancellations": 1} if ended else {}
    move = direction(entry, solution)
    return {**cancelled, **({f"{move}s": 1} if move else {})}


def direction(entry: Item, solution: Solution | None) -> str:
    """`upgrade` or `downgrade` for an entry that changes the plan to one with a higher or lower price by the month."""
    plans: Mapping[str, Plan] = solution.plans if solution is not None else {}
    after, before = plans.get(str(entry.get("plan"))), plans.get(str(entry.get("plan_before")))
    if after is None or before is None or _monthly(after) == _monthly(before):
        return ""
    return "upgrade" if _monthly(after) > _monthly(before) else "downgrade"


def money(payment: Item) -> dict[str, int]:
    """What was taken, and what was given back or is withheld by a dispute, by the names of the numbers."""
    plan, currency = str(payment["plan"]), str(payment["currency"])
    disputed = sum(json.loads(payment.get("disputes", "{}")).values())
    taken_back = min(int(payment["amount"]), int(payment.get("refunded", 0)) + disputed)
    return {
        name_of(REVENUE, plan, currency): int(payment["amount"]),
        name_of(REFUNDS, plan, currency): taken_back,
    }


def is_purchase(payment: Item) -> bool:
    """Whether a payment is a decision of its own: no renewal, and none that is sent back.

    The first payment of a subscription is known by the plan that it changes.
    """
    return payment.get("model") != "recurring" and "returned" not in payment


def counted_now(payment: Item, counted: Mapping[str, Counts], paid_on: str, seen_on: str) -> dict[str, dict[str, int]]:
    """The mark of a payment after it was seen: revenue on the day it was paid, changes of what is given back on the day
    they are seen (both `YYYYMMDD`).
    """
    before = total(counted.values())
    after = {day: dict(counts) for day, counts in counted.items()}
    for name, amount in money(payment).items():
        more = amount - before.get(name, 0)
        if more:
            day = after.setdefault(paid_on if name.startswith(f"{REVENUE}#") else seen_on, {})
            day[name] = day.get(name, 0) + more
    return after


def _monthly(plan: Plan) -> float:
    price = plan.price
    if price is None:
        return 0
    if price.interval:
        return price.amount * INTERVALS[price.interval] / _MONTHS_A_YEAR / price.every
    return price.amount * _DAYS_A_MONTH / price.days if price.days else price.amount
