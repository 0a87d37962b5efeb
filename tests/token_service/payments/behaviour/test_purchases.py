"""What a payment gives and takes, from the order to the gate, with Razorpay's stand-in."""

from collections.abc import Iterator

import pytest

from entitlements.items import solution_key
from entitlements.refusals import Refused
from gatepass.local.razorpay import PaymentOutcome
from tests.support.seller import DAY, KEY_SECRET, PLANS, Seller, selling
from tests.support.signer import SOLUTION, USER
from tests.support.table import Table
from token_service.payments.razorpay_api import REFUNDS_TRIED
from token_service.payments.reconcile import Reconciliation
from token_service.payments_handler import reconcile, work


@pytest.fixture
def seller(table: Table) -> Iterator[Seller]:
    with selling(table) as made:
        yield made


@pytest.mark.parametrize(("plan", "days"), [("pro", 30 + 4), ("pass-30", 30), ("forever", None), ("pack-100", None)])
def test_a_paid_event_gives_the_plan_with_the_next_request(seller: Seller, plan: str, days: float | None) -> None:
    seller.pay(plan)
    assert seller.plan() == "registered"
    seller.deliver()
    assert (seller.plan(), seller.states(), seller.to_do()) == (plan, ["paid"], [])
    assert seller.days_left() == (None if days is None else pytest.approx(days, abs=1.1))
    assert seller.held().granted == (100 if plan == "pack-100" else None)
    (change,) = seller.changes()
    assert (change["payment"][:4], change["plan"], change["actor"]) == ("pay_", plan, "razorpay")


def test_events_twice_late_and_in_any_order_change_nothing_more(seller: Seller) -> None:
    seller.pay("pack-100")
    events = seller.events()
    seller.deliver([*reversed(events), *events])
    seller.restart()
    seller.deliver(events)
    assert (seller.held().granted, len(seller.changes())) == (100, 1)


def test_pressing_twice_makes_one_order_and_a_paid_one_is_not_handed_out_again(seller: Seller) -> None:
    first = seller.order("pack-100")
    assert seller.order("pack-100") == first
    with seller.account() as account:
        account.pay(first)
    seller.deliver()
    assert seller.order("pack-100") != first


def test_an_answer_that_was_lost_makes_no_second_order(seller: Seller) -> None:
    for plan, made in (("pack-100", "orders"), ("pro", "subscriptions")):
        seller.server.lose_answers(1)
        with pytest.raises(Refused) as refused:
            seller.order(plan)
        assert refused.value.code == "payments_unavailable"
        with pytest.raises(Refused):
            seller.order(plan)  # the lease of the first one holds
        seller.now += 21
        reference = seller.order(plan)
        with seller.account() as account:
            assert [one["id"] for one in getattr(account, made)()] == [reference]


def test_refunds_take_back_what_the_payment_gave(seller: Seller) -> None:
    payment = seller.pay("pass-30")
    seller.deliver()
    with seller.account() as account:
        account.create_refund(payment, {"amount": 9950})
    seller.deliver()
    assert (seller.days_left(), seller.states()) == (15, ["partly_refunded"])
    with seller.account() as account:
        account.create_refund(payment, {})
    seller.deliver()
    assert (seller.plan(), seller.held().paid_until, seller.states()) == ("registered", None, ["refunded"])


def test_credits_that_were_used_stay_used(seller: Seller) -> None:
    payment = seller.pay("pack-100")
    seller.deliver()
    seller.use(60)
    seller.pay("pack-100")
    seller.deliver()
    assert seller.held().granted == 200
    with seller.account() as account:
        account.create_refund(payment, {"amount": 4950})
    seller.deliver()
    assert seller.held().granted == 150
    with seller.account() as account:
        account.create_refund(payment, {})
    seller.deliver()
    assert (seller.held().granted, seller.plan()) == (100, "pack-100")  # 60 used, 40 left of the second pack


def test_a_dispute_holds_what_is_left_and_gives_back_exactly_that(seller: Seller) -> None:
    payment = seller.pay("pack-100")
    seller.deliver()
    seller.use(60)
    with seller.account() as account:
        dispute = account.open_dispute(payment)["id"]
    seller.deliver()
    assert (seller.held().granted, seller.plan(), seller.states()) == (60, "registered", ["disputed"])
    seller.use(5)  # as registered
    with seller.account() as account:
        account.resolve_dispute(dispute, "won")
    seller.deliver()
    assert (seller.held().granted, seller.plan(), seller.states()) == (105, "pack-100", ["paid"])


