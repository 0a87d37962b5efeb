"""The rules for orders, payments, and refunds."""

import json

import pytest

from gatepass.local.razorpay import PaymentOutcome, RazorpayRefused
from gatepass.local.razorpay.orders import REFUND_SECONDS

ORDER = {"amount": 49900, "currency": "INR"}


def events(account):
    return [delivery.event for delivery in account.outbox.deliveries]


def last_payload(account):
    return json.loads(account.outbox.deliveries[-1].body)["payload"]


@pytest.fixture
def order_id(account):
    return account.create_order(ORDER)["id"]


@pytest.fixture
def paid(account, order_id):
    return account.pay(order_id)["id"]


def refusal(call, *args):
    with pytest.raises(RazorpayRefused) as refused:
        call(*args)
    return refused.value.status, refused.value.body["error"]["description"]


def test_a_new_order_is_all_due(account):
    order = account.create_order(ORDER | {"receipt": "r-1", "notes": {"plan": "pro"}})
    assert order == {
        "id": order["id"], "entity": "order", "amount": 49900, "amount_paid": 0, "amount_due": 49900,
        "currency": "INR", "receipt": "r-1", "offer_id": None, "status": "created", "attempts": 0,
        "notes": {"plan": "pro"}, "created_at": 1_764_000_000,
    }  # fmt: skip
    assert account.order(order["id"]) == order


def test_what_is_returned_is_a_copy(account, order_id):
    account.order(order_id)["status"] = "paid"
    assert account.order(order_id)["status"] == "created"


def test_a_retry_of_an_order_doubles_it_for_orders_have_no_idempotency(account):
    first, second = (account.create_order(ORDER | {"receipt": "r-1"}) for _ in range(2))
    assert first["id"] != second["id"]
    assert [order["receipt"] for order in account.orders()] == ["r-1", "r-1"]


def test_a_captured_payment_pays_its_order(account, order_id, paid):
    payment, order = account.payment(paid), account.order(order_id)
    assert (payment["status"], payment["captured"], payment["order_id"]) == ("captured", True, order_id)
    assert (order["status"], order["amount_paid"], order["amount_due"], order["attempts"]) == ("paid", 49900, 0, 1)
    assert events(account) == ["payment.authorized", "payment.captured", "order.paid"]


def test_an_authorized_payment_waits_for_its_capture(account, order_id):
    payment = account.pay(order_id, PaymentOutcome.AUTHORIZED)
    assert (payment["status"], payment["captured"], payment["fee"]) == ("authorized", False, None)
    assert account.order(order_id)["status"] == "attempted"
    captured = account.capture(payment["id"], ORDER)
    assert captured["captured"]
    assert all(isinstance(captured[name], int) for name in ("amount", "fee", "tax"))
    assert account.order(order_id)["status"] == "paid"


def test_a_capture_is_of_the_whole_amount_and_happens_once(account, order_id):
    payment_id = account.pay(order_id, PaymentOutcome.AUTHORIZED)["id"]
    wrong = refusal(account.capture, payment_id, ORDER | {"amount": 49800})
    assert wrong == (400, "Capture amount must be equal to the amount authorized")
    assert "equal to the currency" in refusal(account.capture, payment_id, ORDER | {"currency": "USD"})[1]
    account.capture(payment_id, ORDER)
    assert refusal(account.capture, payment_id, ORDER) == (400, "This payment has already been captured")


def test_a_failed_payment_says_why_and_leaves_the_order_open(account, order_id):
    payment = account.pay(order_id, PaymentOutcome.FAILED)
    assert (payment["status"], payment["error_code"], payment["error_reason"]) == (
        "failed", "BAD_REQUEST_ERROR", "payment_failed",
    )  # fmt: skip
    assert (account.order(order_id)["status"], account.order(order_id)["attempts"]) == ("attempted", 1)
    assert events(account) == ["payment.failed"]
    assert "not yet captured" in refusal(account.capture, payment["id"], ORDER)[1]


@pytest.mark.parametrize("capture", [True, False])
def test_failed_is_not_final(account, order_id, capture):
    failed = account.pay(order_id, PaymentOutcome.FAILED)["id"]
    payment = account.authorize_late(failed, capture=capture)
    assert (payment["status"], payment["error_code"]) == ("captured" if capture else "authorized", None)
    assert account.order(order_id)["status"] == ("paid" if capture else "attempted")


