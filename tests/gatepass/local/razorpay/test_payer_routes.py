"""What payers, banks, and tests do over HTTP."""

import json
import re
from pathlib import Path

import pytest

from gatepass.local.gateway.messages import HttpRequest
from gatepass.local.razorpay import EventTime, Faults, payer_routes

ARCHITECTURE = Path(__file__).parents[4] / "docs" / "architecture.md"


@pytest.fixture
def ask(stand_in):
    def ask(method, path, body=None):
        encoded = b"" if body is None else json.dumps(body).encode()
        response = stand_in.answer(HttpRequest(method, f"/stand-in/{path}", body=encoded))
        return response.status, response.json()

    return ask


@pytest.fixture
def done(ask):
    def done(*request):
        status, answer = ask(*request)
        assert status == 200, answer
        return answer

    return done


@pytest.fixture
def refused(ask):
    def refused(*request):
        status, answer = ask(*request)
        assert (status, answer["error"]["code"]) == (400, "BAD_REQUEST_ERROR")
        return answer["error"]["description"]

    return refused


@pytest.fixture
def order_id(stand_in):
    with stand_in.account() as account:
        return account.create_order({"amount": 4990, "currency": "JPY"})["id"]


@pytest.fixture
def make(stand_in):
    """A new subscription; returns its id."""

    def make(**more):
        item = {"name": "Pro", "amount": 49900, "currency": "INR"}
        with stand_in.account() as account:
            plan = account.create_plan({"period": "monthly", "interval": 1, "item": item})
            return account.create_subscription({"plan_id": plan["id"], "total_count": 3} | more)["id"]

    return make


def test_an_order_is_shown_until_it_is_paid(done, order_id):
    shown = {
        "id": order_id, "entity": "order", "status": "created", "key_id": "rzp_test_key", "amount": 4990,
        "currency": "JPY", "exponent": 0, "pay": f"/stand-in/orders/{order_id}/pay", "plan": None,
    }  # fmt: skip
    assert done("GET", f"orders/{order_id}") == shown
    done("POST", f"orders/{order_id}/pay")
    assert done("GET", f"orders/{order_id}") == shown | {"status": "paid", "pay": None}


def test_who_pays_gets_what_checkout_hands_to_the_page(done, stand_in, order_id):
    paid = done("POST", f"orders/{order_id}/pay", {"email": "a@example.com", "notes": {"user": "u-1"}})
    assert (paid["payment"]["status"], paid["payment"]["email"], paid["payment"]["notes"]) == (
        "captured", "a@example.com", {"user": "u-1"},
    )  # fmt: skip
    with stand_in.account() as account:
        assert paid["returned"] == account.checkout_return(paid["payment"]["id"])


@pytest.mark.parametrize("capture", [True, False])
def test_who_pays_later_fails_now(done, order_id, capture):
    failed = done("POST", f"orders/{order_id}/pay", {"outcome": "failed"})
    assert (failed["payment"]["status"], failed["returned"]) == ("failed", None)
    late = done("POST", f"payments/{failed['payment']['id']}/authorize", {"capture": capture})
    assert late["payment"]["status"] == ("captured" if capture else "authorized")
    assert late["returned"]["razorpay_order_id"] == order_id


def test_a_subscription_is_shown_authenticated_and_charged(done, make):
    subscription_id = make(quantity=2)
    shown = done("GET", f"subscriptions/{subscription_id}")
    assert (shown["amount"], shown["pay"]) == (99800, f"/stand-in/subscriptions/{subscription_id}/authenticate")
    assert shown["plan"] == {
        "name": "Pro", "amount": 99800, "period": "monthly", "interval": 1, "total_count": 3, "start_at": None,
    }  # fmt: skip
    first = done("POST", f"subscriptions/{subscription_id}/authenticate")
    assert first["returned"]["razorpay_subscription_id"] == subscription_id
    assert first["subscription"]["status"] == "active"
    assert done("GET", f"subscriptions/{subscription_id}")["pay"] is None
    failed = done("POST", f"subscriptions/{subscription_id}/charge", {"outcome": "failed"})
    assert (failed["subscription"]["status"], failed["returned"]) == ("pending", None)
    shown = done("GET", f"subscriptions/{subscription_id}")
    assert shown["amount"] == 99800
    paid = done("POST", shown["pay"].removeprefix("/stand-in/"), {"email": "a@example.com"})
    assert (paid["subscription"]["status"], paid["subscription"]["paid_count"]) == ("active", 2)


def test_a_later_start_is_shown_with_what_is_paid_now_and_then(done, make, clock):
    shown = done("GET", f"subscriptions/{make(start_at=clock.now + 1000)}")
    assert (shown["amount"], shown["plan"]["amount"], shown["plan"]["start_at"]) == (500, 49900, clock.now + 1000)


def test_a_customer_pauses_and_resumes(done, make):
    subscription_id = make()
    done("POST", f"subscriptions/{subscription_id}/authenticate")
    paused = done("POST", f"subscriptions/{subscription_id}/pause")["subscription"]
    assert paused["pause_initiated_by"] == "customer"
    assert done("POST", f"subscriptions/{subscription_id}/resume")["subscription"]["status"] == "active"


