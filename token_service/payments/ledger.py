"""What a user has paid for in one solution: a pure function of all payments and subscriptions.

Events come in any order, twice, or late, so nothing is computed from the one before. The records say what was paid,
refunded, and disputed, in values that are set and not added; `Book.cover` reads from them which plan applies, and until
when.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Final, NamedTuple

from token_service.payments.records import PaymentRecord, SubscriptionRecord

DAY: Final = 86_400
AT_ONCE: Final = ("replaced", "access_ended")
"""Why a subscription ends now and not with its paid time."""
CLOCKS_DIFFER: Final = 300
"""Seconds by which this clock may be behind Razorpay's: a payment that seems to follow a cancellation, or the end of
access, so closely came before it. After one, Razorpay charges nothing, and the next charge or retry would have been a
day away or more.
"""


class Cover(NamedTuple):
    """The plan that is paid for, and until when (seconds since the epoch; None for good or while credits last)."""

    plan: str
    until: int | None

    def applies(self, now: int) -> bool:
        """Whether it has not lapsed."""
        return self.until is None or self.until > now


class Book(NamedTuple):
    """All payments and subscriptions of one user in one solution, by id."""

    payments: Mapping[str, PaymentRecord]
    subscriptions: Mapping[str, SubscriptionRecord]

    def with_payment(self, record: PaymentRecord) -> "Book":
        """The book with a new or changed payment."""
        return self._replace(payments={**self.payments, record.payment_id: record})

    def with_subscription(self, record: SubscriptionRecord) -> "Book":
        """The book with a new or changed subscription."""
        return self._replace(subscriptions={**self.subscriptions, record.subscription_id: record})

    def bought_at(self) -> dict[str, int]:
        """When each order or subscription was bought, by its id: at its first payment of which something is kept.

        The renewals of a subscription are no new decisions of the user, so they are not later purchases.
        """
        return _first(payment for payment in self.payments.values() if payment.kept)

    def to_cancel(self) -> list[str]:
        """The ids of the subscriptions that Razorpay must end at once.

        One that was to end with its cycle is among them if it has been charged since: Razorpay may take such a request
        and go on (https://github.com/razorpay/razorpay-node/issues/452).
        """
        charged = {one.reference for one in self.payments.values() if one.returned == "cancelled"}
        live = [one for one in self.subscriptions.values() if not one.over]
        return [one.subscription_id for one in live if one.ends in AT_ONCE or one.subscription_id in charged]

    def newest(self, plan: str) -> str:
        """The id of the newest payment for a plan of which something is kept; empty if there is none."""
        kept = [(one.paid_at, one.payment_id) for one in self.payments.values() if one.kept and one.plan == plan]
        return max(kept)[1] if kept else ""

    def judged(self) -> "Book":
        """The book after the rules that hold between purchases.

        A later purchase ends every earlier subscription, from the moment at which it was paid. A charge of a
        subscription that had ended by then gives nothing, and is sent back.
        """
        book = self._without_late_charges()  # first, so that a charge that is sent back ends nothing
        bought, paid = book.bought_at(), _first(book.payments.values())
        subscriptions = {sub_id: _ended(sub, bought, paid) for sub_id, sub in self.subscriptions.items()}
        return book._replace(subscriptions=subscriptions)._without_late_charges()

    def _without_late_charges(self) -> "Book":
        return self._replace(payments={k: _sent_back(one, self.subscriptions) for k, one in self.payments.items()})

    def cover(self, now: int, grace_days: int) -> Cover | None:
        """What is paid for at a time: by the newest purchase that has not lapsed, else by the newest of all.

        None if nothing is kept of any payment.
        """
        covers = self.covers(grace_days)
        running = [one for one in covers if one.applies(now)]
        return running[-1] if running else covers[-1] if covers else None

    def covers(self, grace_days: int) -> list[Cover]:
        """What the purchases give, oldest first. Consecutive purchases of one plan are one cover."""
        bought, paid = self.bought_at(), _first(self.payments.values())
        renewing = {sub_id for sub_id, sub in self.subscriptions.items() if sub.renews}
        # Who has subscribed again is charged where the paid time ends, and a late first charge is given time as any is.
        starting = {one.plan for sub_id, one in self.subscriptions.items() if one.charged_next and sub_id not in paid}
        kept = [payment for payment in self.payments.values() if payment.kept]
        kept.sort(key=lambda payment: (bought[payment.reference], payment.reference, payment.payment_id))
        covers = [
            _together(list(group), renewing, grace_days * DAY)
            for _, group in groupby(kept, key=lambda payment: payment.plan)
        ]
        for number, cover in enumerate(reversed(covers), 1):
            if cover.plan in starting and cover.until is not None:
                covers[-number] = cover._replace(until=cover.until + grace_days * DAY)
            starting.discard(cover.plan)  # an earlier cover of it is not the one that goes on
        return covers


def _first(payments: Iterable[PaymentRecord]) -> dict[str, int]:
    times: dict[str, int] = {}
    for payment in payments:
        times[payment.reference] = min(payment.paid_at, times.get(payment.reference, payment.paid_at))
    return times


def _ended(subscription: SubscriptionRecord, bought: Mapping[str, int], paid: Mapping[str, int]) -> SubscriptionRecord:
    own_id = subscription.subscription_id
    if own_id not in paid and subscription.status == "created":
        return subscription  # nobody has agreed to it: if somebody does, it is the later purchase
    # Its state may be heard of before its first payment, and the payment of a later start is still to come.
    since = paid.get(own_id) or subscription.begun_at or subscription.ordered_at
    others = {one: time for one, time in bought.items() if one != own_id}
    # Of two purchases in one second one must be the later, as in `covers`: else two subscriptions go on for good.
    tied = own_id in bought
    later = [time for one, time in others.items() if time > since or (tied and time == since and one > own_id)]
    if not later:
        return subscription
    ends_since = max(min(later), since + 1)  # its first payment was before that
    if subscription.ends and subscription.ends_since <= ends_since:
        return subscription
    ends = "access_ended" if subscription.ends == "access_ended" else "replaced"
    return replace(subscription, ends=ends, ends_since=ends_since)


def _sent_back(payment: PaymentRecord, subscriptions: Mapping[str, SubscriptionRecord]) -> PaymentRecord:
    subscription = subscriptions.get(payment.reference)
    if payment.returned or subscription is None or not subscription.ends:
        return payment
    slack = 0 if subscription.ends == "replaced" else CLOCKS_DIFFER
    if payment.paid_at < subscription.ends_since + slack:
        return payment
    return replace(payment, returned=subscription.ends)


def _together(payments: list[PaymentRecord], renewing: set[str], grace: int) -> Cover:
    """The cover of consecutive purchases of one plan."""
    until: int | None = 0
    for payment in sorted(payments, key=lambda one: (one.applied_at, one.payment_id)):
        if until is None or payment.model in ("once", "prepaid"):
            until = None
        elif payment.model == "days":
            until = max(payment.applied_at, until) + payment.share(payment.days * DAY)
        else:
            end = payment.period_start + payment.share(payment.period_end - payment.period_start)
            renewed = payment.reference in renewing and payment.kept == payment.amount
            until = max(until, end + grace if renewed else end)
    return Cover(payments[0].plan, until)
