"""What a request may say."""

import pytest

from gatepass.local.razorpay import RazorpayRefused

ORDER = {"amount": 49900, "currency": "INR"}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"amount": None}, "amount", "field is required"),
        ({"amount": 99}, "amount", "at least INR 1.00"),
        ({"amount": -100}, "amount", "at least INR 1.00"),
        ({"amount": 499.0}, "amount", "must be an integer"),
        ({"amount": True}, "amount", "must be an integer"),
        ({"amount": "8.35"}, "amount", "must be an integer"),
        ({"currency": None}, "currency", "field is required"),
        ({"currency": "usd"}, "currency", "not supported"),
        ({"currency": "RUPEE"}, "currency", "not supported"),
        ({"currency": "KWD", "amount": 99}, "amount", "at least KWD 0.100"),
        ({"currency": "JPY", "amount": 99}, "amount", "at least JPY 100$"),
        ({"currency": "KWD", "amount": 1001}, "amount", "last digit of an amount in KWD must be 0"),
        ({"receipt": "r" * 41}, "receipt", "greater than 40"),
        ({"receipt": 7}, "receipt", "must be a string"),
        ({"notes": "text"}, "notes", "must be an object"),
        ({"notes": {str(n): "" for n in range(16)}}, "notes", "less than 16"),
        ({"notes": {"key": "n" * 257}}, "notes", "at most 256"),
        ({"notes": {"key": {}}}, "notes", "must be strings"),
    ],
)
def test_a_wrong_field_is_named(account, change, field, words):
    with pytest.raises(RazorpayRefused, match=words) as refused:
        account.create_order(ORDER | change)
    error = refused.value.body["error"]
    assert (refused.value.status, error["code"], error["field"]) == (400, "BAD_REQUEST_ERROR", field)
    assert account.orders() == []


def test_an_unknown_field_is_refused(account):
    with pytest.raises(RazorpayRefused, match="offer is not required and should not be sent"):
        account.create_order(ORDER | {"offer": "x"})


def test_limits_are_inclusive(account):
    order = account.create_order(
        {"amount": "100", "currency": "INR", "receipt": "r" * 40, "notes": {str(n): "n" * 256 for n in range(15)}}
    )
    assert (order["amount"], len(order["receipt"]), len(order["notes"])) == (100, 40, 15)


@pytest.mark.parametrize("notes", [None, [], {}])
def test_empty_notes_are_a_list(account, notes):
    assert account.create_order(ORDER | {"notes": notes})["notes"] == []
