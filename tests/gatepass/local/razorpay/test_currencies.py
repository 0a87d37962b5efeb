"""Amounts in other currencies."""

import pytest

from gatepass.local.razorpay.currencies import exponent, in_home_currency


@pytest.mark.parametrize(("currency", "decimals"), [("INR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("XXX", 2)])
def test_the_decimals_of_a_currency(currency, decimals):
    assert exponent(currency) == decimals


@pytest.mark.parametrize(("amount", "currency"), [(100, "USD"), (1, "JPY"), (1000, "KWD")])
def test_a_unit_is_worth_the_same_in_paise_whatever_its_decimals(amount, currency):
    assert in_home_currency(amount, currency) == 8000


def test_a_payment_in_another_currency_shows_what_it_is_worth(account):
    order = account.create_order({"amount": 2000, "currency": "USD"})
    payment = account.pay(order["id"])
    assert (payment["amount"], payment["currency"], payment["international"]) == (2000, "USD", True)
    assert (payment["base_amount"], payment["base_currency"]) == (160_000, "INR")
    assert payment["fee"] == 3776


def test_a_payment_at_home_shows_no_other_amount(account):
    payment = account.pay(account.create_order({"amount": 2000, "currency": "INR"})["id"])
    assert not {"base_amount", "base_currency"} & payment.keys()
