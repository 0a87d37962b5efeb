"""A stand-in for Razorpay's API: orders, subscriptions, disputes, and signed webhooks, on a loopback port.

Not a part of `gatepass local` yet. It has no payment links, instant refunds, add-ons, offers, or changes of a
subscription's plan, and refuses requests for them.
"""

from gatepass.local.razorpay.account import RazorpayAccount
from gatepass.local.razorpay.disputes import DisputeStatus
from gatepass.local.razorpay.faults import Faults, SigningSecret
from gatepass.local.razorpay.orders import PaymentOutcome
from gatepass.local.razorpay.posting import post
from gatepass.local.razorpay.quirks import EventTime, Quirks
from gatepass.local.razorpay.refusal import RazorpayRefused
from gatepass.local.razorpay.server import LocalRazorpay
from gatepass.local.razorpay.webhooks import Delivery, Outbox

__all__ = [
    "Delivery",
    "DisputeStatus",
    "EventTime",
    "Faults",
    "LocalRazorpay",
    "Outbox",
    "PaymentOutcome",
    "Quirks",
    "RazorpayAccount",
    "RazorpayRefused",
    "SigningSecret",
    "post",
]
