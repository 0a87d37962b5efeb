"""The rules for disputes: https://razorpay.com/docs/payments/disputes/."""

from __future__ import annotations

from copy import deepcopy
from enum import StrEnum
from typing import Any

from gatepass.local.razorpay import entities
from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.orders import OrderBook, find


class DisputeStatus(StrEnum):
    """The states of a dispute. `OPEN` and `UNDER_REVIEW` are not final."""

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


_NOT_FINAL = (DisputeStatus.OPEN, DisputeStatus.UNDER_REVIEW)


class DisputeBook(OrderBook):
    """Disputes of one account. See `RazorpayAccount`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._disputes: dict[str, Entity] = {}

    def disputes(self) -> list[Entity]:
        """All disputes, oldest first."""
        return deepcopy(list(self._disputes.values()))

    def dispute(self, dispute_id: str) -> Entity:
        """One dispute."""
        return deepcopy(find(self._disputes, dispute_id))

    def open_dispute(self, payment_id: str, amount: int | None = None, phase: str = "chargeback") -> Entity:
        """Let the payer's bank dispute a captured payment, by default all of it.

        A dispute that was won can come back as another one in the phase `pre_arbitration`.
        """
        payment = find(self._payments, payment_id)
        if not payment["captured"]:
            raise ValueError(f"{payment_id} is {payment['status']}: only a captured payment can be disputed")
        if amount is None:
            amount = payment["amount"]
        if not 0 < amount <= payment["amount"]:
            raise ValueError(f"the amount must be between 1 and the payment's {payment['amount']}, not {amount}")
        dispute = entities.dispute(f"disp_{self._new_id()}", payment, amount, phase, self._now())
        self._disputes[dispute["id"]] = dispute
        self._tell("payment.dispute.created", payment=payment, dispute=dispute)
        return deepcopy(dispute)

    def resolve_dispute(self, dispute_id: str, status: str) -> Entity:
        """Move a dispute to `under_review`, `won`, `lost` or `closed`. A lost one takes its amount from the account."""
        dispute, becomes = find(self._disputes, dispute_id), DisputeStatus(status)
        if dispute["status"] not in _NOT_FINAL or becomes in (DisputeStatus.OPEN, dispute["status"]):
            raise ValueError(f"{dispute_id} is {dispute['status']}: it cannot become {becomes}")
        dispute["status"] = becomes.value
        if becomes is DisputeStatus.UNDER_REVIEW:
            dispute["evidence"]["submitted_at"] = self._now()
        elif becomes is DisputeStatus.LOST:
            dispute["amount_deducted"] = dispute["amount"]
        payment = self._payments[dispute["payment_id"]]
        self._tell(f"payment.dispute.{becomes}", payment=payment, dispute=dispute)
        return deepcopy(dispute)
