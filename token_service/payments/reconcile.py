"""Compares what Razorpay knows with the records here, and repairs what lost events left behind."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from entitlements.currencies import readable
from entitlements.refusals import Refused
from token_service.errors import Busy
from token_service.payments.books import Books
from token_service.payments.failures import RazorpayRefusal
from token_service.payments.razorpay import PaymentEntity
from token_service.payments.razorpay_api import RazorpayApi
from token_service.payments.records import PaymentRecord
from token_service.payments.settlement import Settlement, Unmatched

LATE_SECONDS: Final = 5 * 86_400
"""How long a bank may take to authorize a payment, with a margin: Razorpay asks it "for 3 days".

https://razorpay.com/docs/payments/payments/late-authorisation/
"""


class PaymentDifference(NamedTuple):
    """One difference between Razorpay and the records. `subject` is a payment's, subscription's, or dispute's id."""

    subject: str
    kind: str
    """missing, refunded, status, dispute, unmatched, or unreadable."""
    solution: str
    detail: str
    repaired: bool
    error: str = ""
    """Why it could not be repaired: the next run tries again."""


class Reconciliation:
    """One run over a time range."""

    def __init__(self, razorpay: RazorpayApi, books: Books, settlement: Settlement, dry_run: bool) -> None:
        """With `dry_run`, nothing is changed."""
        self._razorpay, self._books, self._settlement, self._dry_run = razorpay, books, settlement, dry_run

    def run(self, begin: int, end: int) -> Iterator[PaymentDifference]:
        """The differences of payments made or refunded between two times (seconds since the epoch), of all
        subscriptions, and of all disputes, each after its repair. Raises `Refused` (503) if Razorpay does not answer.

        Payments that began some days before are among them, since a bank may authorize them late.
        """
        seen, unreadable = set(), list[PaymentDifference]()

        def skip(subject: str, why: str) -> None:
            unreadable.append(PaymentDifference(subject, "unreadable", "", why, repaired=False, error=why))

        for payment in self._razorpay.payments_between(begin - LATE_SECONDS, end, skip):
            seen.add(payment.payment_id)
            if payment.paid or payment.authorized:
                yield from self._payment(payment)
        for payment_id in sorted(self._razorpay.refunded_between(begin, end) - seen):
            if self._record(payment_id) is not None:
                yield from self._payment(self._razorpay.payment(payment_id))
        for subscription in self._razorpay.subscriptions_between(0, end, skip=skip):
            yield from self._subscription(subscription.subscription_id, subscription.status)
        for dispute in self._razorpay.disputes(skip):
            known = self._record(dispute.payment_id)
            if known is not None and known.disputes.get(dispute.dispute_id) != min(dispute.withheld, known.amount):
                repair = lambda dispute_id=dispute.dispute_id: self._settlement.dispute(dispute_id)  # noqa: E731
                yield self._repaired(dispute.dispute_id, "dispute", known.solution, dispute.status, repair)
        yield from unreadable

    def _payment(self, payment: PaymentEntity) -> Iterator[PaymentDifference]:
        known = self._record(payment.payment_id)
        if known is None:
            detail = f"{readable(payment.amount, payment.currency)} {payment.status}"
            found = self._repaired(payment.payment_id, "missing", "", detail, self._pays(payment.payment_id))
            if found.repaired and self._record(payment.payment_id) is None:
                return  # the bank holds or returns the money: nothing was taken, and nothing is missing
            yield found
        elif known.refunded != payment.amount_refunded or known.owed:
            now, before = (readable(one, payment.currency) for one in (payment.amount_refunded, known.refunded))
            detail = f"{now} refunded, {before} known"
            yield self._repaired(payment.payment_id, "refunded", known.solution, detail, self._pays(payment.payment_id))

    def _subscription(self, subscription_id: str, status: str) -> Iterator[PaymentDifference]:
        purchase = self._books.purchase(subscription_id)
        if purchase is None:
            return  # another business of this account may sell by subscriptions too
        book = self._books.read(purchase.user_id, purchase.solution)
        known = book.subscriptions.get(subscription_id)
        if known is None or known.status != status or subscription_id in book.to_cancel():
            detail = f"{status}, {known.status if known else 'nothing'} known"
            repair: Callable[[], object] = lambda: self._settlement.subscription(subscription_id)  # noqa: E731
            yield self._repaired(subscription_id, "status", purchase.solution, detail, repair)

    def _pays(self, payment_id: str) -> Callable[[], object]:
        return lambda: self._settlement.payment(payment_id)

    def _record(self, payment_id: str) -> PaymentRecord | None:
        purchase = self._books.purchase_of(payment_id)
        if purchase is None:
            return None
        return self._books.read(purchase.user_id, purchase.solution).payments.get(payment_id)

    def _repaired(
        self, subject: str, difference: str, solution: str, detail: str, repair: Callable[[], object]
    ) -> PaymentDifference:
        if self._dry_run:
            return PaymentDifference(subject, difference, solution, detail, repaired=False)
        try:
            repair()
        except Unmatched as unmatched:
            return PaymentDifference(subject, "unmatched", solution, detail, repaired=False, error=unmatched.reason)
        except (Busy, RazorpayRefusal) as error:
            return PaymentDifference(subject, difference, solution, detail, repaired=False, error=str(error))
        except Refused as refused:
            return PaymentDifference(subject, difference, solution, detail, repaired=False, error=str(refused))
        return PaymentDifference(subject, difference, solution, detail, repaired=True)
