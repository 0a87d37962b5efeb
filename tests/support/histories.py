"""One user's history of purchases with everything that can go wrong, checked against `PaidFor` as it goes on.

A step is three values: what happens, to which of the things that it can happen to, and how. Whatever makes no sense at
that moment does nothing, so that every list of steps is a history, and any part of one is, too.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from entitlements.decision import ACTIVE, REVOKED
from entitlements.items import StoreUnavailable
from entitlements.refusals import Refused
from gatepass.local.razorpay import PaymentOutcome, RazorpayAccount, RazorpayRefused
from gatepass.local.razorpay.webhooks import Delivery
from tests.support.interruptions import Ending, Interruptions, Killed
from tests.support.paid_for import PaidFor
from tests.support.seller import DAY, Seller
from tests.support.signer import SOLUTION, USER
from token_service.errors import Busy
from token_service.payments.inbox import LAPSE
from token_service.payments.ledger import AT_ONCE
from token_service.payments.razorpay_api import REFUNDS_TRIED
from token_service.payments.records import LEAST_REFUND
from token_service.payments.settlement import Unmatched
from token_service.payments_handler import reconcile, work

Step = tuple[str, int, int]
PLANS: dict[str, Any] = {
    "anonymous": {"limits": {"lifetime": 3}},
    "registered": {"limits": {"day": 10}},
    "pro": {"limits": {}, "price": {"amount": 49900, "currency": "INR", "interval": "month"}},
    "pass-30": {"limits": {}, "price": {"amount": 19900, "currency": "INR", "days": 30}},
    "pack-100": {"credits": 100, "price": {"amount": 9900, "currency": "INR"}},
    "forever": {"limits": {}, "price": {"amount": 499900, "currency": "INR"}},
    "max": {"limits": {}, "price": {"amount": 99900, "currency": "INR", "interval": "week", "every": 2}},
    "pass-7": {"limits": {}, "price": {"amount": 6900, "currency": "INR", "days": 7}},
    "pack-7": {"credits": 7, "price": {"amount": 999, "currency": "INR"}},
    "for-good": {"limits": {}, "price": {"amount": 299900, "currency": "INR"}},
}
SOLD: Final = [name for name, plan in PLANS.items() if "price" in plan]
GIVEN: Final = (("registered", None), ("max", None), ("pro", 9 * DAY + 1))
"""Plans that an operator sets, and for how long. None looks like one that was paid for."""
CLOCK: Final = (1, 7, 3600, DAY, 3 * DAY, 8 * DAY, 31 * DAY, 45 * DAY)
OUTCOMES: Final = (*[PaymentOutcome.CAPTURED] * 4, PaymentOutcome.AUTHORIZED, PaymentOutcome.FAILED)
TROUBLES: Final = ("balance_is_low", "refunds_fail", "refuses_cycle_end", "forgets_cycle_end")
DISPUTES: Final = ("won", "lost", "closed", "under_review")
GRACE_DAYS: Final = 4


class History:
    """The user `USER`. `skew`: how many seconds Razorpay's clock is ahead of ours."""

    def __init__(self, seller: Seller, interruptions: Interruptions, skew: int) -> None:
        self.seller, self.interruptions, self.skew = seller, interruptions, skew
        self.waiting: list[Delivery] = []
        self.delivered: list[Delivery] = []
        self.references: list[str] = []
        self.applied_at: dict[str, int] = {}
        self.given: str | None = None
        """The plan that the operator set, while it holds."""
        self.spent = self.spent_of_packs = 0
        self.revoked_ever = False
        self.cancelled_at: dict[str, int] = {}
        self.begun_at: dict[str, int] = {}
        """When the payer agreed to each subscription."""
        self.interrupted = (0, False, Ending.KILLED)
        """The number of the call that ends what the service does next, and how."""
        seller.access.grant(USER, SOLUTION)
        self.before = seller.held()
        self.audited = {one["sk"] for one in seller.changes()}

    def run(self, steps: Sequence[Step]) -> None:
        """The steps, then what everything must have come to."""
        for step in (*steps, ("settle", 0, 0)):
            name, which, how = step
            self.before = self.seller.held()
            getattr(self, name)(which, how)
            self._check(by_operator=name in ("set_plan", "revoke", "grant", "suspend"))

    # ---- what the service is asked for -------------------------------------------------------------------------------

    def _serve(self, action: Callable[[], object]) -> bool:
        """Whether it was answered without an error."""
        number, after, ending = self.interrupted
        self.interrupted = (0, False, Ending.KILLED)
        self.interruptions.at(number, after, ending)
        try:
            action()
        except Killed:
            self.seller.restart()
            return False
        except (StoreUnavailable, Busy, Refused, Unmatched):
            return False
        finally:
            self.interruptions.at(0)
            self._note()
        return True

    def _note(self) -> None:
        """What has been applied, and when."""
        book = self.seller.payments.books.read(USER, SOLUTION)
        for payment_id, record in book.payments.items():
            if payment_id not in self.applied_at:
                self.applied_at[payment_id] = int(self.seller.now)
                assert record.applied_at == int(self.seller.now)
                if record.kept and self.seller.held().status != REVOKED:
                    self.given = None
        if self.given == "registered" and not any(one.kept for one in book.payments.values()):
            self.given = None  # it is what holds anyway

    def interrupt(self, which: int, how: int) -> None:
        """The next thing that the service does ends at some call."""
        self.interrupted = (which + 1, how % 2 == 1, list(Ending)[how // 2 % 2])

    def order(self, which: int, how: int) -> None:
        """Of one order, at most, is more than one handed out."""
        found: list[str] = []
        self._serve(lambda: found.append(self.seller.order(SOLD[which % len(SOLD)], replace=how != 5)))
        self.references += [one for one in found if one not in self.references]

    def buy(self, which: int, how: int) -> None:
        """Order, and pay it in full."""
        known = len(self.references)
        self.order(which, 0)
        if len(self.references) > known:
            self._payer(lambda account: self._pay(account, self.references[-1], PaymentOutcome.CAPTURED))
            if how % 2:
                self.deliver_all(how, how)

    def subscribe_again(self, which: int, how: int) -> None:
        """Cancel, and buy the same plan again, which then begins where the paid time ends."""
        plan = ("pro", "max")[which % 2]
        self.buy(SOLD.index(plan), 1)
        self.seller.now += 60
        self.cancel(0, 0)
        self.buy(SOLD.index(plan), how)

    def complete(self, which: int, how: int) -> None:
        """The page comes back from Checkout."""
        with self.seller.account() as account:
            paid = [one["id"] for one in account.payments() if one["captured"]]
            returned = account.checkout_return(_one(paid, which)) if paid else {}
        if returned:
            self._serve(
                lambda: self.seller.payments.checkout.complete(
                    USER,
                    returned["razorpay_payment_id"],
                    returned.get("razorpay_order_id", ""),
                    returned.get("razorpay_subscription_id", ""),
                    returned["razorpay_signature"],
                )
            )

    def deliver(self, which: int, how: int) -> None:
        """One event that has not arrived yet."""
        self._collect()
        if self.waiting:
            self._post(_one(self.waiting, which))

    def deliver_all(self, which: int, how: int) -> None:
        """Everything that has not arrived yet, in some order."""
        self._collect()
        waiting = list(self.waiting)
        random.Random(which).shuffle(waiting)
        for one in sorted(waiting, key=waiting.index if how % 3 else self.waiting.index):
            self._post(one)

    def deliver_again(self, which: int, how: int) -> None:
        """An event that arrived before."""
        if self.delivered:
            self._post(_one(self.delivered, which))

    def lose(self, which: int, how: int) -> None:
        """Razorpay gives an event up."""
        self._collect()
        if self.waiting:
            self.waiting.remove(_one(self.waiting, which))

    def job(self, which: int, how: int) -> None:
        self._serve(lambda: work(self.seller.payments, self.seller.now, lambda: 900))

    def reconcile(self, which: int, how: int) -> None:
        self._serve(lambda: reconcile(self.seller.payments, self.seller.now, 24 * 4000))

    def cancel(self, which: int, how: int) -> None:
        """The user cancels."""
        now = int(self.seller.now)
        book = self.seller.payments.books.read(USER, SOLUTION)
        renewable = [one.subscription_id for one in book.subscriptions.values() if not one.over and not one.ends]
        for one in renewable:
            self.cancelled_at.setdefault(one, now)
        for _ in range(2):  # who sees an error tries again
            if self._serve(lambda: self.seller.payments.settlement.cancel(USER, SOLUTION)):
                break

    def _post(self, delivery: Delivery) -> None:
        if self._serve(lambda: self.seller.deliver([delivery])) and delivery in self.waiting:
            self.waiting.remove(delivery)
            self.delivered.append(delivery)

    def _collect(self) -> None:
        self.waiting += self.seller.events()

    # ---- what the operator does --------------------------------------------------------------------------------------

    def set_plan(self, which: int, how: int) -> None:
        plan, days = _one(GIVEN, which)
        until = None if days is None else int(self.seller.now) + days
        self._serve(lambda: self.seller.access.set_plan(USER, SOLUTION, plan, until))
        held = self.seller.held()
        if (held.plan, held.paid_until) != (self.before.plan, self.before.paid_until):
            self.given = held.plan

    def revoke(self, which: int, how: int) -> None:
        if how % 2:
            self._serve(lambda: self.seller.payments.settlement.end_subscriptions(USER, SOLUTION))
            self.revoked_ever = True  # it ends as if
        self._serve(lambda: self.seller.access.revoke(USER, SOLUTION))
        self.revoked_ever |= self.seller.held().status == REVOKED

    def grant(self, which: int, how: int) -> None:
        self._serve(lambda: self.seller.access.grant(USER, SOLUTION))
        if (self.before.status, self.seller.held().status) == (REVOKED, ACTIVE):
            self.given = self.seller.held().plan

    def suspend(self, which: int, how: int) -> None:
        access = self.seller.access
        self._serve(lambda: access.resume(USER, SOLUTION) if how % 2 else access.suspend(USER, SOLUTION))

    # ---- what payers, banks, Razorpay, and the time do ---------------------------------------------------------------

    def _payer(self, act: Callable[[RazorpayAccount], object]) -> None:
        with self.seller.account() as account, suppress(ValueError, RazorpayRefused):  # which makes no sense now
            act(account)

    def pay(self, which: int, how: int) -> None:
        if self.references:
            self._payer(lambda account: self._pay(account, _one(self.references, which), _one(OUTCOMES, how)))

    def _pay(self, account: RazorpayAccount, reference: str, outcome: PaymentOutcome) -> None:
        if reference.startswith("sub_"):
            account.authenticate(reference, outcome)
            if account.subscription(reference)["status"] != "created":
                self.begun_at.setdefault(reference, int(self.seller.now + self.skew))
        else:
            account.pay(reference, outcome)

    def renew(self, which: int, how: int) -> None:
        """The next charge of a subscription, on its day."""

        def charge(account: RazorpayAccount) -> None:
            found = [one for one in account.subscriptions() if one["status"] in ("authenticated", "active", "pending")]
            if found:
                one = _one(found, which)
                self.seller.now = max(self.seller.now, float((one["charge_at"] or 0) - self.skew))
                account.charge(one["id"], _one(OUTCOMES, how))

        self._payer(charge)

    def pay_by_hand(self, which: int, how: int) -> None:
        """A halted subscription."""

        def charge(account: RazorpayAccount) -> None:
            account.charge(_one([one["id"] for one in account.subscriptions() if one["status"] == "halted"], which))

        self._payer(charge)

    def end_cycle(self, which: int, how: int) -> None:
        def end(account: RazorpayAccount) -> None:
            one = _one([one for one in account.subscriptions() if one["status"] in ("halted", "active")], which)
            self.seller.now = max(self.seller.now, float((one["current_end"] or 0) - self.skew))
            account.end_cycle(one["id"])

        self._payer(end)

    def pause(self, which: int, how: int) -> None:
        def pause(account: RazorpayAccount) -> None:
            one = _one([one["id"] for one in account.subscriptions()], which)
            (account.resume_by_customer if how % 2 else account.pause_by_customer)(one)

        self._payer(pause)

    def stop(self, which: int, how: int) -> None:
        """The seller cancels a subscription on Razorpay's dashboard."""
        self._payer(
            lambda account: account.cancel_subscription(
                _one([one for one in self.references if one.startswith("sub_")], which),
                {"cancel_at_cycle_end": how % 2},
            )
        )

    def authorize_late(self, which: int, how: int) -> None:
        def authorize(account: RazorpayAccount) -> None:
            failed = [one["id"] for one in account.payments() if one["status"] == "failed"]
            account.authorize_late(_one(failed, which), capture=how % 2 == 1)

        self._payer(authorize)

    def refund(self, which: int, how: int) -> None:
        """The seller refunds a payment on the dashboard: all of it, or a part."""

        def give_back(account: RazorpayAccount) -> None:
            one = _one([one for one in account.payments() if one["captured"]], which)
            account.create_refund(one["id"], {"amount": max(100, one["amount"] * how // 7)} if how else {})

        self._payer(give_back)

    def dispute(self, which: int, how: int) -> None:
        def open_one(account: RazorpayAccount) -> None:
            one = _one([one for one in account.payments() if one["captured"]], which)
            account.open_dispute(one["id"], one["amount"] * how // 7 if how else None)

        self._payer(open_one)

    def decide(self, which: int, how: int) -> None:
        self._payer(
            lambda account: account.resolve_dispute(
                _one([one["id"] for one in account.disputes()], which), _one(DISPUTES, how)
            )
        )

    def trouble(self, which: int, how: int) -> None:
        """What Razorpay does not do, from now on or no longer."""
        with self.seller.account() as account:
            setattr(account, _one(TROUBLES, which), how % 3 != 2)

    def use(self, which: int, how: int) -> None:
        """Requests through the gate, as many as it lets pass."""
        held, plan = self.seller.held(), self.seller.plan()
        prepaid = "credits" in PLANS[plan]
        left = max(0, (held.granted or 0) - held.total)
        count = min(left, 1 + which * 9) if prepaid else 1 + which
        if held.status == ACTIVE and count:
            self.seller.use(count)
            self.spent += min(left, count)
            self.spent_of_packs += count if prepaid else 0

    def clock(self, which: int, how: int) -> None:
        self.seller.now += _one(CLOCK, which)
        with self.seller.account() as account:
            account.let_time_pass()

    # ---- what must hold ----------------------------------------------------------------------------------------------

    def _check(self, by_operator: bool) -> None:
        held, book = self.seller.held(), self.seller.payments.books.read(USER, SOLUTION)
        with self.seller.account() as account:
            paid = [
                (one["id"], one["invoice_id"], one["order_id"], one["amount"])
                for one in account._payments.values()  # copies of all are too slow
                if one["captured"] or one["amount_refunded"]
            ]
        ever = sum(PLANS[record.plan].get("credits", 0) for record in book.payments.values())
        assert {record.payment_id for record in book.payments.values()} <= {one[0] for one in paid}
        left = max(0, (held.granted or 0) - held.total)
        assert left + self.spent_of_packs <= ever
        plan = self.seller.plan()
        if plan != self.given and plan != "registered":
            assert any(record.plan == plan for record in book.payments.values()), f"{plan} was never paid for"
        self._audited(by_operator)

    def _audited(self, by_operator: bool) -> None:
        held, changes = self.seller.held(), self.seller.changes()
        new = [one for one in changes if one["sk"] not in self.audited]
        self.audited = {one["sk"] for one in changes}
        for one in new:
            assert one["actor"] == "razorpay"
            if "plan" in one or "granted" in one:
                assert "payment" in one or "subscription" in one, f"names no payment: {one}"
        moved = (held.plan, held.paid_until, held.granted) != (
            self.before.plan,
            self.before.paid_until,
            self.before.granted,
        )
        if moved and not by_operator:
            assert new, "a change without an entry"
            if held.plan != self.before.plan:
                assert held.plan in [one.get("plan") for one in new]

    def settle(self, which: int, how: int) -> None:
        """Everything arrives, the jobs run, and the records are compared with Razorpay."""
        with self.seller.account() as account:
            for name in TROUBLES:
                setattr(account, name, False)
        for _ in range(8):
            self._refund_by_hand()
            self.deliver_all(which, how)
            self.seller.now += 3601
            self.job(0, 0)
            self.reconcile(0, 0)
            self._collect()
            if not self.waiting and not self._to_do():
                break
        self._settled()
        book = self.seller.payments.books.read(USER, SOLUTION)
        held = self.seller.held()
        for one in random.Random(how).sample(self.delivered, len(self.delivered)):
            self._serve(lambda one=one: self.seller.deliver([one]))  # type: ignore[misc]
        self.reconcile(0, 0)
        assert not self.seller.events()
        assert self.seller.payments.books.read(USER, SOLUTION) == book
        assert self.seller.held() == held

    def _refund_by_hand(self) -> None:
        """As the operator is asked to, once Razorpay has failed several times."""
        book = self.seller.payments.books.read(USER, SOLUTION)
        for record in book.payments.values():
            with self.seller.account() as account:
                failed = [one for one in account.refunds(record.payment_id) if one["status"] == "failed"]
                if record.owed and len(failed) >= REFUNDS_TRIED:
                    account.create_refund(record.payment_id, {"notes": {"gatepass": "by hand"}})

    def _to_do(self) -> list[tuple[str, str]]:
        entries = self.seller.payments.inbox.entries()
        return [(one.state, one.reason) for one in entries if one.state != LAPSE or one.next_at <= self.seller.now]

    def _settled(self) -> None:
        held, book, now = self.seller.held(), self.seller.payments.books.read(USER, SOLUTION), int(self.seller.now)
        assert self._to_do() == []
        with self.seller.account() as account:
            paid, refunds = PaidFor(account, PLANS), account.refunds()
        # Each captured payment is recorded once, with what is left of it.
        captured = {one.payment_id for one in paid.payments}
        assert captured <= book.payments.keys()
        assert not any(one.kept for one in book.payments.values() if one.payment_id not in captured)
        stored = [one["payment_id"] for one in self.seller.table.all() if one["sk"].startswith("payment#")]
        assert sorted(stored) == sorted(book.payments)
        for one in paid.payments:
            record = book.payments[one.payment_id]
            kept = 0 if record.returned and one.kept < LEAST_REFUND else one.kept
            assert (record.kept, record.plan, record.reference) == (kept, one.plan, one.reference)
            if record.returned:
                assert record.owed == 0, f"{record.returned}, and not refunded"
                assert record.state == "refunded"
                assert self._deserved(record.returned, one, paid), f"{record.returned} without a cause"
        returned = {record.payment_id for record in book.payments.values() if record.returned}
        ours = {one["payment_id"] for one in refunds if "gatepass" in (one["notes"] or {})}
        assert ours <= returned
        # Money that the bank holds is taken where something can be given for it.
        for entity in paid.entities:
            if entity["status"] == "authorized" and not self.revoked_ever:
                assert any(one.reference == entity["order_id"] for one in paid.payments), "an authorization was left"
        # Nobody is charged for what was replaced or cancelled.
        for subscription_id, subscription in paid.subscriptions.items():
            if subscription_id not in self.references:
                continue  # its id was lost in a crash, so nobody can pay for it
            record_of = book.subscriptions.get(subscription_id)
            assert record_of is not None
            assert record_of.status == subscription["status"]
            charged = [one for one in book.payments.values() if one.reference == subscription_id]
            if record_of.ends in AT_ONCE or any(one.returned == "cancelled" for one in charged):
                assert subscription["status"] in ("cancelled", "completed", "expired")
        bought: dict[str, int] = {}
        for p in paid.kept:
            bought.setdefault(p.reference, p.paid_at)
        live = [
            s for s, entity in paid.subscriptions.items() if entity["status"] in ("active", "pending") and s in bought
        ]
        for one_id in live:
            later = [r for r, time in bought.items() if (time, r) > (bought[one_id], one_id)]
            assert not later or one_id in self.cancelled_at, f"{one_id} goes on beside {later}"
        # The plan, and the credits.
        left = max(0, (held.granted or 0) - held.total)
        assert max(0, paid.credits() - self.spent) <= left <= paid.credits()
        if self.given is not None:
            assert held.plan == self.given
        elif held.status != REVOKED:
            renewing = {
                one
                for one, entity in paid.subscriptions.items()
                if entity["status"] in ("active", "pending") and one not in self.cancelled_at
            }
            wanted = paid.plan_at(now, self.applied_at, renewing, GRACE_DAYS)
            plan = self.seller.plan()
            assert (plan, held.paid_until if plan != "registered" else None) == (wanted or ("registered", None))

    def _deserved(self, why: str, payment: Any, paid: PaidFor) -> bool:
        others = [one for one in paid.payments if one.payment_id != payment.payment_id]
        if why == "second_payment":
            return any((one.reference, one.period) == (payment.reference, payment.period) for one in others)
        if why == "access_ended":
            return self.revoked_ever
        if why == "cancelled":
            cancelled = self.cancelled_at.get(payment.reference)
            if cancelled is not None and cancelled <= payment.paid_at:
                return True
        bought: dict[str, int] = {}
        for one in others:
            bought.setdefault(one.reference, one.paid_at)  # in the order in which they were paid
        begun = self.begun_at.get(payment.reference, payment.paid_at)
        return why in ("replaced", "cancelled") and any(
            reference != payment.reference and begun <= time <= payment.paid_at for reference, time in bought.items()
        )


def _one(among: Sequence[Any], which: int) -> Any:
    if not among:
        raise ValueError("there is none")
    return among[which % len(among)]
