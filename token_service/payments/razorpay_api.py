"""Calls of Razorpay's API, by its SDK: with time-outs, without its retries, and with errors that say what to do.

The SDK has no default time-out, prints when a connection fails, repeats POSTs if retries are enabled, and fails on a
page of HTML. The session below is where each of these is dealt with.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, TypeVar

from token_service.payments.failures import KeyRefused, RazorpayRefusal, unavailable
from token_service.payments.razorpay import (
    DisputeEntity,
    InvoiceEntity,
    OrderEntity,
    PaymentEntity,
    SubscriptionEntity,
    Unreadable,
    notes_of,
)
from token_service.payments.secrets import RazorpaySecrets

Entity = TypeVar("Entity")
Skip = Callable[[str, str], object]
"""Hears of an entity of a list that cannot be read: its id, and why. Without one, that ends the list with `Refused`."""
CALL_SECONDS: Final = 5.0
REFUNDS_TRIED: Final = 3
"""How many refunds of a payment may fail until it takes a person."""
PAGE: Final = 100
"""The most entities of a page: https://razorpay.com/docs/api/understand/#pagination"""


_ENDS: ContextVar[float | None] = ContextVar("razorpay_calls_end", default=None)


def _seconds_left() -> float:
    ends = _ENDS.get()
    return CALL_SECONDS if ends is None else min(CALL_SECONDS, ends - time.monotonic())


