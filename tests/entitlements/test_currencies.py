"""Amounts as people read them."""

import pytest

from entitlements.currencies import exponent, readable

# The table of https://razorpay.com/docs/payments/international-payments/#supported-currencies, where it is not 2.
RAZORPAY = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD OMR TND",
}


@pytest.mark.parametrize("decimals", RAZORPAY)
def test_razorpay_counts_in_the_same_smallest_units(decimals: int) -> None:
    assert {exponent(code) for code in RAZORPAY[decimals].split()} == {decimals}


@pytest.mark.parametrize("code", ["INR", "USD", "EUR", "IDR", "HUF", "MGA", "TWD", "QQQ"])
def test_every_other_currency_has_two_decimals(code: str) -> None:
    assert exponent(code) == 2


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (49900, "INR", "₹499.00"),
        (12345678, "INR", "₹123456.78"),
        (5, "INR", "₹0.05"),
        (500, "USD", "$5.00"),
        (500, "EUR", "€5.00"),
        (500, "GBP", "£5.00"),
        (500, "JPY", "¥500"),
        (500, "CNY", "CNY 5.00"),
        (500, "KRW", "KRW 500"),
        (1500, "KWD", "KWD 1.500"),
        (10, "BHD", "BHD 0.010"),
        (10001, "CLF", "CLF 1.0001"),
        (0, "INR", "₹0.00"),
        (-150, "INR", "-₹1.50"),
    ],
)
def test_an_amount_is_written_in_its_currency_s_decimals(amount: int, currency: str, text: str) -> None:
    assert readable(amount, currency) == text
