"""What payers and banks do about subscriptions."""

import hashlib
import hmac

import pytest

from gatepass.local.razorpay import PaymentOutcome
from gatepass.local.razorpay.charges import DAY

FAILED = PaymentOutcome.FAILED


@pytest.fixture
def active(account, subscribe, told):
    subscription_id = subscribe()
    account.authenticate(subscription_id)
    told.new()
    return subscription_id


def test_an_immediate_start_makes_the_authentication_the_first_charge(account, subscribe, told):
    subscription_id = subscribe(quantity=2)
    payment = account.authenticate(subscription_id)
    subscription = account.subscription(subscription_id)
    (invoice,) = account.invoices(subscription_id)
    assert (payment["amount"], payment["status"], payment["invoice_id"]) == (99800, "captured", invoice["id"])
    assert {n: subscription[n] for n in ("status", "paid_count", "remaining_count", "auth_attempts")} == {
        "status": "active", "paid_count": 1, "remaining_count": 2, "auth_attempts": 0,
    }  # fmt: skip
    assert subscription["current_start"] == subscription["start_at"] == 1_764_000_000
    assert subscription["charge_at"] == subscription["current_end"] < subscription["end_at"]
    assert subscription["customer_id"] == payment["customer_id"] == invoice["customer_id"] is not None
    assert told.names() == [
        "payment.authorized", "payment.captured", "order.paid", "invoice.paid",
        "subscription.authenticated", "subscription.activated", "subscription.charged",
    ]  # fmt: skip


def test_an_invoice_says_what_was_paid_for(account, active):
    subscription = account.subscription(active)
    (invoice,) = account.invoices(active)
    payment = account.payment(invoice["payment_id"])
    assert (invoice["status"], invoice["paid_at"], invoice["amount"], invoice["amount_due"]) == (
        "paid", 1_764_000_000, 49900, 0,
    )  # fmt: skip
    assert (invoice["billing_start"], invoice["billing_end"]) == (
        subscription["current_start"], subscription["current_end"],
    )  # fmt: skip
    assert (payment["invoice_id"], payment["order_id"]) == (invoice["id"], invoice["order_id"])
    assert account.order(invoice["order_id"])["status"] == "paid"
    assert account.invoice(invoice["id"]) == invoice
    assert invoice["line_items"][0]["name"] == "Pro"


def test_a_later_start_takes_a_small_payment_without_invoice_and_gives_it_back(account, subscribe, clock, told):
    subscription_id = subscribe(start_at=clock.now + 5 * DAY)
    payment = account.authenticate(subscription_id)
    assert (payment["amount"], payment["status"], payment["captured"], payment["invoice_id"]) == (
        500, "refunded", False, None,
    )  # fmt: skip
    subscription = account.subscription(subscription_id)
    assert (subscription["status"], subscription["paid_count"], subscription["current_start"]) == (
        "authenticated", 0, None,
    )  # fmt: skip
    assert account.invoices(subscription_id) == []
    assert told.names() == ["payment.authorized", "refund.created", "refund.processed", "subscription.authenticated"]


def test_a_later_start_is_activated_without_a_payment_and_then_charged(account, subscribe, clock, told):
    subscription_id = subscribe(start_at=clock.now + 5 * DAY)
    account.authenticate(subscription_id)
    told.new()
    clock.now += 5 * DAY
    account.charge(subscription_id)
    activated, *_, charged = told.new()
    assert (activated["event"], activated["contains"]) == ("subscription.activated", ["subscription"])
    shown = activated["payload"]["subscription"]["entity"]
    assert (shown["status"], shown["paid_count"], shown["remaining_count"]) == ("active", 0, 2)
    assert (charged["event"], charged["contains"]) == ("subscription.charged", ["subscription", "payment"])
    assert account.subscription(subscription_id)["current_start"] == clock.now