def test_a_lost_dispute_is_as_a_refund(seller: Seller) -> None:
    payment = seller.pay("forever")
    seller.deliver()
    with seller.account() as account:
        dispute = account.open_dispute(payment)["id"]
        account.resolve_dispute(dispute, "lost")
    seller.deliver()
    assert (seller.plan(), seller.states()) == ("registered", ["disputed"])


def test_a_later_purchase_ends_the_subscription_and_its_late_charge_is_sent_back(seller: Seller) -> None:
    seller.pay("pro")
    seller.deliver()
    (old,) = seller.payments.books.read(USER, SOLUTION).subscriptions
    with pytest.raises(Refused) as refused:
        seller.order("max")
    assert refused.value.code == "paid_plan_replaced"
    seller.now += DAY
    seller.pay("max", replace=True)
    with seller.account() as account:
        account.charge(old)  # before anybody knows
    events = seller.events()
    seller.deliver([*reversed(events), *events])
    assert seller.plan() == "max"
    with seller.account() as account:
        assert account.subscription(old)["status"] == "cancelled"
        (late,) = [one for one in account.payments() if one["amount_refunded"]]
        assert (late["amount"], late["amount_refunded"]) == (49900, 49900)
    seller.deliver()
    assert (seller.plan(), sorted(seller.states()), seller.to_do()) == ("max", ["paid", "paid", "refunded"], [])


def test_a_subscription_renews_lapses_after_its_grace_and_comes_back(seller: Seller) -> None:
    seller.pay("pro")
    seller.deliver()
    (subscription,) = seller.payments.books.read(USER, SOLUTION).subscriptions
    first = seller.held().paid_until
    assert first is not None
    seller.now = first - 4 * DAY + 1
    with seller.account() as account:
        account.charge(subscription)
    seller.deliver()
    second = seller.held().paid_until
    assert second is not None
    assert 28 * DAY <= second - first <= 31 * DAY
    seller.now = second - 4 * DAY + 1
    with seller.account() as account:
        account.charge(subscription, PaymentOutcome.FAILED)
    seller.deliver()
    assert (seller.plan(), seller.held().paid_until) == ("pro", second)
    for _ in range(3):
        seller.now += DAY
        with seller.account() as account:
            account.charge(subscription, PaymentOutcome.FAILED)
        seller.deliver()
    assert seller.plan() == "registered"  # halted: without grace
    with seller.account() as account:
        account.charge(subscription)
    seller.deliver()
    assert seller.plan() == "pro"


def test_a_key_that_was_replaced_is_read_again_at_most_once_a_minute(seller: Seller) -> None:
    seller.order("pack-100")
    read: list[str] = []
    seller.secret |= {"key_secret": "another"}
    seller.restart(read.append)
    with pytest.raises(Refused) as refused:
        seller.order("forever")
    assert refused.value.code == "payments_not_configured"
    seller.secret |= {"key_secret": KEY_SECRET}
    with pytest.raises(Refused):
        seller.order("forever")
    assert len(read) == 1
    seller.now += 61
    seller.order("forever")
    assert len(read) == 2


def test_a_lapse_that_could_not_be_applied_is_tried_again(seller: Seller) -> None:
    longer = seller.pay("pass-30")
    seller.deliver()
    seller.now += 1
    seller.pay("pass-7", replace=True)
    seller.deliver()
    seller.now += 7 * DAY + 2
    assert seller.plan() == "registered"
    seller.table.client.delete_item(TableName=seller.table.name, Key=solution_key(SOLUTION).wire)
    work(seller.payments, seller.now, lambda: 900)
    assert seller.to_do() == [("due", "solution_unknown")]
    seller.table.put_solution(seller.solution)
    seller.now += 61
    work(seller.payments, seller.now, lambda: 900)
    assert (seller.plan(), seller.to_do()) == ("pass-30", [])
    assert seller.changes()[-1]["payment"] == longer


def test_a_later_start_is_a_subscription_too_and_is_not_sold_twice(seller: Seller) -> None:
    seller.pay("pro")
    seller.deliver()
    first = seller.payments.books.read(USER, SOLUTION).subscriptions
    seller.payments.settlement.cancel(USER, SOLUTION)
    second = seller.order("pro")
    assert second not in first  # though it is asked for within the time in which an order is handed out again
    with seller.account() as account:
        account.authenticate(second)
    seller.deliver()
    with pytest.raises(Refused) as refused:
        seller.order("pro")
    assert refused.value.code == "already_subscribed"


