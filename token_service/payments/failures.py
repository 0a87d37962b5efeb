"""What goes wrong with Razorpay's API."""

from entitlements.refusals import Code, Refused


class RazorpayRefusal(Exception):
    """Razorpay refused a request (400). The message is Razorpay's."""


class RefundRefused(RazorpayRefusal):
    """Money that must go back does not: Razorpay refused its refund, or the refunds of it failed."""


class KeyRefused(Refused):
    """Razorpay does not accept the key: nothing was done."""

    def __init__(self) -> None:
        """With what to do, for the operator."""
        why = "Razorpay does not accept the key: check key_id and key_secret in the secret"
        super().__init__(Code.PAYMENTS_NOT_CONFIGURED, why)


def unavailable(why: str) -> Refused:
    """Razorpay gave no usable answer: whether it did what was asked is unknown."""
    return Refused(Code.PAYMENTS_UNAVAILABLE, f"Razorpay gave no usable answer: {why}")
