"""`gatepass payments show`: what is stored, and Razorpay's present answer beside it."""

import pytest

from tests.gatepass.commands.conftest import Till
from tests.support.signer import SOLUTION, USER


def rows(text: str) -> dict[str, list[str]]:
    return {line.split("  ")[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_a_payment_is_shown_with_its_order_its_effect_and_razorpay_s_state(till: Till) -> None:
    payment = till.seller.pay("pass-30")
    till.seller.deliver()
    with till.seller.account() as account:
        account.create_refund(payment, {"amount": 9950})
    text = till("payments", "show", payment).stdout
    found = rows(text)
    assert found["id"] == [payment]
    assert (found["user"], found["solution"], found["plan"], found["price"]) == (
        [USER], [SOLUTION], ["pass-30"], ["₹199.00"],
    )  # fmt: skip
    assert found["gave"] == ["pass-30,", "30", "days"]
    # The event of the refund has not come.
    assert (found["state"], found["refunded"]) == (["paid", "captured"], ["₹0.00", "₹99.50"])
    till.seller.deliver()
    shown = till.json("payments", "show", payment)
    assert shown["ordered"]["plan"] == "pass-30"
    assert (shown["effect"]["gave"], shown["effect"]["days"]) == ("pass-30", 30)
    assert (shown["payments"][0]["state"], shown["payments"][0]["refunded"]) == ("partly_refunded", 9950)
    assert (shown["razorpay"]["status"], shown["razorpay"]["amount_refunded"]) == ("captured", 9950)
    assert shown["razorpay_not_asked"] == ""


def test_an_order_is_shown_before_and_after_it_is_paid(till: Till) -> None:
    order = till.seller.order("pack-100")
    text = till("payments", "show", order).stdout
    assert "no payment of it is applied" in text
    assert rows(text)["amount"] == ["₹99.00"]
    with till.seller.account() as account:
        payment = account.pay(order)["id"]
    till.seller.deliver()
    shown = till.json("payments", "show", order)
    assert [one["payment"] for one in shown["payments"]] == [payment]
    assert (shown["razorpay"]["amount"], shown["effect"]) == (9900, None)
    assert "no payment" not in till("payments", "show", order).stdout


def test_a_subscription_is_shown_with_both_states_and_its_payments(till: Till) -> None:
    payment = till.seller.pay("pro")
    till.seller.deliver()
    subscription = till.json("payments", "show", payment)["ordered"]["reference"]
    with till.seller.account() as account:
        account.cancel_subscription(subscription, {})
    text = till("payments", "show", subscription).stdout
    assert rows(text)["status"] == ["active", "cancelled"]
    assert rows(text)["state"] == ["paid"]
    shown = till.json("payments", "show", subscription)
    assert (shown["subscription"]["status"], shown["razorpay"]["status"]) == ("active", "cancelled")
    assert [one["payment"] for one in shown["payments"]] == [payment]


def test_a_payment_whose_event_was_lost_says_how_to_apply_it(till: Till) -> None:
    for plan in ("pass-30", "pro"):
        payment = till.seller.pay(plan, replace=True)
        run = till("payments", "show", payment)
        assert rows(run.stdout)["plan"] == [plan]
        assert rows(run.stdout)["status"] == ["not", "known", "captured"]
        assert "no payment of it is applied" in run.stdout
        command = run.stderr.partition("run gatepass ")[2].split()
        assert till(*command).returncode == 0
        assert rows(till("payments", "show", payment).stdout)["state"] == ["paid", "captured"]


def test_a_payment_of_another_business_is_shown_as_such(till: Till) -> None:
    with till.seller.account() as account:
        order = account.create_order({"amount": 500, "currency": "INR", "receipt": "another-business"})
        payment = account.pay(order["id"])["id"]
    assert "nothing through Gatepass" in till("payments", "show", payment).stdout


def test_without_keys_or_razorpay_the_record_is_shown_and_why_the_rest_is_missing(till: Till) -> None:
    payment = till.seller.pay("pass-30")
    till.seller.deliver()
    till.away()
    run = till("payments", "show", payment)
    assert (run.returncode, "RAZORPAY" in run.stdout, rows(run.stdout)["state"]) == (0, False, ["paid"])
    assert "Razorpay gave no usable answer" in run.stderr
    till.without_keys()
    run = till("payments", "show", payment)
    assert (run.returncode, rows(run.stdout)["state"]) == (0, ["paid"])
    assert "Razorpay was not asked: set GATEPASS_RAZORPAY_SECRET" in run.stderr
    assert till.json("payments", "show", payment)["razorpay"] is None


@pytest.mark.parametrize("id", ["pay_unknown", "order_unknown", "sub_unknown"])
def test_what_nobody_knows_is_refused(till: Till, id: str) -> None:
    run = till("payments", "show", id)
    assert (run.returncode, run.stdout) == (1, "")
    assert f"nothing is known of {id}: check the id" in run.stderr


@pytest.mark.parametrize("id", ["", "7c9e6679", "pay_../../x", "plan_x", "order_"])
def test_what_is_no_id_is_refused_without_asking(till: Till, id: str) -> None:
    run = till("payments", "show", id)
    assert (run.returncode, "give pay_…, order_…, or sub_…" in run.stderr) == (1, True)
