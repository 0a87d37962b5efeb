"""How Razorpay refuses a request: the status and the body `{"error": {...}}`."""

from __future__ import annotations

from typing import Any


class RazorpayRefused(Exception):
    """A request that is refused, with the HTTP status and the JSON body of the answer.

    The shape is from the failure responses at https://razorpay.com/docs/api/orders/create/ and
    https://razorpay.com/docs/api/refunds/create-normal/. `field` is only there if one field is wrong.
    """

    def __init__(
        self, description: str, *, field: str | None = None, status: int = 400, validation: bool = True
    ) -> None:
        super().__init__(description)
        self.status = status
        error: dict[str, Any] = {"code": "BAD_REQUEST_ERROR", "description": description}
        if validation:
            error |= {
                "source": "business",
                "step": "payment_initiation",
                "reason": "input_validation_failed",
                "metadata": {},
            }
        if field is not None:
            error["field"] = field
        self.body = {"error": error}


def unknown_id() -> RazorpayRefused:
    """The refusal of an id that no entity has. Razorpay answers 400, not 404."""
    return RazorpayRefused("The id provided does not exist")


def unknown_url() -> RazorpayRefused:
    """The refusal of a path or method that no route has. Razorpay documents 400 for it, not 404."""
    return RazorpayRefused("The requested URL was not found on the server.")
