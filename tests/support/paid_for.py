"""What a user of a history has paid for, from Razorpay's entities alone: the model that `payments` is held to.

It knows nothing of the records in the table. Where the arrival of an event matters (a period of days begins with it),
the history says when a payment was first applied.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gatepass.local.razorpay import RazorpayAccount
from tests.support.seller import DAY


@dataclass(frozen=True)
class Paid:
    """A payment that was captured, of whatever is left of it."""

    payment_id: str
    reference: str
    plan: str
    amount: int
    kept: int
    paid_at: int
    period: tuple[int, int] | None = None

    def share(self, whole: int) -> int:
        return whole * self.kept // self.amount


class PaidFor:
    """The account's present state."""

    def __init__(self, account: RazorpayAccount, plans: Mapping[str, Any], user: str = "") -> None:
        """`user`: of several, the one whose purchases these are."""
        self._plans, self._user = plans, user
        self.subscriptions = {one["id"]: one for one in account.subscriptions() if self._is_theirs(one)}
        self._orders = {one["id"]: one for one in account.orders()}
        self._invoices = {one["id"]: one for one in account.invoices()}
        self._withheld: dict[str, int] = {}
        for dispute in account.disputes():
            # https://razorpay.com/docs/payments/disputes/: on hold until the bank decides, gone if it is lost.
            undecided = dispute["status"] in ("open", "under_review")
            on_hold = dispute["amount"] if undecided else dispute["amount_deducted"]
            self._withheld[dispute["payment_id"]] = self._withheld.get(dispute["payment_id"], 0) + on_hold
        self.entities = account.payments()
        self.payments = sorted(self._ours(self.entities), key=lambda one: (one.paid_at, one.reference, one.payment_id))

    def _ours(self, entities: list[Any]) -> Iterator[Paid]:
        for one in entities:
            if not one["captured"]:
                continue
            invoice = self._invoices.get(one["invoice_id"])
            reference = invoice["subscription_id"] if invoice else one["order_id"]
            sold = self.subscriptions.get(reference) if invoice else self._orders[reference]
            if sold is None or not self._is_theirs(sold):
                continue
            left = max(0, one["amount"] - one["amount_refunded"] - self._withheld.get(one["id"], 0))
            period = (invoice["billing_start"], invoice["billing_end"]) if invoice else None
            plan = sold["notes"]["plan"]
            yield Paid(one["id"], reference, plan, one["amount"], left, one["created_at"], period)

    def _is_theirs(self, sold: Any) -> bool:
        return not self._user or (sold["notes"] or {}).get("user") == self._user

    @property
    def kept(self) -> list[Paid]:
        return [one for one in self.payments if one.kept]

    def credits(self) -> int:
        """The credits that the kept payments pay for."""
        return sum(one.share(self._plans[one.plan].get("credits", 0)) for one in self.payments)

    def credits_ever(self) -> int:
        """The same, had nothing been refunded or disputed."""
        return sum(self._plans[one.plan].get("credits", 0) for one in self.payments)

    def _starting(self) -> set[str]:
        """The plans of subscriptions that are agreed to and not charged yet."""
        charged = {one.reference for one in self.payments}
        return {
            one["notes"]["plan"]
            for key, one in self.subscriptions.items()
            if one["status"] in ("authenticated", "active", "pending") and key not in charged
        }

    def plan_at(self, now: int, applied_at: Mapping[str, int], renewing: set[str], grace_days: int) -> Any:
        """The plan and its end (None: none) that the user should have; None if nothing is running.

        The newest purchase that has not lapsed wins. Purchases of one plan, one after the other, add up. `renewing`
        are the subscriptions that have a failed or a late charge forgiven for the days of grace. So has the first charge
        of one that begins where the paid time of its plan ends.
        """
        bought: dict[str, int] = {}
        for one in self.kept:
            bought[one.reference] = min(one.paid_at, bought.get(one.reference, one.paid_at))
        in_order = sorted(self.kept, key=lambda one: (bought[one.reference], one.reference))
        running = None
        groups = [(plan, list(group)) for plan, group in groupby(in_order, key=lambda one: one.plan)]
        newest, starting = dict(groups), self._starting()
        for plan, group in groups:
            until = self._until(plan, group, applied_at, renewing, grace_days)
            if until is not None and plan in starting and group is newest[plan]:
                until += grace_days * DAY
            if until is None or until > now:
                running = plan, until
        return running

    def _until(
        self, plan: str, group: list[Paid], applied_at: Mapping[str, int], renewing: set[str], grace_days: int
    ) -> int | None:
        price = self._plans[plan]["price"]
        until = 0
        if "days" in price:
            for one in sorted(group, key=lambda one: (applied_at[one.payment_id], one.payment_id)):
                until = max(until, applied_at[one.payment_id]) + one.share(price["days"] * DAY)
        elif "interval" in price:
            for one in group:
                assert one.period is not None
                start, end = one.period
                grace = grace_days * DAY if one.reference in renewing and one.kept == one.amount else 0
                until = max(until, start + one.share(end - start) + grace)
        else:
            return None
        return until
