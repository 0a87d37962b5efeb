"""Checks of the fields of a request. Each returns the value or raises `RazorpayRefused`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gatepass.local.razorpay.refusal import RazorpayRefused

# https://razorpay.com/docs/api/orders/create/
MIN_AMOUNT = 100  # paise
MAX_RECEIPT = 40  # characters
MAX_NOTES = 15  # pairs
MAX_NOTE = 256  # characters
CURRENCY = "INR"


def only(body: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse fields that the request does not have."""
    extra = [name for name in body if name not in allowed]
    if extra:
        verb = "is" if len(extra) == 1 else "are"
        raise RazorpayRefused(f"{', '.join(extra)} {verb} not required and should not be sent")


def amount(body: Mapping[str, Any]) -> int:
    """The required `amount`, in paise: an integer, or its digits in a string, as in the SDK's examples."""
    value = body.get("amount")
    if value is None:
        raise RazorpayRefused("The amount field is required.", field="amount")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RazorpayRefused("The amount must be an integer.", field="amount")
    if value < MIN_AMOUNT:
        raise RazorpayRefused("The amount must be at least INR 1.00", field="amount")
    return value


def currency(body: Mapping[str, Any]) -> str:
    """The required `currency`. The stand-in knows INR only."""
    value = body.get("currency")
    if value is None:
        raise RazorpayRefused("The currency field is required.", field="currency")
    if value != CURRENCY:
        raise RazorpayRefused("Currency is not supported", field="currency")
    return CURRENCY


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