class RazorpayApi:
    """One account. Every method raises `RazorpayRefusal`, and `Refused` (503) if Razorpay is slow or away."""

    def __init__(self, secrets: RazorpaySecrets, url: str = "") -> None:
        """`url` is that of another server, without `/v1`; empty for the real one."""
        self._secrets, self._url = secrets, url
        self._made: tuple[object, Any] | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """All calls of the block together take at most some seconds; a call that has no time left is not made."""
        token = _ENDS.set(time.monotonic() + seconds)
        try:
            yield
        finally:
            _ENDS.reset(token)

    # ---- what is read ------------------------------------------------------------------------------------------------

    def payment(self, payment_id: str) -> PaymentEntity:
        """https://razorpay.com/docs/api/payments/fetch-with-id/"""
        return self._read(PaymentEntity.read, lambda client: client.payment.fetch(payment_id))

    def invoice(self, invoice_id: str) -> InvoiceEntity:
        """https://razorpay.com/docs/api/payments/invoices/fetch-with-id/"""
        return self._read(InvoiceEntity.read, lambda client: client.invoice.fetch(invoice_id))

    def subscription(self, subscription_id: str) -> SubscriptionEntity:
        """https://razorpay.com/docs/api/payments/subscriptions/fetch-subscription-id/"""
        return self._read(SubscriptionEntity.read, lambda client: client.subscription.fetch(subscription_id))

    def dispute(self, dispute_id: str) -> DisputeEntity:
        """https://razorpay.com/docs/api/disputes/fetch/"""
        return self._read(DisputeEntity.read, lambda client: client.dispute.fetch(dispute_id))

    def orders_with(self, receipt: str) -> list[OrderEntity]:
        """The orders of a receipt: https://razorpay.com/docs/api/orders/fetch-all/"""
        found = self._pages(lambda client, page: client.order.all({"receipt": receipt, **page}))
        return [order for order in _each(OrderEntity.read, found) if order.receipt == receipt]

    def payments_between(self, begin: int, end: int, skip: Skip | None = None) -> Iterator[PaymentEntity]:
        """All payments made in a time range: https://razorpay.com/docs/api/payments/fetch-all-payments/"""
        span = {"from": begin, "to": end}
        found = self._pages(lambda client, page: client.payment.all({**span, **page}))
        yield from _each(PaymentEntity.read, found, skip)

    def refunded_between(self, begin: int, end: int) -> set[str]:
        """The payments of all refunds made in a time range: https://razorpay.com/docs/api/refunds/fetch-all/"""
        span = {"from": begin, "to": end}
        found = self._pages(lambda client, page: client.refund.all({**span, **page}))
        return {str(one.get("payment_id")) for one in found}

    def subscriptions_between(
        self, begin: int, end: int, plan_id: str = "", skip: Skip | None = None
    ) -> Iterator[SubscriptionEntity]:
        """All subscriptions made in a time range, also those of one plan alone.

        https://razorpay.com/docs/api/payments/subscriptions/fetch-subscriptions/
        """
        span = {"from": begin, "to": end} | ({"plan_id": plan_id} if plan_id else {})
        found = self._pages(lambda client, page: client.subscription.all({**span, **page}))
        yield from _each(SubscriptionEntity.read, found, skip)

    def disputes(self, skip: Skip | None = None) -> Iterator[DisputeEntity]:
        """All disputes: https://razorpay.com/docs/api/disputes/fetch-all/"""
        yield from _each(DisputeEntity.read, self._pages(lambda client, page: client.dispute.all(page)), skip)

    def plans(self) -> Iterator[Mapping[str, Any]]:
        """All plans: https://razorpay.com/docs/api/payments/subscriptions/fetch-all-plans/"""
        yield from self._pages(lambda client, page: client.plan.all(page))

    def plan(self, plan_id: str) -> Mapping[str, Any]:
        """One plan: https://razorpay.com/docs/api/payments/subscriptions/fetch-plan-with-id/"""
        found: Mapping[str, Any] = self._call(lambda client: client.plan.fetch(plan_id))
        return found

    # ---- what is changed ---------------------------------------------------------------------------------------------

    def create_order(self, amount: int, currency: str, receipt: str, notes: Mapping[str, str]) -> OrderEntity:
        """https://razorpay.com/docs/api/orders/create/"""
        order = {"amount": amount, "currency": currency, "receipt": receipt, "notes": dict(notes)}
        return self._read(OrderEntity.read, lambda client: client.order.create(order))

    def create_subscription(
        self, plan_id: str, total_count: int, start_at: int, notes: Mapping[str, str]
    ) -> SubscriptionEntity:
        """https://razorpay.com/docs/api/payments/subscriptions/create-subscription/ `start_at` 0 is at once."""
        subscription = {"plan_id": plan_id, "total_count": total_count, "quantity": 1, "notes": dict(notes)}
        subscription |= {"start_at": start_at} if start_at else {}
        return self._read(SubscriptionEntity.read, lambda client: client.subscription.create(subscription))

    def create_plan(self, plan: Mapping[str, Any]) -> str:
        """The id of a new plan: https://razorpay.com/docs/api/payments/subscriptions/create-plan/"""
        made = self._call(lambda client: client.plan.create(dict(plan)))
        return str(made["id"])

    def capture(self, payment: PaymentEntity) -> PaymentEntity:
        """https://razorpay.com/docs/api/payments/capture/"""
        body = {"currency": payment.currency}
        return self._read(
            PaymentEntity.read, lambda client: client.payment.capture(payment.payment_id, payment.amount, body)
        )

    def refund(self, payment_id: str, amount: int, why: str) -> None:
        """Refund an amount of a payment; the same request again is the same refund, unless that has failed.

        Raises `RazorpayRefusal` also if several have failed. What the key of a failed one gives is not documented:
        https://razorpay.com/docs/api/refunds/normal-refunds-idempotent/
        """
        # Only ours: one of the dashboard's tells nothing of what a key of ours has done.
        failed = sum(
            one.get("status") == "failed" and "gatepass" in notes_of(one) for one in self._refunds_of(payment_id)
        )
        if failed >= REFUNDS_TRIED:
            raise RazorpayRefusal(f"{failed} refunds of it have failed: ask Razorpay, or pay it back in another way")
        headers = {"X-Refund-Idempotency": f"gatepass-{payment_id}-{amount}{f'-{failed}' if failed else ''}"}
        body = {"amount": amount, "notes": {"gatepass": why}}
        self._call(lambda client: client.payment.refund(payment_id, body, headers=headers))

    def cancel(self, subscription_id: str, at_end: bool) -> SubscriptionEntity:
        """Cancel for good: https://razorpay.com/docs/api/payments/subscriptions/cancel-subscription/"""
        body = {"cancel_at_cycle_end": at_end}
        return self._read(SubscriptionEntity.read, lambda client: client.subscription.cancel(subscription_id, body))

    def _refunds_of(self, payment_id: str) -> Iterator[Mapping[str, Any]]:
        """https://razorpay.com/docs/api/refunds/fetch-multiple-refund-payment/"""
        return self._pages(lambda client, page: client.payment.fetch_multiple_refund(payment_id, page))

    # ---- how ---------------------------------------------------------------------------------------------------------

    def _read(self, read: Callable[[object], Entity], call: Callable[[Any], Any]) -> Entity:
        return next(_each(read, [self._call(call)]))

    def _pages(self, call: Callable[..., Any]) -> Iterator[Mapping[str, Any]]:
        skip = 0
        while True:
            page: Mapping[str, int] = {"count": PAGE, "skip": skip}
            items = self._call(partial(call, page=page)).get("items")
            if not isinstance(items, list):
                raise unavailable("a list has no items")
            yield from items
            if len(items) < PAGE:
                return
            skip += PAGE

    def _call(self, call: Callable[[Any], Any]) -> Any:
        from razorpay.errors import BadRequestError, GatewayError, ServerError

        try:
            answer = self._with_new_keys(call)
        except BadRequestError as error:
            raise RazorpayRefusal(str(error)) from error
        except (GatewayError, ServerError) as error:
            raise unavailable(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise unavailable("the answer is no object")
        return answer

    def _with_new_keys(self, call: Callable[[Any], Any]) -> Any:
        """Call once more if the keys in the secret have changed since they were read."""
        before = self._secrets.get()
        try:
            return call(self._client())
        except KeyRefused:
            if self._secrets.again() == before:
                raise
            return call(self._client())

    def _client(self) -> Any:
        secret = self._secrets.get()
        if self._made is None or self._made[0] != secret:
            import razorpay

            from token_service.payments.razorpay_session import session

            options = {"base_url": self._url} if self._url else {}
            auth = (secret.key_id, secret.key_secret)
            client = razorpay.Client(auth=auth, session=session(_seconds_left), **options)
            self._made = secret, client
        return self._made[1]


def _each(read: Callable[[object], Entity], found: Iterable[object], skip: Skip | None = None) -> Iterator[Entity]:
    for entity in found:
        try:
            readable = read(entity)
        except Unreadable as error:
            if skip is None:
                raise unavailable(str(error)) from error
            skip(str(entity.get("id", ""))[:64] if isinstance(entity, Mapping) else "", str(error))
        else:
            yield readable
