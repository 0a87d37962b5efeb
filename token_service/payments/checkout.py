"""Starts purchases: a Razorpay order or subscription for a plan, made once however often it is asked for."""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from entitlements.decision import REVOKED, SUSPENDED
from entitlements.items import item_to_wire, ordering_key
from entitlements.plans import ANONYMOUS, Plan
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.access.grants import Access
from token_service.access.records import Entitlement, to_the_second
from token_service.errors import ConditionFailed
from token_service.payments.books import Books
from token_service.payments.failures import RazorpayRefusal, RefundRefused, unavailable
from token_service.payments.ledger import Book
from token_service.payments.purchase import Purchase, price_of
from token_service.payments.razorpay_api import RazorpayApi
from token_service.payments.razorpay_plans import RazorpayPlans
from token_service.payments.secrets import RazorpaySecrets
from token_service.payments.settlement import Outcome, Settlement
from token_service.payments.signatures import order_return_is_signed, subscription_return_is_signed
from token_service.repository import Repository

REUSED_SECONDS: Final = 1_800
"""How long an order is handed out again for the same plan and price, until it is paid."""
LEASE_SECONDS: Final = 20
"""How long one caller alone may be making an order. Longer than a call of Razorpay may take."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a purchase would charge and change. Amounts are in the currency's smallest unit."""

    solution_id: str
    plan: str
    model: str
    amount: int
    currency: str
    price: str
    plan_before: str
    replaces: str
    """What is paid for and would be lost, in words; empty if nothing is."""
    cancels: tuple[str, ...]
    """The subscriptions that the first payment ends."""
    starts_at: int
    """When a subscription begins (seconds since the epoch); 0 for at once."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a page needs to open Razorpay's Checkout."""

    preview: Preview
    key_id: str
    reference: str

    @property
    def is_subscription(self) -> bool:
        """Whether the reference is a subscription and not an order."""
        return self.preview.model == "recurring"


