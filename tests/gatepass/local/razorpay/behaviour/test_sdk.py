"""The official SDK against the stand-in, over HTTP."""

import pytest
import razorpay
from razorpay.errors import BadRequestError, ServerError

from gatepass.local.razorpay import LocalRazorpay, PaymentOutcome


@pytest.fixture
def sdk(stand_in):
    client = razorpay.Client(auth=("rzp_test_key", "key-secret"), base_url=stand_in.url)
    client.session.trust_env = False
    yield client
    client.session.close()


def test_an_order_is_created_paid_and_refunded(sdk, stand_in):
    order = sdk.order.create({"amount": 49900, "currency": "INR", "receipt": "r-1", "notes": {"plan": "pro"}})
    with stand_in.account() as account:
        returned = account.checkout_return(account.pay(order["id"], PaymentOutcome.AUTHORIZED)["id"])
    assert sdk.utility.verify_payment_signature(returned)
    payment_id = returned["razorpay_payment_id"]
    assert sdk.payment.capture(payment_id, 49900, {"currency": "INR"})["status"] == "captured"
    assert sdk.order.fetch(order["id"])["status"] == "paid"
    assert [p["id"] for p in sdk.order.payments(order["id"])["items"]] == [payment_id]
    refund = sdk.payment.refund(payment_id, {"amount": "9900", "speed": "normal"})
    assert sdk.refund.fetch(refund["id"]) == refund
    assert sdk.payment.fetch_refund_id(payment_id, refund["id"]) == refund
    assert sdk.payment.fetch_multiple_refund(payment_id)["items"] == [refund]
    assert sdk.refund.all()["items"] == [refund]
    assert sdk.payment.fetch(payment_id)["amount_refunded"] == 9900


def test_the_idempotency_header_refunds_once(sdk, stand_in):
    order = sdk.order.create({"amount": 49900, "currency": "INR"})
    with stand_in.account() as account:
        payment_id = account.pay(order["id"])["id"]
    first, second = (
        sdk.payment.refund(payment_id, {"amount": 100}, headers={"X-Refund-Idempotency": "0123456789"})
        for _ in range(2)
    )
    assert first == second
    assert sdk.payment.fetch(payment_id)["amount_refunded"] == 100


def test_after_a_lost_answer_an_order_is_found_by_its_receipt(sdk, stand_in):
    stand_in.lose_answers()
    with pytest.raises(ServerError, match="facing some trouble"):
        sdk.order.create({"amount": 49900, "currency": "INR", "receipt": "r-1"})
    sdk.order.create({"amount": 49900, "currency": "INR", "receipt": "r-2"})
    found = sdk.order.all({"receipt": "r-1"})
    assert (found["entity"], found["count"], found["items"][0]["receipt"]) == ("collection", 1, "r-1")
    assert sdk.order.all({"receipt": "r-3"})["items"] == []


def test_orders_are_listed_by_time_page_and_payment(sdk, stand_in, clock):
    made = []
    for _ in range(5):
        made.append(sdk.order.create({"amount": 100, "currency": "INR"})["id"])
        clock.now += 10
    with stand_in.account() as account:
        account.pay(made[1])

    def listed(**query):
        return [order["id"] for order in sdk.order.all(query)["items"]]

    assert listed() == made[::-1]
    assert listed(count=2, skip=1) == [made[3], made[2]]
    assert listed(**{"from": clock.now - 40, "to": clock.now - 30}) == [made[2], made[1]]
    assert listed(authorized=1) == [made[1]]
    assert len(listed(authorized=0)) == 4
    with pytest.raises(BadRequestError, match="must be 0 or 1"):
        listed(authorized=2)
    assert [p["order_id"] for p in sdk.payment.all({"count": 1})["items"]] == [made[1]]


def test_a_refusal_is_the_sdks_bad_request(sdk, stand_in):
    with pytest.raises(BadRequestError, match="must be at least INR"):
        sdk.order.create({"amount": 1, "currency": "INR"})
    with pytest.raises(BadRequestError, match="id provided does not exist"):
        sdk.payment.fetch("pay_none")
    sdk.auth = ("rzp_test_key", "wrong")
    with pytest.raises(BadRequestError, match="Authentication failed"):
        sdk.order.all()


def test_a_refund_of_another_payment_is_not_found(sdk, stand_in):
    with stand_in.account() as account:
        first, second = (account.pay(account.create_order({"amount": 100, "currency": "INR"})["id"]) for _ in range(2))
        refund = account.create_refund(first["id"], {})
    with pytest.raises(BadRequestError, match="id provided does not exist"):
        sdk.payment.fetch_refund_id(second["id"], refund["id"])


