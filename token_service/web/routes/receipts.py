"""Payments and subscriptions as the API shows them."""

from collections.abc import Iterable

from entitlements.currencies import readable
from token_service.access.records import Entitlement, to_the_second
from token_service.payments.records import PaymentRecord, SubscriptionRecord
from token_service.payments.settlement import Outcome
from token_service.web.payment_models import (
    CancelledAnswer,
    CompletedAnswer,
    PaymentAnswer,
    PaymentsAnswer,
    SubscriptionAnswer,
)


def completed(solution_id: str, outcome: Outcome, current: Entitlement) -> CompletedAnswer:
    """The plan after a payment; `pending` while the money is not taken."""
    return CompletedAnswer(
        solution_id=solution_id,
        status="paid" if outcome is Outcome.APPLIED else "pending",
        plan=current.plan,
        paid_until=to_the_second(current.paid_until) or None,
    )


def cancelled(solution_id: str, current: Entitlement | None) -> CancelledAnswer:
    """What stays after a cancellation."""
    until = to_the_second(current.paid_until) if current else ""
    return CancelledAnswer(
        status="cancelled", solution_id=solution_id, plan=current.plan if current else "", paid_until=until or None
    )


def listed(payments: Iterable[PaymentRecord], subscriptions: Iterable[SubscriptionRecord]) -> PaymentsAnswer:
    """A user's payments, newest first, and the subscriptions that somebody paid for or may still pay for."""
    return PaymentsAnswer(
        payments=[_payment(one) for one in sorted(payments, key=lambda one: one.paid_at, reverse=True)],
        subscriptions=[_subscription(one) for one in subscriptions if one.status != "created"],
    )


def _payment(payment: PaymentRecord) -> PaymentAnswer:
    withheld = sum(payment.disputes.values())
    return PaymentAnswer(
        payment_id=payment.payment_id,
        solution_id=payment.solution,
        plan=payment.plan,
        model=payment.model,
        state=payment.state,
        amount=payment.amount,
        currency=payment.currency,
        readable=readable(payment.amount, payment.currency),
        amount_refunded=payment.refunded,
        amount_disputed=withheld,
        paid_at=to_the_second(payment.paid_at),
        period_start=to_the_second(payment.period_start or None) or None,
        period_end=to_the_second(payment.period_end or None) or None,
        receipt=payment.receipt,
        reference=payment.reference,
        returned=payment.returned or None,
    )


def _subscription(subscription: SubscriptionRecord) -> SubscriptionAnswer:
    return SubscriptionAnswer(
        subscription_id=subscription.subscription_id,
        solution_id=subscription.solution,
        plan=subscription.plan,
        status=subscription.status,
        renews=subscription.renews,
        amount=subscription.amount,
        currency=subscription.currency,
        readable=readable(subscription.amount, subscription.currency),
    )
