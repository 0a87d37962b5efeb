"""What a payment or a subscription changes: pure functions from the records before and after to the entitlement."""

from collections.abc import Mapping
from dataclasses import replace

from entitlements.decision import REVOKED
from entitlements.solution import MAX_GRACE_DAYS, Solution
from token_service.access.changes import Change, with_credits
from token_service.access.records import Entitlement, to_the_second
from token_service.payments.ledger import DAY, Book, Cover
from token_service.payments.purchase import Purchase
from token_service.payments.razorpay import DisputeEntity, InvoiceEntity, PaymentEntity
from token_service.payments.records import PaymentRecord, SubscriptionRecord


def taken_in(
    book: Book,
    purchase: Purchase,
    payment: PaymentEntity,
    invoice: InvoiceEntity | None,
    current: Entitlement,
    now: int,
    exact: bool,
) -> Book:
    """The book with what is now known of a payment that was taken.

    `exact` tells that the entity is the present one. That of an event may be older than what is known already: then
    the refunded amount can only grow, as it does at Razorpay unless a refund fails.
    """
    known = book.payments.get(payment.payment_id)
    if known is None:
        known = PaymentRecord.of(purchase, payment, invoice, now)
        if current.status == REVOKED:
            known = sent_back(known, "access_ended")
        elif _paid_already(book, known):
            known = sent_back(known, "second_payment")
    refunded = payment.amount_refunded if exact else max(known.refunded, payment.amount_refunded)
    return book.with_payment(replace(known, refunded=refunded))


def sent_back(record: PaymentRecord, why: str) -> PaymentRecord:
    """A payment that gives nothing from the start."""
    return replace(record, returned=why, credits=0)


def disputed(book: Book, dispute: DisputeEntity) -> Book:
    """The book with the present state of a dispute."""
    known = book.payments[dispute.payment_id]
    withheld = min(dispute.withheld, known.amount)
    return book.with_payment(replace(known, disputes={**known.disputes, dispute.dispute_id: withheld}))


def subscribed(book: Book, purchase: Purchase, status: str, now: int) -> Book:
    """The book with the present status of a subscription."""
    known = book.subscriptions.get(purchase.reference) or SubscriptionRecord.of(purchase)
    if known.status == "created" != status:
        known = replace(known, begun_at=now)
    return book.with_subscription(replace(known, status=status))


def ended(book: Book, subscription_id: str, why: str, now: int) -> Book:
    """The book with a subscription that will not be renewed. An earlier reason stays, but for one that would let it go
    on to the end of its cycle where access ends now.
    """
    known = book.subscriptions[subscription_id]
    if known.ends == "cancelled" and why == "access_ended":
        return book.with_subscription(replace(known, ends=why))
    return book if known.ends else book.with_subscription(replace(known, ends=why, ends_since=now))


def settled(
    current: Entitlement, before: Book, after: Book, solution: Solution, now: int, cause: Mapping[str, str]
) -> tuple[Change | None, Book]:
    """The change of the entitlement, and the book to store with it; None if there is nothing to change.

    A new payment sets the plan that is paid for. Anything else, such as a refund or the lapse of a plan, does so only
    if the present plan is one that was paid for, or the default one while nothing is: an operator may have set another.
    `cause` names the payment or the subscription in the audit; without either, the payment that now applies is named.
    """
    after = after.judged()
    present = Cover(current.plan, current.paid_until)
    earlier = before.covers(solution.grace_days)
    target = after.cover(now, solution.grace_days) or (Cover(solution.default_plan, None) if earlier else present)
    new = any(record.kept for payment_id, record in after.payments.items() if payment_id not in before.payments)
    paid_for = _is_paid_for(present, before) if earlier else present == Cover(solution.default_plan, None)
    moved = current.status != REVOKED and target != present and (new or paid_for)
    if after == before and not moved:
        return None, after
    granted, after = _credits(current, before, after)
    values: dict[str, str | int] = {"payments_revision": current.payments_revision + 1}
    remove: tuple[str, ...] = ()
    named = {} if "payment" in cause or "subscription" in cause else {"payment": after.newest(target.plan)}
    details = {**named, **cause}
    if granted != current.granted and granted is not None:
        values["granted"] = granted
        details |= {"granted": str(granted), "granted_before": str(current.granted or 0)}
    if moved:
        values["plan"] = target.plan
        if target.until is None:
            remove = ("paid_until",)
        else:
            values["paid_until"] = target.until
        details |= {
            "plan": target.plan,
            "plan_before": present.plan,
            "paid_until": to_the_second(target.until),
            "paid_until_before": to_the_second(present.until),
        }
    return Change("payment_settled", values, remove, details=details, credits="granted" in values), after


def _is_paid_for(present: Cover, book: Book) -> bool:
    """Whether a plan and its end are what the payments gave, with whatever days of grace the solution had then."""
    for cover in book.covers(grace_days=0):
        if cover.plan != present.plan:
            continue
        if cover == present:
            return True
        if cover.until is not None and present.until is not None:
            grace_days, rest = divmod(present.until - cover.until, DAY)
            if rest == 0 and 0 <= grace_days <= MAX_GRACE_DAYS:
                return True
    return False


def _paid_already(book: Book, record: PaymentRecord) -> bool:
    """Whether another payment was taken for the same order, or for the same period of a subscription.

    One that Razorpay has refunded does not count: a second success is refunded at once, and may be heard of first.
    """
    return any(
        (other.reference, other.period_start) == (record.reference, record.period_start)
        for other in book.payments.values()
        if not other.returned and other.refunded < other.amount
    )


def _credits(current: Entitlement, before: Book, after: Book) -> tuple[int | None, Book]:
    """The new `granted`, and the book with the credits that were taken back.

    What was used stays used: `granted` never falls below `total`. What is given back is exactly what was taken.
    """
    for payment_id, record in after.payments.items():
        if not record.credits or record == before.payments.get(payment_id):
            continue
        granted = current.granted or 0
        if payment_id not in before.payments:
            granted = with_credits(current, record.credits)
        take = record.wanted - record.taken
        if take > 0:
            take = min(take, max(0, granted - current.total))
        granted = granted - take if take >= 0 else max(current.total, granted) - take
        current = replace(current, granted=granted)
        after = after.with_payment(replace(record, taken=record.taken + take))
    return current.granted, after