def test_an_authentication_that_failed_can_be_tried_again(account, subscribe, clock, told):
    subscription_id = subscribe()
    assert account.authenticate(subscription_id, FAILED)["status"] == "failed"
    assert account.subscription(subscription_id)["status"] == "created"
    assert told.names() == ["payment.failed"]
    clock.now += 3600
    account.authenticate(subscription_id)
    (invoice,) = account.invoices(subscription_id)
    assert account.subscription(subscription_id)["current_start"] == invoice["billing_start"] == clock.now


def test_each_charge_moves_the_cycle_on(account, active, told):
    first = account.subscription(active)
    payment = account.charge(active)
    second = account.subscription(active)
    assert (second["current_start"], second["paid_count"], second["remaining_count"]) == (first["current_end"], 2, 1)
    assert second["charge_at"] == second["current_end"]
    assert account.invoice(payment["invoice_id"])["billing_start"] == second["current_start"]
    assert told.names() == [
        "payment.authorized", "payment.captured", "order.paid", "invoice.paid", "subscription.charged",
    ]  # fmt: skip


def test_completed_comes_a_whole_cycle_before_the_current_one_ends(account, active, clock, told):
    for _ in range(2):
        clock.now = account.subscription(active)["charge_at"]
        account.charge(active)
    subscription = account.subscription(active)
    assert (subscription["status"], subscription["paid_count"], subscription["charge_at"]) == ("completed", 3, None)
    assert subscription["ended_at"] == subscription["end_at"] == subscription["current_start"]
    assert subscription["current_end"] - subscription["ended_at"] > 27 * DAY
    assert told.names()[-2:] == ["subscription.charged", "subscription.completed"]


def test_a_pending_one_shows_the_dates_of_the_unpaid_cycle(account, active, told):
    paid = account.subscription(active)
    account.charge(active, FAILED)
    failed, pending = told.new()
    shown = pending["payload"]["subscription"]["entity"]
    assert (failed["event"], pending["event"]) == ("payment.failed", "subscription.pending")
    assert (shown["status"], shown["current_start"], shown["paid_count"], shown["remaining_count"]) == (
        "pending", paid["current_end"], 1, 1,
    )  # fmt: skip
    assert (shown["auth_attempts"], shown["charge_at"]) == (1, paid["current_end"] + DAY)
    assert [i["status"] for i in account.invoices(active)] == ["paid", "issued"]
    account.charge(active, FAILED)
    assert account.subscription(active)["charge_at"] == paid["current_end"] + 2 * DAY


def test_after_the_third_failed_retry_it_is_halted(account, active, told):
    for _ in range(4):
        account.charge(active, FAILED)
    subscription = account.subscription(active)
    assert (subscription["status"], subscription["auth_attempts"]) == ("halted", 4)
    assert subscription["charge_at"] == subscription["current_end"]
    assert told.names()[1::2] == ["subscription.pending"] * 3 + ["subscription.halted"]
    assert len(account.invoices(active)) == 2


@pytest.mark.parametrize("failures", [1, 3, 4])
def test_a_success_after_failures_makes_it_active_again(account, active, told, failures):
    for _ in range(failures):
        account.charge(active, FAILED)
    told.new()
    payment = account.charge(active)
    subscription = account.subscription(active)
    assert (subscription["status"], subscription["paid_count"], subscription["auth_attempts"]) == ("active", 2, 0)
    assert told.names()[-2:] == ["subscription.activated", "subscription.charged"]
    assert account.invoice(payment["invoice_id"])["status"] == "paid"


def test_a_halted_one_gets_invoices_that_nobody_charges(account, active):
    for _ in range(4):
        account.charge(active, FAILED)
    unpaid = account.subscription(active)
    next_one = account.end_cycle(active)
    assert (next_one["current_start"], next_one["auth_attempts"]) == (unpaid["current_end"], 0)
    assert [i["status"] for i in account.invoices(active)] == ["paid", "issued", "issued"]
    account.charge(active)
    assert [i["status"] for i in account.invoices(active)] == ["paid", "issued", "paid"]
    assert account.subscription(active)["status"] == "completed"
    assert account.subscription(active)["paid_count"] == 2


