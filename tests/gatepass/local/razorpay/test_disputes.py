"""Disputes."""

import pytest

from gatepass.local.razorpay import PaymentOutcome


@pytest.fixture
def paid(account, told):
    payment_id = account.pay(account.create_order({"amount": 49900, "currency": "INR"})["id"])["id"]
    told.new()
    return payment_id


def test_a_dispute_is_of_the_whole_payment_unless_told_otherwise(account, paid, told):
    dispute = account.open_dispute(paid)
    assert (dispute["amount"], dispute["status"], dispute["amount_deducted"]) == (49900, "open", 0)
    assert (dispute["payment_id"], dispute["phase"]) == (paid, "chargeback")
    assert account.open_dispute(paid, 100)["amount"] == 100
    first, _ = told.new()
    assert (first["event"], first["contains"]) == ("payment.dispute.created", ["payment", "dispute"])
    assert first["payload"]["dispute"]["entity"] == dispute


@pytest.mark.parametrize(("status", "deducted"), [("won", 0), ("lost", 20000), ("closed", 0)])
def test_only_a_lost_dispute_deducts(account, paid, told, status, deducted):
    dispute_id = account.open_dispute(paid, 20000)["id"]
    account.resolve_dispute(dispute_id, "under_review")
    resolved = account.resolve_dispute(dispute_id, status)
    assert (resolved["status"], resolved["amount_deducted"]) == (status, deducted)
    assert account.dispute(dispute_id) == resolved
    assert told.names() == ["payment.dispute.created", "payment.dispute.under_review", f"payment.dispute.{status}"]
    with pytest.raises(ValueError, match=f"is {status}: it cannot become"):
        account.resolve_dispute(dispute_id, "under_review")


def test_a_won_dispute_can_return(account, paid):
    account.resolve_dispute(account.open_dispute(paid)["id"], "won")
    again = account.open_dispute(paid, phase="pre_arbitration")
    assert [d["status"] for d in account.disputes()] == ["won", "open"]
    assert again["phase"] == "pre_arbitration"


@pytest.mark.parametrize("status", ["open", "nonsense"])
def test_a_dispute_does_not_become_anything(account, paid, status):
    with pytest.raises(ValueError, match=status):
        account.resolve_dispute(account.open_dispute(paid)["id"], status)


def test_only_a_captured_payment_is_disputed(account):
    order_id = account.create_order({"amount": 49900, "currency": "INR"})["id"]
    payment_id = account.pay(order_id, PaymentOutcome.AUTHORIZED)["id"]
    with pytest.raises(ValueError, match="only a captured payment"):
        account.open_dispute(payment_id)


@pytest.mark.parametrize("amount", [0, -1, 49901])
def test_no_dispute_exceeds_the_payment(account, paid, amount):
    with pytest.raises(ValueError, match="between 1 and the payment's 49900"):
        account.open_dispute(paid, amount)
    assert account.disputes() == []
