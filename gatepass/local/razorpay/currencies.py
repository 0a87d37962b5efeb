"""How many decimals a currency has, and what it is worth here.

https://razorpay.com/docs/payments/international-payments/#supported-currencies
"""

from __future__ import annotations

HOME = "INR"
HOME_PER_UNIT = 80  # the stand-in's only rate: one unit of any other currency is INR 80
_EXPONENTS = dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "OMR", "TND"), 3) | dict.fromkeys(
    (
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
    ),
    0,
)  # fmt: skip


def exponent(currency: str) -> int:
    """The number of decimals: 0, 2, or 3."""
    return _EXPONENTS.get(currency, 2)


def in_home_currency(amount: int, currency: str) -> int:
    """An amount in another currency's smallest unit as paise."""
    return amount * HOME_PER_UNIT * 100 // int(10 ** exponent(currency))