def test_what_was_to_end_with_its_cycle_ends_with_it(account, active, told):
    account.cancel_subscription(active, {"cancel_at_cycle_end": True})
    with pytest.raises(ValueError, match="ends with this cycle"):
        account.charge(active)
    assert account.end_cycle(active)["status"] == "cancelled"
    assert told.names() == ["subscription.cancelled"]


def test_the_last_cycle_of_what_is_to_end_is_still_retried(account, active):
    account.charge(active, FAILED)
    account.cancel_subscription(active, {"cancel_at_cycle_end": True})
    account.charge(active)
    assert account.subscription(active)["paid_count"] == 2
    assert account.end_cycle(active)["status"] == "cancelled"


def test_a_cycle_does_not_end_without_a_charge_otherwise(account, active):
    with pytest.raises(ValueError, match="next cycle begins with a charge"):
        account.end_cycle(active)


def test_a_failed_first_payment_authorized_late_starts_the_subscription(account, subscribe, clock):
    subscription_id = subscribe()
    failed = account.authenticate(subscription_id, FAILED)["id"]
    clock.now += DAY
    assert account.authorize_late(failed)["status"] == "captured"
    subscription = account.subscription(subscription_id)
    assert (subscription["status"], subscription["current_start"]) == ("active", clock.now)


def test_a_failed_small_payment_authorized_late_authenticates(account, subscribe, clock):
    subscription_id = subscribe(start_at=clock.now + 5 * DAY)
    failed = account.authenticate(subscription_id, FAILED)["id"]
    assert account.authorize_late(failed)["status"] == "refunded"
    assert account.subscription(subscription_id)["status"] == "authenticated"


@pytest.mark.parametrize("meanwhile", ["paid", "cancelled"])
def test_a_late_authorization_that_nobody_needs_is_refunded(account, active, told, meanwhile):
    failed = account.charge(active, FAILED)["id"]
    if meanwhile == "paid":
        account.charge(active)
    else:
        account.cancel_subscription(active, {})
    before = account.subscription(active)
    told.new()
    assert account.authorize_late(failed)["status"] == "refunded"
    assert account.subscription(active) == before
    assert told.names() == ["payment.authorized", "refund.created", "refund.processed"]


def test_an_older_invoice_paid_late_counts_and_does_not_resume_what_is_paused(account, subscribe):
    subscription_id = subscribe(total_count=4)
    account.authenticate(subscription_id)
    failed = [account.charge(subscription_id, FAILED)["id"] for _ in range(4)]
    account.end_cycle(subscription_id)
    account.charge(subscription_id)
    account.pause_subscription(subscription_id, {})
    assert account.authorize_late(failed[0])["status"] == "captured"
    subscription = account.subscription(subscription_id)
    assert (subscription["status"], subscription["paid_count"], subscription["charge_at"]) == ("paused", 3, None)
    assert [i["status"] for i in account.invoices()] == ["paid"] * 3


def test_a_payment_is_authorized_late_once(account, active):
    payment_id = account.invoices(active)[0]["payment_id"]
    with pytest.raises(ValueError, match="is captured"):
        account.authorize_late(payment_id)


def test_checkout_signs_payment_and_subscription_in_this_order(account, subscribe):
    subscription_id = subscribe()
    payment_id = account.authenticate(subscription_id)["id"]
    expected = hmac.new(b"key-secret", f"{payment_id}|{subscription_id}".encode(), hashlib.sha256).hexdigest()
    assert account.checkout_return(payment_id) == {
        "razorpay_payment_id": payment_id,
        "razorpay_subscription_id": subscription_id,
        "razorpay_signature": expected,
    }


def test_a_subscriptions_order_is_not_paid_as_an_order(account, subscribe):
    subscription_id = subscribe()
    order_id = account.authenticate(subscription_id, FAILED)["order_id"]
    with pytest.raises(ValueError, match=f"belongs to {subscription_id}"):
        account.pay(order_id)


def test_what_the_payer_told_checkout_is_in_the_payment(account, subscribe):
    payment = account.authenticate(subscribe(), email="a@example.com", contact="", notes={"a": "b"})
    assert (payment["email"], payment["contact"], payment["notes"]) == ("a@example.com", "+919000090000", {"a": "b"})