def test_who_subscribes_again_is_not_cut_off_before_the_first_charge(seller: Seller) -> None:
    """It comes where the paid time ends, or as much later as any charge may."""
    seller.pay("pro")
    seller.deliver()
    seller.payments.settlement.cancel(USER, SOLUTION)
    paid_until = seller.held().paid_until
    assert paid_until is not None
    second = seller.order("pro")
    with seller.account() as account:
        account.authenticate(second)
        assert account.subscription(second)["start_at"] == paid_until
    seller.deliver()
    assert seller.held().paid_until == paid_until + 4 * DAY
    seller.now = paid_until + DAY
    assert seller.plan() == "pro"
    with seller.account() as account:
        account.charge(second, PaymentOutcome.FAILED)
    seller.deliver()
    assert (seller.plan(), seller.held().paid_until) == ("pro", paid_until + 4 * DAY)
    seller.payments.settlement.cancel(USER, SOLUTION)
    assert (seller.plan(), seller.held().paid_until) == ("registered", paid_until)


def test_a_subscription_that_was_cancelled_unpaid_is_not_handed_out_again(seller: Seller) -> None:
    first = seller.order("pro")
    assert seller.order("pro") == first
    seller.payments.settlement.cancel(USER, SOLUTION)
    assert seller.order("pro") != first


def test_the_daily_comparison_finds_refunds_of_old_payments_and_late_authorizations(seller: Seller) -> None:
    payment = seller.pay("forever")
    seller.deliver()
    seller.now += 1
    order = seller.order("pass-30", replace=True)
    with seller.account() as account:
        failed = account.pay(order, PaymentOutcome.FAILED)["id"]
        seller.now += 2 * DAY
        account.authorize_late(failed)
    assert reconcile(seller.payments, seller.now, 26) == {"found": 1, "remaining": 0}
    assert seller.plan() == "pass-30"
    seller.now += 40 * DAY
    with seller.account() as account:
        account.create_refund(payment, {})
    assert reconcile(seller.payments, seller.now, 26) == {"found": 1, "remaining": 0}
    assert seller.states() == ["refunded", "paid"]


def test_what_cannot_be_read_does_not_end_the_comparison(seller: Seller) -> None:
    seller.pay("pack-100")
    with seller.account() as account:
        odd = account.pay(account.create_order({"amount": 100, "currency": "INR"})["id"])["id"]
        account._payments[odd]["amount"] = None
    seller.now += 1
    missing = seller.pay("forever", replace=True)
    run = Reconciliation(seller.payments.razorpay, seller.payments.books, seller.payments.settlement, dry_run=False)
    found = {one.subject: (one.kind, one.repaired) for one in run.run(int(seller.now) - DAY, int(seller.now))}
    assert found[odd] == ("unreadable", False)
    assert found[missing] == ("missing", True)
    assert seller.plan() == "forever"


def unwanted(seller: Seller) -> str:
    """A payment that must go back: access ended while it was made."""
    order = seller.order("pass-30")
    seller.access.revoke(USER, SOLUTION)
    with seller.account() as account:
        return str(account.pay(order)["id"])


def test_a_refund_that_razorpay_refuses_is_not_forgotten(seller: Seller) -> None:
    unwanted(seller)
    with seller.account() as account:
        account.balance_is_low = True
    seller.deliver()
    assert seller.states() == ["refund_due"]
    assert set(seller.to_do()) == {("due", "RefundRefused")}
    assert reconcile(seller.payments, seller.now, 26) == {"found": 1, "remaining": 1}
    seller.now += 30 * DAY
    assert work(seller.payments, seller.now, lambda: 900)["late"] > 0
    with seller.account() as account:
        account.balance_is_low = False
    seller.now += 3601
    work(seller.payments, seller.now, lambda: 900)
    seller.deliver()
    assert (seller.states(), seller.to_do()) == (["refunded"], [])
    with seller.account() as account:
        assert len(account.refunds()) == 1


def test_a_refund_that_fails_is_made_again_until_it_takes_a_person(seller: Seller) -> None:
    payment = unwanted(seller)
    with seller.account() as account:
        account.refunds_fail = True
    for _ in range(REFUNDS_TRIED + 1):
        seller.deliver()
    with seller.account() as account:
        assert [one["status"] for one in account.refunds()] == ["failed"] * REFUNDS_TRIED
    assert set(seller.to_do()) == {("due", "RefundRefused")}
    assert reconcile(seller.payments, seller.now, 26) == {"found": 1, "remaining": 1}
    with seller.account() as account:
        account.refunds_fail = False
        account.create_refund(payment, {})
    seller.now += 3601
    seller.deliver()
    work(seller.payments, seller.now, lambda: 900)
    assert (seller.states(), seller.to_do()) == (["refunded"], [])