def plan_of(sdk, **item):
    item = {"name": "Pro", "amount": 49900, "currency": "INR"} | item
    return sdk.plan.create({"period": "monthly", "interval": 1, "item": item})


def test_plans_are_created_fetched_and_listed(sdk):
    plan = plan_of(sdk, amount=900, currency="USD")
    assert sdk.plan.fetch(plan["id"]) == plan
    assert sdk.plan.all({"count": 1})["items"] == [plan]


def test_a_subscription_is_created_paid_paused_resumed_and_cancelled(sdk, stand_in):
    plan = plan_of(sdk)
    subscription_id = sdk.subscription.create({"plan_id": plan["id"], "total_count": 12, "customer_notify": 0})["id"]
    with stand_in.account() as account:
        returned = account.checkout_return(account.authenticate(subscription_id)["id"])
    assert sdk.utility.verify_subscription_payment_signature(returned)
    assert sdk.subscription.fetch(subscription_id)["paid_count"] == 1
    assert sdk.subscription.fetch(subscription_id)["customer_notify"] is False
    (invoice,) = sdk.invoice.all({"subscription_id": subscription_id})["items"]
    assert sdk.invoice.fetch(invoice["id"]) == invoice
    assert sdk.payment.fetch(invoice["payment_id"])["invoice_id"] == invoice["id"]
    assert sdk.order.fetch(invoice["order_id"])["amount_paid"] == 49900
    assert sdk.subscription.pause(subscription_id, {"pause_at": "now"})["status"] == "paused"
    assert sdk.subscription.resume(subscription_id, {"resume_at": "now"})["status"] == "active"
    assert sdk.subscription.cancel(subscription_id, {"cancel_at_cycle_end": 1})["status"] == "active"
    assert sdk.subscription.cancel(subscription_id)["status"] == "cancelled"
    with pytest.raises(BadRequestError, match="not cancellable in cancelled status"):
        sdk.subscription.cancel(subscription_id)


def test_subscriptions_are_listed_by_plan_time_and_page(sdk, clock):
    plans = [plan_of(sdk)["id"] for _ in range(2)]
    made = []
    for number in range(4):
        made.append(sdk.subscription.create({"plan_id": plans[number % 2], "total_count": 1})["id"])
        clock.now += 10

    def listed(**query):
        return [subscription["id"] for subscription in sdk.subscription.all(query)["items"]]

    assert listed() == made[::-1]
    assert listed(plan_id=plans[0]) == [made[2], made[0]]
    assert listed(count=1, skip=1) == [made[2]]
    assert listed(**{"from": clock.now - 40, "to": clock.now - 30}) == [made[1], made[0]]


def test_disputes_are_fetched_and_listed(sdk, stand_in):
    order = sdk.order.create({"amount": 49900, "currency": "INR"})
    with stand_in.account() as account:
        dispute = account.open_dispute(account.pay(order["id"])["id"])
    assert sdk.dispute.fetch(dispute["id"]) == dispute
    assert sdk.dispute.all()["items"] == [dispute]
    with pytest.raises(BadRequestError, match="id provided does not exist"):
        sdk.dispute.fetch("disp_none")


def test_too_many_requests_are_answered_as_such_and_not_carried_out(sdk, stand_in):
    stand_in.set_faults(too_many_requests=1)
    with pytest.raises(BadRequestError, match="Too many requests"):
        sdk.order.create({"amount": 49900, "currency": "INR"})
    assert sdk.order.all()["items"] == []


def test_an_html_page_instead_of_json_breaks_the_sdk(sdk, stand_in):
    """Not with one of its own errors: who calls it must expect that of json as well."""
    stand_in.set_faults(html_errors=1)
    with pytest.raises(ValueError, match="Expecting value"):
        sdk.order.create({"amount": 49900, "currency": "INR"})
    assert sdk.order.all()["items"] == []


def test_a_slow_answer_comes_after_the_wait(clock):
    waits: list[float] = []
    with LocalRazorpay(
        key_id="rzp_test_key", key_secret="key-secret", webhook_secret=None, clock=clock, sleep=waits.append
    ) as slow:
        client = razorpay.Client(auth=("rzp_test_key", "key-secret"), base_url=slow.url)
        client.session.trust_env = False
        slow.set_faults(slow_seconds=7)
        assert client.order.all()["items"] == []
        client.session.close()
    assert waits == [7.0]
