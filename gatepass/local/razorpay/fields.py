"""Checks of the fields of a request. Each returns the value or raises `RazorpayRefused`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from gatepass.local.razorpay.currencies import exponent
from gatepass.local.razorpay.refusal import RazorpayRefused

# https://razorpay.com/docs/api/orders/create/
MIN_AMOUNT = 100  # in the currency's smallest unit, "that is 100"
MAX_RECEIPT = 40  # characters
MAX_NOTES = 15  # pairs
MAX_NOTE = 256  # characters
_CURRENCY = re.compile("[A-Z]{3}")


def only(body: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse fields that the request does not have."""
    extra = [name for name in body if name not in allowed]
    if extra:
        verb = "is" if len(extra) == 1 else "are"
        raise RazorpayRefused(f"{', '.join(extra)} {verb} not required and should not be sent")


def amount(body: Mapping[str, Any], currency: str) -> int:
    """The required `amount`, in the smallest unit: an integer, or its digits in a string, as in the SDK's examples.

    Razorpay asks for a 0 as the last digit of currencies with three decimals. It documents no error for another
    digit; here it is refused, so that nobody relies on it.
    """
    value = body.get("amount")
    if value is None:
        raise RazorpayRefused("The amount field is required.", field="amount")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RazorpayRefused("The amount must be an integer.", field="amount")
    digits = exponent(currency)
    if value < MIN_AMOUNT:
        raise RazorpayRefused(
            f"The amount must be at least {currency} {MIN_AMOUNT / 10**digits:.{digits}f}", field="amount"
        )
    if digits == 3 and value % 10:
        raise RazorpayRefused(f"The last digit of an amount in {currency} must be 0", field="amount")
    return value


def currency(body: Mapping[str, Any]) -> str:
    """The required `currency`: an ISO 4217 code, of which only the form is checked."""
    value = body.get("currency")
    if value is None:
        raise RazorpayRefused("The currency field is required.", field="currency")
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise RazorpayRefused("Currency is not supported", field="currency")
    return value


def integer(body: Mapping[str, Any], name: str, default: int | None, *, least: int) -> int:
    """An integer of at least `least`; required if there is no default."""
    value = body.get(name)
    if value is None:
        if default is None:
            raise RazorpayRefused(f"The {name} field is required.", field=name)
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise RazorpayRefused(f"The {name} must be an integer.", field=name)
    if value < least:
        raise RazorpayRefused(f"The {name} must be at least {least}.", field=name)
    return value


def time(body: Mapping[str, Any], name: str, now: int) -> int | None:
    """An optional time in the future, in Unix seconds."""
    return None if body.get(name) is None else integer(body, name, None, least=now + 1)


def flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """A boolean, or 0 or 1, as the SDKs of Razorpay send both."""
    value = body.get(name)
    if value is None:
        return default
    if value not in (0, 1, "0", "1"):
        raise RazorpayRefused(f"The {name} field must be true or false.", field=name)
    return bool(int(value))


def text(body: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """A string."""
    value = body.get(name)
    if value is None and not required:
        return None
    if not value:
        raise RazorpayRefused(f"The {name} field is required.", field=name)
    if not isinstance(value, str):
        raise RazorpayRefused(f"The {name} must be a string.", field=name)
    return value


def receipt(body: Mapping[str, Any]) -> str | None:
    """The optional `receipt`, at most 40 characters."""
    value = body.get("receipt")
    if value is None:
        return None
    if not isinstance(value, str):
        raise RazorpayRefused("The receipt must be a string.", field="receipt")
    if len(value) > MAX_RECEIPT:
        raise RazorpayRefused(f"The receipt may not be greater than {MAX_RECEIPT} characters.", field="receipt")
    return value


def notes(body: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
    """The optional `notes`. Without pairs they are `[]`, as in Razorpay's own answers, and otherwise an object."""
    value = body.get("notes")
    if value is None or value == [] or value == {}:
        return []
    if not isinstance(value, dict):
        raise RazorpayRefused("The notes must be an object.", field="notes")
    if len(value) > MAX_NOTES:
        raise RazorpayRefused(f"The number of fields in notes should be less than {MAX_NOTES + 1}", field="notes")
    for key, note in value.items():
        if isinstance(note, dict | list) or max(len(key), len(str(note))) > MAX_NOTE:
            raise RazorpayRefused(f"The notes must be strings of at most {MAX_NOTE} characters.", field="notes")
    return dict(value)
