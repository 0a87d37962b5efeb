"""The records of a user's payments and subscriptions, in values that are set and not added."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from entitlements.items import Item
from entitlements.plans import PricingModel
from token_service.payments.purchase import Purchase
from token_service.payments.razorpay import NO_LONGER_CHARGED, RETRIED, InvoiceEntity, PaymentEntity

LEAST_REFUND: Final = 100
"""The smallest amount that Razorpay refunds, in the currency's smallest unit:
https://razorpay.com/docs/api/refunds/create-normal/
"""


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """One payment that was taken. Amounts are in the currency's smallest unit, times in seconds since the epoch."""

    payment_id: str
    solution: str
    plan: str
    model: PricingModel
    amount: int
    currency: str
    paid_at: int
    """When the user began to pay, by Razorpay's clock."""
    applied_at: int
    """When it was applied here: `days` count from then."""
    reference: str
    """The order or subscription."""
    receipt: str = ""
    days: int = 0
    credits: int = 0
    period_start: int = 0
    period_end: int = 0
    refunded: int = 0
    disputes: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The amount withheld by each dispute, by its id; 0 for one that was won."""
    taken: int = 0
    """The credits that were taken back; fewer than their share where they were used up."""
    returned: str = ""
    """Why it gives nothing and is refunded; empty for a payment that counts."""

    @classmethod
    def of(cls, purchase: Purchase, payment: PaymentEntity, invoice: InvoiceEntity | None, now: int) -> "PaymentRecord":
        """The record of a payment that is seen for the first time."""
        return cls(
            payment_id=payment.payment_id,
            solution=purchase.solution,
            plan=purchase.plan,
            model=purchase.model,
            amount=payment.amount,
            currency=payment.currency,
            paid_at=payment.created_at,
            applied_at=now,
            reference=purchase.reference,
            receipt=purchase.receipt,
            days=purchase.days,
            credits=purchase.credits,
            period_start=invoice.period_start if invoice else 0,
            period_end=invoice.period_end if invoice else 0,
        )

    @classmethod
    def from_item(cls, item: Item) -> "PaymentRecord":
        """Read a stored record."""
        known: dict[str, Any] = {name: item[name] for name in cls.__slots__ if name in item}
        disputes = json.loads(known.pop("disputes", "{}"))
        return cls(**known | {"disputes": disputes})

    def to_item(self) -> dict[str, str | int]:
        """The attributes to store, without empty ones."""
        values = asdict(self) | {"disputes": json.dumps(dict(self.disputes)) if self.disputes else ""}
        return {name: value for name, value in values.items() if value not in ("", 0)} | {"state": self.state}

    @property
    def kept(self) -> int:
        """The part of the amount that the seller keeps. 0 for a payment that is sent back."""
        if self.returned:
            return 0
        return max(0, self.amount - self.refunded - sum(self.disputes.values()))

    @property
    def owed(self) -> int:
        """What is still to be sent back of a payment that gives nothing, if Razorpay refunds so little."""
        rest = self.amount - self.refunded if self.returned else 0
        return rest if rest >= LEAST_REFUND else 0

    @property
    def state(self) -> str:
        """The state in one word, as users and operators see it."""
        if self.refunded >= self.amount:
            return "refunded"
        if self.returned:
            return "refund_due" if self.owed else "refunded"
        if self.refunded + sum(self.disputes.values()) >= self.amount:
            return "disputed"
        return "partly_refunded" if self.kept < self.amount else "paid"

    @property
    def wanted(self) -> int:
        """The credits to take back for what is not kept; the rest is rounded down, so that none is given away."""
        return self.credits - self.share(self.credits)

    def share(self, whole: int) -> int:
        """The part of a whole number that corresponds to what is kept, rounded down."""
        return whole * self.kept // self.amount if self.amount else 0


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """One subscription of a user. `status` is Razorpay's."""

    subscription_id: str
    solution: str
    plan: str
    status: str
    amount: int
    currency: str
    ordered_at: int
    begun_at: int = 0
    """When it was first seen in another state than `created`, by this clock; 0 before, and in old records."""
    ends: str = ""
    """Why it will not be renewed though Razorpay may still call it active: `cancelled`, `replaced`, or `access_ended`.
    """
    ends_since: int = 0

    @classmethod
    def of(cls, purchase: Purchase) -> "SubscriptionRecord":
        """The record of a new subscription, which nobody has paid for yet."""
        return cls(
            subscription_id=purchase.reference,
            solution=purchase.solution,
            plan=purchase.plan,
            status="created",
            amount=purchase.amount,
            currency=purchase.currency,
            ordered_at=purchase.ordered_at,
        )

    @classmethod
    def from_item(cls, item: Item) -> "SubscriptionRecord":
        """Read a stored record."""
        return cls(**{name: item[name] for name in cls.__slots__ if name in item})

    def to_item(self) -> dict[str, str | int]:
        """The attributes to store, without empty ones."""
        return {name: value for name, value in asdict(self).items() if value not in ("", 0)}

    @property
    def over(self) -> bool:
        """Whether Razorpay never charges it again."""
        return self.status in NO_LONGER_CHARGED

    @property
    def charged_next(self) -> bool:
        """Whether a charge is expected, the first one of a later start too."""
        return self.status in ("authenticated", *RETRIED) and not self.ends

    @property
    def renews(self) -> bool:
        """Whether the next cycle is expected to be paid, so that a late charge is given time."""
        return self.status in RETRIED and not self.ends
