"""Razorpay's signatures. Each is the hexadecimal HMAC-SHA256 of a message.

The SDK's own functions raise `TypeError` for a body of bytes and for a signature that is not ASCII; here both are only
a wrong signature.
"""

import hashlib
import hmac
from collections.abc import Iterable


def webhook_is_signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Whether one of the webhook secrets signed the raw body: https://razorpay.com/docs/webhooks/validate-test/

    Retries of an event keep the signature of the secret that was in use when it happened. An empty secret signs
    nothing: a webhook without a secret must not be accepted.
    """
    signed = False
    for secret in secrets:
        signed |= bool(secret) and _matches(body, signature, secret)
    return signed


def order_return_is_signed(order_id: str, payment_id: str, signature: str, key_secret: str) -> bool:
    """Whether Razorpay signed what Checkout handed to the page for an order.

    https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/integration-steps/
    """
    return bool(key_secret) and _matches(f"{order_id}|{payment_id}".encode(), signature, key_secret)


def subscription_return_is_signed(subscription_id: str, payment_id: str, signature: str, key_secret: str) -> bool:
    """The same for a subscription, where the payment comes first.

    https://razorpay.com/docs/payments/subscriptions/integration-guide/
    """
    return bool(key_secret) and _matches(f"{payment_id}|{subscription_id}".encode(), signature, key_secret)


def _matches(message: bytes, signature: str, secret: str) -> bool:
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))
