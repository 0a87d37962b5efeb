"""What Razorpay's entities mean. Pure functions of the JSON that Razorpay signed or returned.

Only what is relied on is read, and each value is checked, since the samples and the real answers differ: `notes` is an
object or `[]`, and times may be missing (https://razorpay.com/docs/api/understand/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NO_LONGER_CHARGED: Final = ("cancelled", "completed", "expired")
"""The terminal states of a subscription: https://razorpay.com/docs/payments/subscriptions/states/"""
RETRIED: Final = ("active", "pending")
"""The states in which Razorpay charges the next cycle, or tries again to charge this one."""
UNDECIDED: Final = ("open", "under_review")
"""The states of a dispute before the bank decides: https://razorpay.com/docs/api/disputes/entity/"""


class Unreadable(Exception):
    """An entity lacks what Gatepass relies on. The message names the value, and does not contain it."""


@dataclass(frozen=True, slots=True)
class PaymentEntity:
    """https://razorpay.com/docs/api/payments/entity/ Amounts are in the currency's smallest unit, times in seconds."""

    payment_id: str
    status: str
    amount: int
    currency: str
    order_id: str
    invoice_id: str
    """Set for the charges of a subscription."""
    amount_refunded: int
    created_at: int

    @property
    def paid(self) -> bool:
        """Whether the money was taken, even if it has been refunded since."""
        return self.status in ("captured", "refunded") or self.amount_refunded > 0

    @property
    def authorized(self) -> bool:
        """Whether the bank holds the money until it is captured."""
        return self.status == "authorized"

    @classmethod
    def read(cls, entity: object) -> "PaymentEntity":
        """Raises `Unreadable`."""
        found = _mapping(entity, "payment")
        return cls(
            payment_id=_text(found, "id"),
            status=_text(found, "status"),
            amount=_number(found, "amount"),
            currency=_text(found, "currency"),
            order_id=_text(found, "order_id", ""),
            invoice_id=_text(found, "invoice_id", ""),
            amount_refunded=_number(found, "amount_refunded", 0),
            created_at=_number(found, "created_at"),
        )


@dataclass(frozen=True, slots=True)
class InvoiceEntity:
    """One charge of a subscription and the period that it pays for: https://razorpay.com/docs/api/invoices/entity/"""

    invoice_id: str
    subscription_id: str
    payment_id: str
    period_start: int
    period_end: int

    @classmethod
    def read(cls, entity: object) -> "InvoiceEntity":
        """Raises `Unreadable`."""
        found = _mapping(entity, "invoice")
        read = cls(
            invoice_id=_text(found, "id"),
            subscription_id=_text(found, "subscription_id", ""),
            payment_id=_text(found, "payment_id", ""),
            period_start=_number(found, "billing_start", 0),
            period_end=_number(found, "billing_end", 0),
        )
        if read.subscription_id and not 0 < read.period_start < read.period_end:
            raise Unreadable("invoice: billing_start must be before billing_end")
        return read


@dataclass(frozen=True, slots=True)
class SubscriptionEntity:
    """https://razorpay.com/docs/api/payments/subscriptions/entity/

    Its dates are not read: while a charge is outstanding, they are those of the unpaid cycle, and a completed
    subscription is so a whole cycle before its end. What is paid for is the period of a paid invoice.
    """

    subscription_id: str
    status: str
    plan_id: str
    notes: Mapping[str, str]

    @property
    def over(self) -> bool:
        """Whether it is never charged again."""
        return self.status in NO_LONGER_CHARGED

    @classmethod
    def read(cls, entity: object) -> "SubscriptionEntity":
        """Raises `Unreadable`."""
        found = _mapping(entity, "subscription")
        return cls(_text(found, "id"), _text(found, "status"), _text(found, "plan_id"), notes_of(found))


@dataclass(frozen=True, slots=True)
class OrderEntity:
    """https://razorpay.com/docs/api/orders/entity/"""

    order_id: str
    amount: int
    currency: str
    receipt: str

    @classmethod
    def read(cls, entity: object) -> "OrderEntity":
        """Raises `Unreadable`."""
        found = _mapping(entity, "order")
        return cls(_text(found, "id"), _number(found, "amount"), _text(found, "currency"), _text(found, "receipt", ""))


@dataclass(frozen=True, slots=True)
class DisputeEntity:
    """https://razorpay.com/docs/api/disputes/entity/"""

    dispute_id: str
    payment_id: str
    status: str
    amount: int
    amount_deducted: int

    @property
    def withheld(self) -> int:
        """The amount that is not, or no longer, the seller's: all of it until the bank decides, then what was lost."""
        if self.status in UNDECIDED:
            return self.amount
        return (self.amount_deducted or self.amount) if self.status == "lost" else self.amount_deducted

    @classmethod
    def read(cls, entity: object) -> "DisputeEntity":
        """Raises `Unreadable`."""
        found = _mapping(entity, "dispute")
        return cls(
            dispute_id=_text(found, "id"),
            payment_id=_text(found, "payment_id"),
            status=_text(found, "status"),
            amount=_number(found, "amount"),
            amount_deducted=_number(found, "amount_deducted", 0),
        )


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event's name and its entities by kind: https://razorpay.com/docs/webhooks/payloads/"""

    name: str
    entities: Mapping[str, Any]

    def has(self, kind: str) -> bool:
        """Whether the event carries an entity of a kind."""
        return kind in self.entities

    @classmethod
    def read(cls, document: object) -> "WebhookEvent":
        """Raises `Unreadable`. `created_at` may be missing, or stand among the entities, and says nothing of state."""
        found = _mapping(document, "event")
        payload = _mapping(found.get("payload"), "payload")
        entities = {
            kind: wrapped["entity"]
            for kind, wrapped in payload.items()
            if isinstance(wrapped, Mapping) and isinstance(wrapped.get("entity"), Mapping)
        }
        return cls(_text(found, "event"), entities)


def notes_of(entity: Mapping[str, Any]) -> Mapping[str, str]:
    """The notes of an entity: an empty mapping where Razorpay writes an empty list."""
    notes = entity.get("notes")
    return {str(key): str(value) for key, value in notes.items()} if isinstance(notes, Mapping) else {}


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(f"{name}: must be an object")
    return value


def _text(entity: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = entity.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not value.isascii() or len(value) > 100:
        raise Unreadable(f"{key}: must be a text of at most 100 ASCII characters")
    return value


def _number(entity: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = entity.get(key)
    if value is None and default is not None:
        return default
    if type(value) is not int or not 0 <= value <= 10**15:
        raise Unreadable(f"{key}: must be a whole number, 0 or more")
    return value
