"""One Razorpay account in memory: orders, subscriptions, and disputes together."""

from __future__ import annotations

from gatepass.local.razorpay.charges import ChargeBook
from gatepass.local.razorpay.disputes import DisputeBook


class RazorpayAccount(ChargeBook, DisputeBook):
    """The entities of one account, and the events about them in `outbox`.

    `clock` returns Unix seconds; `new_id` returns 14 characters that it has not returned before; `checkout_url` is
    the hosted page that `short_url` leads to. Methods return copies. A request that Razorpay would refuse raises
    `RazorpayRefused`; an act of a payer or a bank that makes no sense raises `ValueError`. Not safe for threads:
    `LocalRazorpay.account` holds the lock.
    """