class Checkout:
    """Starts and completes purchases."""

    def __init__(
        self,
        repository: Repository,
        books: Books,
        access: Access,
        razorpay: RazorpayApi,
        razorpay_plans: RazorpayPlans,
        razorpay_secrets: RazorpaySecrets,
        settlement: Settlement,
        find_solution: Callable[[str], Solution | None],
        clock: Callable[[], float],
    ) -> None:
        """`find_solution` reads the present configuration; `clock` gives seconds since the epoch."""
        self._repository, self._books, self._access = repository, books, access
        self._razorpay, self._plans, self._secrets = razorpay, razorpay_plans, razorpay_secrets
        self._settlement, self._find_solution, self._clock = settlement, find_solution, clock

    def preview(self, user_id: str, solution_id: str, plan_name: str) -> Preview:
        """What buying a plan would charge and change. Raises `Refused` if it cannot be bought now."""
        return self._offer(user_id, solution_id, plan_name)[1]

    def start(self, user_id: str, solution_id: str, plan_name: str, replace: bool = False) -> Started:
        """Make the order or subscription, or return the one that is being paid.

        Without `replace`, a purchase after which something paid for is lost is refused.
        """
        plan, preview = self._offer(user_id, solution_id, plan_name)
        if preview.replaces and not replace:
            raise Refused(
                Code.PAID_PLAN_REPLACED,
                public=f"this purchase would replace {preview.replaces}: repeat it with replace true to accept that",
            )
        key_id = self._secrets.get().key_id
        receipt, reference = self._ordering(user_id, solution_id, plan)
        if not reference:
            reference = self._made(user_id, solution_id, plan, receipt, preview.starts_at)
        return Started(preview, key_id, reference)

    def complete(self, user_id: str, payment_id: str, order_id: str, subscription_id: str, signature: str) -> Outcome:
        """Apply a payment that Razorpay's Checkout reported to the page, without waiting for its event.

        Raises `Refused` for a report that Razorpay did not sign, or that is another user's, and `Unmatched`. Whether
        money goes back is not the page's concern: the event of the payment waits for that.
        """
        secret = self._secrets.get().key_secret
        if order_id:
            signed = order_return_is_signed(order_id, payment_id, signature, secret)
        else:
            signed = subscription_return_is_signed(subscription_id, payment_id, signature, secret)
        purchase = self._books.purchase(order_id or subscription_id) if signed else None
        if purchase is None or purchase.user_id != user_id:
            raise Refused(Code.PAYMENT_UNSIGNED)
        with suppress(RefundRefused):
            if purchase.model == "recurring":
                self._settlement.subscription(subscription_id)
        try:
            return self._settlement.payment(payment_id)
        except RefundRefused:
            return Outcome.APPLIED

    # ---- what is offered ---------------------------------------------------------------------------------------------

    def _offer(self, user_id: str, solution_id: str, plan_name: str) -> tuple[Plan, Preview]:
        solution = self._find_solution(solution_id)
        if solution is None:
            raise Refused(Code.SOLUTION_UNKNOWN)
        if not solution.active:
            raise Refused(Code.SOLUTION_DISABLED)
        plan = solution.plans.get(plan_name)
        if plan is None or plan.price is None or plan_name == ANONYMOUS:
            raise Refused(Code.PLAN_NOT_SOLD)
        current = self._access.find(user_id, solution_id)
        if current is None:  # only a sign-in or a visit may create it: they know what a deleted account has used
            raise Refused(Code.ENTITLEMENT_MISSING)
        if current.status in (REVOKED, SUSPENDED):
            raise Refused(
                Code.ENTITLEMENT_REVOKED if current.status == REVOKED else Code.ENTITLEMENT_SUSPENDED,
                public="access to this solution has ended or is suspended, so nothing can be bought for it",
            )
        book, now = self._books.read(user_id, solution_id), int(self._clock())
        live = [one for one in book.subscriptions.values() if one.charged_next]
        if any(one.plan == plan_name for one in live):
            raise Refused(Code.ALREADY_SUBSCRIBED)
        return plan, Preview(
            solution_id=solution_id,
            plan=plan_name,
            model=plan.model,
            amount=plan.price.amount,
            currency=plan.price.currency,
            price=plan.readable_price or "",
            plan_before=current.plan,
            replaces=_lost(current, plan, book, solution, now),
            cancels=tuple(one.plan for one in live),
            starts_at=_starts_at(plan, book, solution, now),
        )

    # ---- making it once ----------------------------------------------------------------------------------------------

    def _ordering(self, user_id: str, solution_id: str, plan: Plan) -> tuple[str, str]:
        """The receipt of the purchase that is being made, and its order or subscription if there is one already.

        The caller that gets no reference has the lease: it alone makes the order. Raises `Refused` (503) for another.
        """
        key, now = ordering_key(user_id, solution_id, plan.name), int(self._clock())
        terms = json.dumps(plan.to_mapping(), sort_keys=True)
        known = self._repository.get_item(key)
        receipt, ordered_at = f"gp_{secrets.token_hex(16)}", now
        if known is not None and known["terms"] == terms and now < known["ordered_at"] + REUSED_SECONDS:
            if not known.get("reference"):
                if now < known["leased_until"]:
                    raise unavailable("another request is making this order")
                receipt, ordered_at = known["receipt"], known["ordered_at"]
            elif self._can_be_paid(user_id, solution_id, plan, known["reference"], now):
                return known["receipt"], known["reference"]
        lease: dict[str, str | int] = {
            "receipt": receipt,
            "terms": terms,
            "ordered_at": ordered_at,
            "leased_until": now + LEASE_SECONDS,
            "expires_at": now + 86_400,
        }
        unchanged: Mapping[str, object] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if known is not None:
            unchanged = {
                "ConditionExpression": "receipt = :receipt AND leased_until = :leased",
                "ExpressionAttributeValues": item_to_wire(
                    {":receipt": known["receipt"], ":leased": known["leased_until"]}
                ),
            }
        try:
            self._repository.put_item(key, lease, dict(unchanged))
        except ConditionFailed:
            raise unavailable("another request is making this order") from None
        if known is not None and known["receipt"] == receipt:
            return receipt, self._found(user_id, solution_id, plan, receipt, ordered_at)
        return receipt, ""

    def _can_be_paid(self, user_id: str, solution_id: str, plan: Plan, reference: str, now: int) -> bool:
        """Whether an order is to be handed out again. A paid order is forgotten; a subscription is known by its state.

        One that was to begin meanwhile has expired: https://razorpay.com/docs/payments/subscriptions/states/
        """
        if plan.model != "recurring":
            return True
        known, purchase = self._books.read(user_id, solution_id), self._books.purchase(reference)
        record = known.subscriptions.get(reference)
        if record is None or purchase is None or record.status != "created" or record.ends:
            return False
        return not purchase.starts_at or now < purchase.starts_at

    def _found(self, user_id: str, solution_id: str, plan: Plan, receipt: str, ordered_at: int) -> str:
        """The order or subscription of an earlier attempt whose answer was lost."""
        if plan.model == "recurring":
            between = self._razorpay.subscriptions_between(
                ordered_at - 60, int(self._clock()) + 60, self._plans.of(solution_id, plan)
            )
            found = [one.subscription_id for one in between if one.notes.get("receipt") == receipt]
        else:
            found = [one.order_id for one in self._razorpay.orders_with(receipt)]
        if not found:
            return ""
        self._stored(Purchase.of(plan, user_id, solution_id, found[0], receipt, ordered_at))
        return found[0]

    def _made(self, user_id: str, solution_id: str, plan: Plan, receipt: str, starts_at: int) -> str:
        price = price_of(plan)
        notes = {"user": user_id, "solution": solution_id, "plan": plan.name, "receipt": receipt}
        try:
            if plan.model == "recurring":
                razorpay_plan = self._plans.of(solution_id, plan)
                made = self._razorpay.create_subscription(razorpay_plan, price.total_count or 1, starts_at, notes)
                reference = made.subscription_id
            else:
                order = self._razorpay.create_order(price.amount, price.currency, receipt, notes)
                reference = order.order_id
        except RazorpayRefusal as refusal:
            raise Refused(Code.PAYMENTS_NOT_CONFIGURED, f"Razorpay refused the order: {refusal}") from refusal
        purchase = Purchase.of(plan, user_id, solution_id, reference, receipt, int(self._clock()), starts_at)
        self._stored(purchase)
        return reference

    def _stored(self, purchase: Purchase) -> None:
        """Store what was ordered before anybody can pay for it, then that the order is made."""
        self._books.ordered(purchase)
        key = ordering_key(purchase.user_id, purchase.solution, purchase.plan)
        self._repository.update_item(
            {
                "Key": key.wire,
                "UpdateExpression": "SET #reference = :reference",
                "ConditionExpression": "receipt = :receipt",
                "ExpressionAttributeNames": {"#reference": "reference"},
                "ExpressionAttributeValues": item_to_wire(
                    {":reference": purchase.reference, ":receipt": purchase.receipt}
                ),
            }
        )


def _starts_at(plan: Plan, book: Book, solution: Solution, now: int) -> int:
    """When a new subscription begins: where the paid time of a cancelled one of the same plan ends."""
    cover = book.cover(now, solution.grace_days)
    if plan.model != "recurring" or cover is None or cover.plan != plan.name or cover.until is None:
        return 0
    return cover.until if cover.until > now else 0


def _lost(current: Entitlement, plan: Plan, book: Book, solution: Solution, now: int) -> str:
    """What is paid for, and would no longer apply after a purchase, in words."""
    if current.plan == plan.name:
        return ""
    present = solution.plans.get(current.plan)
    if present is not None and present.prepaid:
        left = max(0, (current.granted or 0) - current.total)
        return f"the plan {current.plan} with {left} requests left" if left else ""
    cover = book.cover(now, solution.grace_days)
    if cover is None or cover.plan != current.plan or not cover.applies(now):
        return ""
    if cover.until is None:
        return f"the plan {current.plan}, which is paid for good"
    return f"the plan {current.plan}, which is paid until {to_the_second(cover.until)}"
