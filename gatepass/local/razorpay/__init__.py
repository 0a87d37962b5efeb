"""A stand-in for Razorpay's API: orders, payments, refunds, and signed webhooks, on a loopback port.

Not a part of `gatepass local` yet. It has no plans, subscriptions, payment links, instant refunds, or currencies other
than INR, and refuses requests for them.
"""

from gatepass.local.razorpay.account import PaymentOutcome, RazorpayAccount
from gatepass.local.razorpay.posting import post
from gatepass.local.razorpay.refusal import RazorpayRefused
from gatepass.local.razorpay.server import LocalRazorpay
from gatepass.local.razorpay.webhooks import Delivery, Outbox

__all__ = ["Delivery", "LocalRazorpay", "Outbox", "PaymentOutcome", "RazorpayAccount", "RazorpayRefused", "post"]
