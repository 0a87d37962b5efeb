"""Which refusal a payment came from. Pure.

A refusal is known from the log and a payment from the stream, and either may be heard of first. So it is always
computed from all of a user's days, and comes to the same in any order.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from token_service.usage.totals import PAID, SubjectDay, day_before, name_of

CONVERSION_DAYS: Final = 7
"""How long after a refusal a payment is taken to come from it."""


def attributed(days: Sequence[SubjectDay]) -> list[SubjectDay]:
    """A user's days in one solution, with `paid#<reason>` on those days whose refusal the user paid after.

    Each payment comes from the last refusal of each reason before it, and from none that is more than 7 days old.
    """
    paid: set[tuple[str, str]] = set()
    for purchase in days:
        if not purchase.bought_at:
            continue
        first = day_before(purchase.day, CONVERSION_DAYS)
        latest: dict[str, str] = {}
        for one in days:
            for reason, at in one.refused_at.items():
                if first <= one.day <= purchase.day and at <= purchase.bought_at:
                    latest[reason] = max(one.day, latest.get(reason, ""))
        paid |= {(day, reason) for reason, day in latest.items()}
    return [_with_paid(one, {reason for day, reason in paid if day == one.day}) for one in days]


def _with_paid(day: SubjectDay, reasons: set[str]) -> SubjectDay:
    others = {name: number for name, number in day.own.items() if name.partition("#")[0] != PAID}
    return replace(day, own=others | {name_of(PAID, reason): 1 for reason in reasons})
