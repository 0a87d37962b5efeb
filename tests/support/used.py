"""A table with days that the consumer has counted, at any time."""

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from entitlements.directory import Directory
from entitlements.items import Item, Key, audit_key, payment_key
from entitlements.reasons import Reason
from tests.support.signer import SOLUTION
from tests.support.table import Table
from token_service.repository import Repository
from token_service.usage.daily import DailyUsage
from token_service.usage.refusals import Wall
from token_service.usage.stream import Level, StreamRecord


def user(number: int) -> str:
    return str(uuid.UUID(int=number))


class Used:
    """What users and visitors do in a solution on a day, counted as the consumer counts it."""

    def __init__(self, table: Table, solution: str = SOLUTION) -> None:
        self.table, self.solution = table, solution
        self.repository = Repository(table.client, table.name)
        self.usage = DailyUsage(self.repository, Directory(self.repository.get_item))
        self._entries = 0

    def spend(self, subject: str, day: date, units: int, plan: str = "registered", visitor: bool = False) -> None:
        """Up to so many units of that day."""
        plan = "anonymous" if visitor else plan
        self.usage.raise_levels([Level(subject, visitor, self.solution, f"{day:%Y%m%d}", plan, units)])

    def refuse(self, subject: str, day: date, visitor: bool = True) -> None:
        self.usage.count_walls([self._wall(subject, day, visitor)])

    def refuse_visitors(self, pseudonyms: Iterable[str], day: date) -> None:
        self.usage.count_walls(self._wall(one, day, True) for one in pseudonyms)

    def _wall(self, subject: str, day: date, visitor: bool) -> Wall:
        reason = Reason.ANONYMOUS_QUOTA_EXCEEDED if visitor else Reason.QUOTA_EXCEEDED
        return Wall(self.solution, f"{day:%Y%m%d}", reason.value, subject, visitor, int(self._at(day)))

    def register(self, user_id: str, day: date, reason: str = "") -> None:
        came = {"from": reason} if reason else {}
        self._entry(user_id, day, event="granted", **came)

    def buy(self, user_id: str, day: date, amount: int = 49900, currency: str = "INR", plan: str = "pro") -> Key:
        """The payment's key."""
        self._entry(user_id, day, event="payment_settled", plan=plan, plan_before="registered")
        at = self._at(day)
        key = payment_key(user_id, f"{day}T12:00:00Z", f"pay_{self._entries}")
        payment: Item = {
            "plan": plan,
            "amount": amount,
            "currency": currency,
            "paid_at": int(at),
            "solution": self.solution,
        }
        self.table.put(*key, **payment)
        self._seen(key, payment, at)
        return key

    def refund(self, payment: Key, day: date, amount: int) -> None:
        item = self.table.get(payment)
        assert item is not None
        changed = item | {"refunded": amount}
        self.table.put(**changed)
        self._seen(payment, changed, self._at(day))

    def _entry(self, user_id: str, day: date, **attributes: Any) -> None:
        self._entries += 1
        key = audit_key(user_id, f"{day}T12:00:00.000Z", str(self._entries))
        entry = {"solution": self.solution, "user_id": user_id, **attributes}
        self.table.put(*key, **entry)
        self.usage.count_entry(self._record(key, entry, self._at(day)))

    def _seen(self, key: Key, payment: Item, at: float) -> None:
        self.usage.count_payment(self._record(key, payment, at))

    @staticmethod
    def _record(key: Key, item: Item, at: float) -> StreamRecord:
        return StreamRecord("1", "INSERT", key, None, item, at)

    @staticmethod
    def _at(day: date) -> float:
        return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


def a_marketplaces_days(used: Used, today: date, days: int) -> None:
    """Visitors, of whom some are refused, register, and pay; and users who come back."""
    for n in range(1, days + 1):
        day = today - timedelta(days=n)
        text = f"{day:%Y%m%d}"
        visits = [Level(f"address-{n}-{v}", True, used.solution, text, "anonymous", 3) for v in range(6)]
        users = [Level(user(one), False, used.solution, text, "registered", 10 - one) for one in range(n, days + 1)]
        used.usage.raise_levels(visits + users)
        used.refuse_visitors((f"pseudonym-{n}-{visitor}" for visitor in range(2 * n)), day)
        used.register(user(n), day, Reason.ANONYMOUS_QUOTA_EXCEEDED.value)
        used.refuse(user(n), day, visitor=False)
        if n % 2:
            used.buy(user(n), day)
            used.spend(user(n), day, 40 + n, "pro")