def test_only_a_failed_payment_is_authorized_late(account, paid):
    with pytest.raises(ValueError, match=f"{paid} is captured"):
        account.authorize_late(paid)


@pytest.mark.parametrize("late", [True, False])
def test_a_second_success_on_one_order_is_refunded_at_once(account, order_id, late):
    earlier = account.pay(order_id, PaymentOutcome.FAILED)["id"]
    account.pay(order_id)
    second = account.authorize_late(earlier, capture=True) if late else account.pay(order_id)
    # Its events tell it apart from a refund that somebody asked for by `captured`, which is false.
    assert (second["status"], second["captured"], second["refund_status"]) == ("refunded", False, "full")
    assert account.order(order_id)["amount_paid"] == 49900
    assert events(account)[-3:] == ["payment.authorized", "refund.created", "refund.processed"]


def test_of_two_authorized_payments_one_is_captured(account, order_id):
    first, second = (account.pay(order_id, PaymentOutcome.AUTHORIZED)["id"] for _ in range(2))
    account.capture(first, ORDER)
    assert "the order is already paid" in refusal(account.capture, second, ORDER)[1]


def test_a_refund_without_an_amount_is_of_all_that_is_left(account, paid):
    account.create_refund(paid, {"amount": 9900})
    assert (account.payment(paid)["status"], account.payment(paid)["refund_status"]) == ("captured", "partial")
    rest = account.create_refund(paid, {})
    assert (rest["amount"], rest["status"], rest["payment_id"]) == (40000, "processed", paid)
    payment = account.payment(paid)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == ("refunded", "full", 49900)
    assert refusal(account.create_refund, paid, {})[1] == "The payment has been fully refunded already."


def test_a_refunded_order_stays_paid(account, order_id, paid):
    account.create_refund(paid, {})
    assert account.order(order_id)["status"] == "paid"


@pytest.mark.parametrize("amount", [49901, 10**12])
def test_no_refund_exceeds_what_is_left(account, paid, amount):
    assert "greater than amount captured" in refusal(account.create_refund, paid, {"amount": amount})[1]
    account.create_refund(paid, {"amount": 100})
    assert "greater than amount captured" in refusal(account.create_refund, paid, {"amount": 49801})[1]
    assert account.payment(paid)["amount_refunded"] == 100


def test_an_instant_refund_is_refused(account, paid):
    assert "no instant refunds" in refusal(account.create_refund, paid, {"speed": "optimum"})[1]
    assert account.refunds() == []


def test_only_a_captured_payment_is_refunded(account, order_id):
    payment_id = account.pay(order_id, PaymentOutcome.AUTHORIZED)["id"]
    assert "should be captured" in refusal(account.create_refund, payment_id, {})[1]
    assert account.refunds() == []


def test_a_refund_after_six_months_fails_and_gives_nothing_back(account, clock, paid):
    clock.now += REFUND_SECONDS
    assert account.create_refund(paid, {"amount": 100})["status"] == "processed"
    clock.now += 1
    assert account.create_refund(paid, {})["status"] == "failed"
    assert account.payment(paid)["amount_refunded"] == 100
    assert events(account)[-1] == "refund.failed"


def test_the_same_idempotency_key_refunds_once(account, paid):
    first = account.create_refund(paid, {"amount": 100}, "0123456789")
    assert account.create_refund(paid, {"amount": 100}, "0123456789") == first
    assert account.payment(paid)["amount_refunded"] == 100
    assert account.create_refund(paid, {"amount": 100}, "0123456780") != first


def test_an_idempotency_key_belongs_to_one_request(account, paid):
    account.create_refund(paid, {"amount": 100}, "0123456789")
    assert refusal(account.create_refund, paid, {"amount": 200}, "0123456789")[0] == 409
    assert "at least 10" in refusal(account.create_refund, paid, {}, "012345678")[1]
    assert "alphanumeric" in refusal(account.create_refund, paid, {}, "0123456789!")[1]


def test_an_unknown_id_is_a_bad_request(account):
    for call in (account.order, account.payment, account.refund, account.payments, account.refunds, account.pay):
        assert refusal(call, "order_none") == (400, "The id provided does not exist")


def test_events_are_snapshots(account, order_id):
    account.pay(order_id)
    authorized = json.loads(account.outbox.deliveries[0].body)["payload"]["payment"]["entity"]
    assert (authorized["status"], authorized["captured"]) == ("authorized", False)
    assert last_payload(account)["order"]["entity"] == account.order(order_id)