def test_a_cycle_ends(done, make, stand_in):
    subscription_id = make()
    done("POST", f"subscriptions/{subscription_id}/authenticate")
    with stand_in.account() as account:
        account.cancel_subscription(subscription_id, {"cancel_at_cycle_end": True})
    ended = done("POST", f"subscriptions/{subscription_id}/end-cycle")["subscription"]
    assert ended["status"] == "cancelled"


def test_a_dispute_is_opened_and_lost(done, order_id):
    payment_id = done("POST", f"orders/{order_id}/pay")["payment"]["id"]
    dispute = done("POST", f"payments/{payment_id}/dispute", {"amount": 100})["dispute"]
    assert (dispute["amount"], dispute["phase"]) == (100, "chargeback")
    lost = done("POST", f"disputes/{dispute['id']}/resolve", {"status": "lost"})["dispute"]
    assert lost["amount_deducted"] == 100
    assert done("POST", f"payments/{payment_id}/dispute")["dispute"]["amount"] == 4990


def test_the_delivery_is_changed_while_it_runs(done, stand_in):
    assert done("POST", "delivery", {"times": 2, "signed_with": "wrong"})["times"] == 2
    assert (stand_in.faults.times, stand_in.faults.signed_with) == (2, "wrong")
    assert done("GET", "delivery") == stand_in.faults.as_json()


def test_the_quirks_are_changed_while_it_runs(done, stand_in):
    assert done("POST", "quirks", {"created_at": "missing", "captured_as_text": True})["captured_as_text"] is True
    with stand_in.account() as account:
        assert account.outbox.quirks.created_at is EventTime.MISSING
    assert done("GET", "quirks")["created_at"] == "missing"


def test_events_are_listed_with_how_they_were_answered(done, stand_in, receiver, order_id):
    receiver.statuses = [500]
    stand_in.deliver_to(receiver.url)
    done("POST", f"orders/{order_id}/pay", {"outcome": "failed"})
    assert stand_in.wait_delivered()
    (event,) = done("GET", "events")["events"]
    assert (event["event"], event["posted"]) == ("payment.failed", [500, 204])


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("orders/order_none/pay", {}, "id provided does not exist"),
        ("orders/{order}/pay", {"outcome": "maybe"}, "maybe"),
        ("orders/{order}/pay", {"amount": 1}, "amount is not required"),
        ("orders/{order}/pay", [], "must be a JSON object"),
        ("payments/pay_none/authorize", {"captured": 1}, "captured is not required"),
        ("disputes/disp_none/resolve", {"status": "won"}, "id provided does not exist"),
        ("delivery", {"twice": True}, "twice is not a fault"),
        ("quirks", {"odd": True}, "odd is not a quirk"),
        ("quirks", {"captured_as_text": 1}, "captured_as_text must be of type bool"),
        ("quirks", {"created_at": "never", "captured_as_text": True}, "never"),
        ("nothing", {}, "URL was not found"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(refused, stand_in, order_id, path, body, words):
    assert words in refused("POST", path.format(order=order_id), body)
    with stand_in.account() as account:
        assert account.payments() == account.outbox.deliveries == []
        assert not account.outbox.quirks.captured_as_text


def test_an_act_that_makes_no_sense_is_refused(refused, done, make):
    subscription_id = make()
    assert "is created, not active" in refused("POST", f"subscriptions/{subscription_id}/charge")
    assert "in created status" in refused("POST", f"subscriptions/{subscription_id}/pause")


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_pages_of_any_origin_may_ask(stand_in, method):
    response = stand_in.answer(HttpRequest(method, "/stand-in/delivery"))
    assert (response.status, response.header("Access-Control-Allow-Origin")) == (
        204 if method == "OPTIONS" else 200,
        "*",
    )


def test_faults_are_not_for_payers(done, stand_in, order_id):
    stand_in.set_faults(html_errors=1, too_many_requests=1, lose_answers=1)
    assert done("GET", f"orders/{order_id}")["id"] == order_id
    assert (stand_in.faults.html_errors, stand_in.faults.too_many_requests, stand_in.faults.lose_answers) == (1, 1, 1)


@pytest.mark.parametrize("where", [payer_routes.__doc__, ARCHITECTURE.read_text()])
def test_every_route_is_documented(where):
    documented = {
        (method, path.replace("{id}", "ID")) for method, path in re.findall(r"`(GET|POST) /stand-in/([^`]+)`", where)
    }
    served = set()
    for method, path, _ in payer_routes._ROUTES:
        path = path.replace(payer_routes._ID, "ID")
        before, _, choices = path.partition("(")
        served |= {(method, before + choice) for choice in choices.rstrip(")").split("|")}
    assert served == documented


def test_every_fault_is_documented():
    text = ARCHITECTURE.read_text()
    assert {name for name in Faults().as_json() if f"`{name}`" not in text} == set()