def test_a_page_is_not_told_that_money_cannot_go_back(seller: Seller) -> None:
    payment = unwanted(seller)
    with seller.account() as account:
        account.balance_is_low = True
        returned = account.checkout_return(payment)
    names = ("payment_id", "order_id", "signature")
    payment_id, order_id, signature = (returned[f"razorpay_{name}"] for name in names)
    assert seller.payments.checkout.complete(USER, payment_id, order_id, "", signature) == "applied"
    assert seller.states() == ["refund_due"]


@pytest.mark.parametrize("trouble", ["refuses_cycle_end", "forgets_cycle_end"])
def test_a_cancellation_that_razorpay_does_not_take_ends_the_charges_all_the_same(seller: Seller, trouble: str) -> None:
    seller.pay("pro")
    seller.deliver()
    paid_until = seller.payments.books.read(USER, SOLUTION).cover(int(seller.now), 0)
    (reference,) = seller.payments.books.read(USER, SOLUTION).subscriptions
    with seller.account() as account:
        setattr(account, trouble, True)
    seller.payments.settlement.cancel(USER, SOLUTION)
    assert paid_until is not None
    assert (seller.plan(), seller.held().paid_until) == ("pro", paid_until.until)
    with seller.account() as account:
        if trouble == "forgets_cycle_end":
            seller.now = account.subscription(reference)["charge_at"]
            account.charge(reference)
    seller.deliver()
    with seller.account() as account:
        assert account.subscription(reference)["status"] == "cancelled"
    assert seller.states() == ["paid"] if trouble == "refuses_cycle_end" else ["paid", "refunded"]


def test_the_end_of_access_ends_a_subscription_that_was_to_go_on_to_the_end_of_its_cycle(seller: Seller) -> None:
    seller.pay("pro")
    seller.deliver()
    (reference,) = seller.payments.books.read(USER, SOLUTION).subscriptions
    with seller.account() as account:
        account.forgets_cycle_end = True
    seller.payments.settlement.cancel(USER, SOLUTION)
    seller.payments.settlement.end_subscriptions(USER, SOLUTION)
    with seller.account() as account:
        assert account.subscription(reference)["status"] == "cancelled"


def test_a_refund_takes_the_plan_away_after_the_days_of_grace_were_changed(seller: Seller) -> None:
    payment = seller.pay("pro")
    seller.deliver()
    seller.table.put_solution(plans=PLANS, grace_days=7)
    with seller.account() as account:
        account.create_refund(payment, {})
    seller.deliver()
    assert seller.plan() == "registered"


def test_a_checkout_gives_nobody_a_fresh_quota(seller: Seller) -> None:
    """Only a sign-in grants: it applies what a deleted account of the same address has used."""
    with pytest.raises(Refused) as refused:
        seller.payments.checkout.preview(USER, SOLUTION, "pro")
    assert refused.value.code == "entitlement_missing"
    assert seller.access.find(USER, SOLUTION) is None


def test_an_account_is_deleted_though_its_plan_or_solution_is_gone(seller: Seller) -> None:
    seller.pay("pro")
    seller.deliver()
    (subscription,) = seller.payments.books.read(USER, SOLUTION).subscriptions
    seller.table.put_solution(plans={name: plan for name, plan in PLANS.items() if name != "pro"})
    seller.payments.settlement.end_subscriptions(USER, SOLUTION)
    with seller.account() as account:
        assert account.subscription(subscription)["status"] == "cancelled"
    seller.table.put_solution(plans=PLANS)
    seller.now += DAY
    seller.pay("max", replace=True)
    seller.deliver()
    seller.table.client.delete_item(TableName=seller.table.name, Key=solution_key(SOLUTION).wire)
    seller.payments.settlement.end_subscriptions(USER, SOLUTION)
    with seller.account() as account:
        assert {one["status"] for one in account.subscriptions()} == {"cancelled"}


def test_a_completed_subscription_lasts_as_long_as_it_is_paid(seller: Seller) -> None:
    """Razorpay completes it with the last charge, a whole period before that ends."""
    rarely = {"limits": {}, "price": {"amount": 900000, "currency": "INR", "interval": "year", "every": 3}}
    seller.solution = seller.table.put_solution(plans=PLANS | {"rarely": rarely})
    seller.push_plans()
    seller.pay("rarely")
    (reference,) = seller.payments.books.read(USER, SOLUTION).subscriptions
    with seller.account() as account:
        for _ in range(account.subscription(reference)["total_count"] - 1):
            account.charge(reference)
        assert account.subscription(reference)["status"] == "completed"
        ends = [invoice["billing_end"] for invoice in account.invoices(reference)]
    seller.deliver()
    assert seller.held().paid_until == max(ends)
