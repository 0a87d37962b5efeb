"""Reads and writes the records of a user's payments."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from entitlements.items import (
    Key,
    Wire,
    checkout_key,
    effect_key,
    item_to_wire,
    ordering_key,
    payment_key,
    payment_prefix,
    subscription_key,
    subscription_prefix,
)
from token_service.access.records import Action, put_new, timestamp
from token_service.errors import ConditionFailed
from token_service.payments.ledger import Book
from token_service.payments.purchase import Purchase
from token_service.payments.records import PaymentRecord, SubscriptionRecord
from token_service.repository import Repository


class Books:
    """The checkouts, payments, and subscriptions in the table."""

    def __init__(self, repository: Repository) -> None:
        """With the table's client."""
        self._repository = repository

    def purchase(self, reference: str) -> Purchase | None:
        """What was ordered with an order or subscription."""
        item = self._repository.get_item(checkout_key(reference))
        return None if item is None else Purchase.from_item(item)

    def purchase_of(self, payment_id: str) -> Purchase | None:
        """What an applied payment was for."""
        effect = self._repository.get_item(effect_key(payment_id))
        return None if effect is None else self.purchase(str(effect["reference"]))

    def read(self, user_id: str, solution_id: str) -> Book:
        """All of a user's payments and subscriptions in a solution, strongly consistent."""
        payments = {one.payment_id: one for one in self.payments(user_id) if one.solution == solution_id}
        found = map(SubscriptionRecord.from_item, self._repository.query(subscription_prefix(user_id, solution_id)))
        return Book(payments, {one.subscription_id: one for one in found})

    def payments(self, user_id: str) -> Iterator[PaymentRecord]:
        """All of a user's payments, oldest first."""
        yield from map(PaymentRecord.from_item, self._repository.query(payment_prefix(user_id)))

    def subscriptions(self, user_id: str) -> Iterator[SubscriptionRecord]:
        """All of a user's subscriptions."""
        yield from map(SubscriptionRecord.from_item, self._repository.query(subscription_prefix(user_id)))

    def ordered(self, purchase: Purchase) -> None:
        """Store what was ordered. Writing it again changes nothing."""
        actions = [put_new(checkout_key(purchase.reference), purchase.to_item())]
        if purchase.model == "recurring":
            key = subscription_key(purchase.user_id, purchase.solution, purchase.reference)
            actions.append(put_new(key, SubscriptionRecord.of(purchase).to_item()))
        with suppress(ConditionFailed):
            self._repository.transact(actions)

    def writes(self, user_id: str, before: Book, after: Book) -> tuple[Action, ...]:
        """The actions that store what changed between two states of a book, with the effect of each new payment.

        They belong into the transaction that raises `payments_revision`, which guards them: an effect can be written
        once.
        """
        actions: list[Action] = []
        for payment_id, record in after.payments.items():
            if record == before.payments.get(payment_id):
                continue
            actions.append(_set(payment_key(user_id, timestamp(record.paid_at), payment_id), record))
            if payment_id not in before.payments:
                actions += _effects(user_id, record)
        for subscription_id, subscription in after.subscriptions.items():
            if subscription != before.subscriptions.get(subscription_id):
                key = subscription_key(user_id, subscription.solution, subscription_id)
                actions.append(_put(key, subscription.to_item()))
        return tuple(actions)


def _effects(user_id: str, record: PaymentRecord) -> Iterator[Action]:
    attributes: Mapping[str, str | int] = {
        "user_id": user_id,
        "solution": record.solution,
        "payment_id": record.payment_id,
        "reference": record.reference,
        "applied_at": record.applied_at,
        "gave": record.plan if not record.returned else "",
        "credits": record.credits,
        "days": record.days,
        "period_end": record.period_end,
    }
    kept: dict[str, str | int] = {name: value for name, value in attributes.items() if value not in ("", 0)}
    yield put_new(effect_key(record.payment_id), kept)
    if record.model == "recurring" and record.kept:
        # Unconditional: a payment of the same period that was refunded may have been written before.
        yield _put(effect_key(f"{record.reference}:{record.period_start}"), kept)
    if not record.returned and record.model != "recurring":
        yield "Delete", {"Key": ordering_key(user_id, record.solution, record.plan).wire}


def _set(key: Key, record: PaymentRecord) -> Action:
    """Write a payment, and leave alone what others keep in its item: the mark of what usage has counted of it."""
    attributes = record.to_item()
    names = [*PaymentRecord.__slots__, "state"]
    fields = {name: f"#{n}" for n, name in enumerate(names)}
    set_now = ", ".join(f"{fields[name]} = :{n}" for n, name in enumerate(names) if name in attributes)
    removed = ", ".join(fields[name] for name in names if name not in attributes)
    update: Wire = {
        "Key": key.wire,
        "UpdateExpression": f"SET {set_now}" + (f" REMOVE {removed}" if removed else ""),
        "ExpressionAttributeNames": {placeholder: name for name, placeholder in fields.items()},
        "ExpressionAttributeValues": item_to_wire(
            {f":{n}": attributes[name] for n, name in enumerate(names) if name in attributes}
        ),
    }
    return "Update", update


def _put(key: Key, attributes: Mapping[str, str | int]) -> Action:
    return "Put", {"Item": key.wire | item_to_wire(attributes)}
