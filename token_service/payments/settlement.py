"""Applies payments, refunds, disputes, and the states of subscriptions to entitlements, each exactly once.

An event is a hint. For each payment or subscription that it names, the records are read, then what Razorpay says, and
the difference is written on condition that no other change by payments came in between (`payments_revision`). So the
order and the number of the hints do not matter.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

from entitlements.decision import REVOKED
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.access.changes import Change
from token_service.access.grants import Access
from token_service.access.records import Entitlement
from token_service.payments import settling
from token_service.payments.books import Books
from token_service.payments.failures import RazorpayRefusal, RefundRefused
from token_service.payments.inbox import lapse_action
from token_service.payments.ledger import Book
from token_service.payments.purchase import Purchase
from token_service.payments.razorpay import InvoiceEntity, PaymentEntity
from token_service.payments.razorpay_api import RazorpayApi
from token_service.payments.records import PaymentRecord

Settle = Callable[[Entitlement, Book], Book]
"""From the entitlement and the records to the records after what has become known. It may ask Razorpay."""


class Outcome(StrEnum):
    """What became of a payment."""

    APPLIED = "applied"
    """It counts, now or already before."""
    UNPAID = "unpaid"
    """No money was taken yet, or the bank refused."""
    LEFT = "left"
    """The bank holds the money, nothing can be given for it, and Razorpay returns it because nobody captures it."""


class Unmatched(Exception):
    """A payment or subscription that nothing can be done with here. `reason` is one word for the operator."""

    def __init__(self, reason: str) -> None:
        """`reason`: no_checkout, wrong_amount, no_entitlement, or plan_unknown."""
        super().__init__(reason)
        self.reason = reason


class Settlement:
    """Settles one payment or subscription at a time."""

    def __init__(
        self,
        books: Books,
        access: Access,
        razorpay: RazorpayApi,
        find_solution: Callable[[str], Solution | None],
        clock: Callable[[], float],
    ) -> None:
        """`find_solution` reads the present configuration; `clock` gives seconds since the epoch."""
        self._books, self._access, self._razorpay = books, access, razorpay
        self._find_solution, self._clock = find_solution, clock

    def payment(self, payment_id: str) -> Outcome:
        """Ask for a payment and apply it.

        Raises `Unmatched`, `Busy`, `Refused` (503) if Razorpay is away, and, when all else is done, `RefundRefused`.
        """
        return self._payment(self._razorpay.payment(payment_id), exact=True)

    def signed_payment(self, entity: PaymentEntity) -> Outcome:
        """Apply a payment as an event has it, which may be older than what is known."""
        return self._payment(entity, exact=False)

    def dispute(self, dispute_id: str) -> Outcome:
        """Ask for a dispute and apply it: the disputed amount is on hold until the bank decides."""
        payment_id = self._razorpay.dispute(dispute_id).payment_id
        outcome = self.payment(payment_id)  # first, since the dispute of a payment may be heard of before the payment
        purchase = self._books.purchase_of(payment_id)
        if purchase is None:
            raise Unmatched("no_checkout")
        self._settle(
            purchase,
            lambda _, book: settling.disputed(book, self._razorpay.dispute(dispute_id)),
            {"payment": payment_id, "dispute": dispute_id},
        )
        return outcome

    def subscription(self, subscription_id: str) -> Outcome:
        """Ask for a subscription and apply its status."""
        purchase = self._books.purchase(subscription_id)
        if purchase is None:
            raise Unmatched("no_checkout")
        self._settle(purchase, lambda _, book: self._with_status(book, purchase), {"subscription": subscription_id})
        return Outcome.APPLIED

    def refresh(self, user_id: str, solution_id: str) -> None:
        """Apply what is paid for now, where the plan that applied has lapsed and an earlier purchase has not."""
        if self._access.find(user_id, solution_id) is not None:
            self._change(user_id, self._solution(solution_id), lambda _, book: book, {"cause": "lapsed"})

    def end_subscriptions(self, user_id: str, solution_id: str, why: str = "access_ended") -> None:
        """Cancel all subscriptions of a user to a solution at once. Can be repeated until it succeeds."""
        now = int(self._clock())
        book = self._books.read(user_id, solution_id)
        if all(one.over for one in book.subscriptions.values()):
            return

        def ended(_: Entitlement, book: Book) -> Book:
            for subscription_id, one in book.subscriptions.items():
                book = book if one.over else settling.ended(book, subscription_id, why, now)
            return book

        live = sorted(one.subscription_id for one in book.subscriptions.values() if not one.over)
        solution = self._find_solution(solution_id)
        if solution is None:  # without it, no plan can be computed; what counts is that nobody is charged
            for subscription_id in live:
                self._end_at_razorpay(subscription_id)
            return
        self._change(user_id, solution, ended, {"subscription": " ".join(live), "cause": why})
        with suppress(RefundRefused):  # the event of the payment waits for that
            self._finish(user_id, solution_id)

    def cancel(self, user_id: str, solution_id: str) -> None:
        """Cancel a user's subscriptions to a solution; what is paid for stays. Can be repeated until it succeeds.

        Razorpay ends an active one with its cycle, and every other one, for which nothing is paid, at once. Raises
        `Refused` if there is none that would be renewed, and `RazorpayRefusal` if Razorpay goes on with one.
        """
        now = int(self._clock())
        book = self._books.read(user_id, solution_id)
        renewable = [one for one in book.subscriptions.values() if not one.over and not one.ends]
        if not renewable:
            raise Refused(Code.SUBSCRIPTION_MISSING)
        for one in renewable:
            self._end_with_cycle(one.subscription_id)

        def cancelled(_: Entitlement, book: Book) -> Book:
            for one in renewable:
                status = self._razorpay.subscription(one.subscription_id).status
                known = replace(book.subscriptions[one.subscription_id], status=status)
                book = settling.ended(book.with_subscription(known), one.subscription_id, "cancelled", now)
            return book

        ending = " ".join(sorted(one.subscription_id for one in renewable))
        self._change(user_id, self._solution(solution_id), cancelled, {"subscription": ending, "cause": "cancelled"})
        with suppress(RefundRefused):  # the event of the payment waits for that
            self._finish(user_id, solution_id)

    # ---- one payment -------------------------------------------------------------------------------------------------

    def _payment(self, payment: PaymentEntity, exact: bool) -> Outcome:
        if not payment.paid and not payment.authorized:
            return Outcome.UNPAID
        invoice = self._razorpay.invoice(payment.invoice_id) if payment.invoice_id else None
        purchase = self._matching(payment, invoice)
        if purchase is None:
            return Outcome.UNPAID
        if not payment.paid:
            captured = self._captured(payment, purchase)
            if captured is None:
                return Outcome.LEFT if purchase.model != "recurring" else Outcome.UNPAID
            payment, exact = captured, True

        def taken(current: Entitlement, book: Book) -> Book:
            seen = payment
            if exact and payment.payment_id in book.payments:
                seen = self._razorpay.payment(payment.payment_id)  # after the read, so that it is the newest
            if payment.payment_id not in book.payments:
                self._require_plan(purchase)  # what was given already can be taken back without the plan
            book = settling.taken_in(book, purchase, seen, invoice, current, int(self._clock()), exact)
            if purchase.model != "recurring":
                return book
            book = self._with_status(book, purchase)
            if book.payments[payment.payment_id].returned == "access_ended":
                # Else the user would be charged for, and refunded, each further period.
                book = settling.ended(book, purchase.reference, "access_ended", payment.created_at)
            return book

        self._settle(purchase, taken, {"payment": payment.payment_id})
        return Outcome.APPLIED

    def _matching(self, payment: PaymentEntity, invoice: InvoiceEntity | None) -> Purchase | None:
        """What a payment is for; None if it is for nothing here, and no money is kept of it. Raises `Unmatched`.

        The small payment that authenticates a subscription with a later start has an order of Razorpay's own, and is
        refunded at once: https://razorpay.com/docs/payments/subscriptions/workflow/
        """
        purchase = self._books.purchase(invoice.subscription_id if invoice else payment.order_id)
        if purchase is None or (purchase.model == "recurring") != (invoice is not None):
            if not payment.paid or payment.amount_refunded >= payment.amount:
                return None
            now = self._razorpay.payment(payment.payment_id)  # the event may be from before the refund
            if now.amount_refunded >= now.amount:
                return None
            raise Unmatched("no_checkout")
        if (payment.amount, payment.currency) != (purchase.amount, purchase.currency):
            raise Unmatched("wrong_amount")
        return purchase

    def _captured(self, payment: PaymentEntity, purchase: Purchase) -> PaymentEntity | None:
        """Capture a payment that the bank authorized, also late, if what was ordered can still be given.

        Otherwise nobody captures it, and Razorpay returns the money:
        https://razorpay.com/docs/payments/payments/capture-settings/ The charges of subscriptions capture themselves.
        """
        current = self._access.find(purchase.user_id, purchase.solution)
        book = self._books.read(purchase.user_id, purchase.solution)
        paid = any(one.reference == purchase.reference for one in book.payments.values() if not one.returned)
        if purchase.model == "recurring" or current is None or current.status == REVOKED or paid:
            return None
        self._require_plan(purchase)
        try:
            return self._razorpay.capture(payment)
        except RazorpayRefusal:  # somebody else captured it meanwhile, or it can no longer be captured
            fresh = self._razorpay.payment(payment.payment_id)
            return fresh if fresh.paid else None

    # ---- the change --------------------------------------------------------------------------------------------------

    def _settle(self, purchase: Purchase, settle: Settle, cause: Mapping[str, str]) -> None:
        solution = self._find_solution(purchase.solution)
        if solution is None:
            raise Unmatched("plan_unknown")
        if self._access.find(purchase.user_id, purchase.solution) is None:
            raise Unmatched("no_entitlement")
        self._change(purchase.user_id, solution, settle, cause)
        self._finish(purchase.user_id, purchase.solution)

    def _change(self, user_id: str, solution: Solution, settle: Settle, cause: Mapping[str, str]) -> None:
        def rule(current: Entitlement) -> Change | None:
            before = self._books.read(user_id, solution.solution_id)
            after = settle(current, before)
            now = int(self._clock())
            change, after = settling.settled(current, before, after, solution, now, cause)
            if change is None:
                return None
            covers, cover = after.covers(solution.grace_days), after.cover(now, solution.grace_days)
            lapse = lapse_action(user_id, solution.solution_id, cover, covers, now)
            return replace(change, also=(*self._books.writes(user_id, before, after), *lapse))

        self._access.change(user_id, solution.solution_id, rule)

    def _finish(self, user_id: str, solution_id: str) -> None:
        """Send back what gives nothing, and cancel what has ended. What fails is done at the next event or run."""
        book = self._books.read(user_id, solution_id)
        refused = [why for payment in book.payments.values() if payment.owed and (why := self._refund(payment))]
        for subscription_id in book.to_cancel():
            self._cancel(subscription_id)
        if refused:
            raise RefundRefused("; ".join(refused))

    def _refund(self, payment: PaymentRecord) -> str:
        """Why Razorpay refuses to send back what is owed; empty if it does so, or has done it."""
        refused = ""
        try:
            self._razorpay.refund(payment.payment_id, payment.owed, payment.returned)
        except RazorpayRefusal as refusal:  # perhaps Razorpay refunded it by itself: what counts is read below
            refused = f"{payment.payment_id}: {refusal}"
        fresh = self._razorpay.payment(payment.payment_id)
        refunded = max(fresh.amount_refunded, payment.refunded)
        purchase = self._books.purchase(payment.reference)
        if purchase is not None:

            def taken(_: Entitlement, book: Book) -> Book:
                return book.with_payment(replace(book.payments[payment.payment_id], refunded=refunded))

            self._change(
                purchase.user_id,
                self._solution(purchase.solution),
                taken,
                {"payment": payment.payment_id, "cause": payment.returned},
            )
        return refused if replace(payment, refunded=refunded).owed else ""

    def _cancel(self, subscription_id: str) -> None:
        self._end_at_razorpay(subscription_id)
        purchase = self._books.purchase(subscription_id)
        if purchase is not None:
            self._change(
                purchase.user_id,
                self._solution(purchase.solution),
                lambda _, book: self._with_status(book, purchase),
                {"subscription": subscription_id},
            )

    def _end_with_cycle(self, subscription_id: str) -> None:
        """What is paid for stays in any case. So where Razorpay refuses to wait, the subscription ends at once."""
        if self._razorpay.subscription(subscription_id).status == "active":
            with suppress(RazorpayRefusal):
                self._razorpay.cancel(subscription_id, at_end=True)
                return
        self._end_at_razorpay(subscription_id)

    def _end_at_razorpay(self, subscription_id: str) -> None:
        try:
            self._razorpay.cancel(subscription_id, at_end=False)
        except RazorpayRefusal:
            if not self._razorpay.subscription(subscription_id).over:
                raise

    def _with_status(self, book: Book, purchase: Purchase) -> Book:
        status = self._razorpay.subscription(purchase.reference).status
        return settling.subscribed(book, purchase, status, int(self._clock()))

    def _solution(self, solution_id: str) -> Solution:
        solution = self._find_solution(solution_id)
        if solution is None:
            raise Refused(Code.SOLUTION_UNKNOWN)
        return solution

    def _require_plan(self, purchase: Purchase) -> None:
        solution = self._find_solution(purchase.solution)
        if solution is None or purchase.plan not in solution.plans:
            raise Unmatched("plan_unknown")
