"""Currencies: the decimals of an amount, and how people read it.

Amounts are whole numbers of a currency's smallest unit, never fractions: 49900 in INR is ₹499.00.
"""

from collections.abc import Mapping
from typing import Final

_EXPONENTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
"""The minor units of ISO 4217 that are not 2, from list one of its maintenance agency:
https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html
"""
_SYMBOLS: Final[Mapping[str, str]] = {"INR": "₹", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
"""Signs that are unambiguous enough without a country. Every other currency is written with its code."""


def exponent(currency: str) -> int:
    """The decimals of a currency (ISO 4217 code): 10 to this power smallest units make one unit."""
    return _EXPONENTS.get(currency, 2)


def readable(amount: int, currency: str) -> str:
    """An amount of smallest units as people read it: `₹499.00`, `¥500`, `KWD 1.500`.

    Digits are not grouped, because India and the rest of the world group them differently.
    """
    decimals = exponent(currency)
    whole, rest = divmod(abs(amount), 10**decimals)
    sign = "-" if amount < 0 else ""
    fraction = f".{rest:0{decimals}}" if decimals else ""
    return f"{sign}{_SYMBOLS.get(currency, f'{currency} ')}{whole}{fraction}"
