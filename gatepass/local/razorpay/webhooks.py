"""What Razorpay would post: events as raw bytes with their headers.

https://razorpay.com/docs/webhooks/validate-test/ and https://razorpay.com/docs/webhooks/payments/
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.faults import SigningSecret
from gatepass.local.razorpay.quirks import Quirks

WRONG_SECRET = "a secret that the webhook never had"


def sign(message: bytes, secret: str) -> str:
    """The hex HMAC-SHA256 of the message, for webhooks and for Checkout's return alike."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Delivery:
    """One event, ready to be posted any number of times. `signature` is None if the webhook has no secret."""

    event_id: str
    event: str
    body: bytes
    signature: str | None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request. The event id is not part of what is signed."""
        headers = {"Content-Type": "application/json", "x-razorpay-event-id": self.event_id}
        if self.signature is not None:
            headers["X-Razorpay-Signature"] = self.signature
        return headers


class Outbox:
    """The deliveries of one webhook, oldest first.

    An event is signed when it happens: after `secret` is changed, retries of older events still carry the signature
    of the older secret, as Razorpay's do. `listener` is called with each new delivery.
    """

    def __init__(self, account_id: str, secret: str | None, new_id: Callable[[], str]) -> None:
        self.account_id = account_id
        self.deliveries: list[Delivery] = []
        self.quirks = Quirks()
        self.previous_secret: str | None = None
        self.listener: Callable[[Delivery], None] | None = None
        self._secret = secret
        self._new_id = new_id

    @property
    def secret(self) -> str | None:
        """The webhook's secret, or None. Setting it makes the one before `previous_secret`."""
        return self._secret

    @secret.setter
    def secret(self, secret: str | None) -> None:
        self.previous_secret, self._secret = self._secret, secret

    def signed_with(self, delivery: Delivery, secret: SigningSecret) -> Delivery:
        """The same event, signed by the secret before the present one, or by one that nobody has."""
        wanted = self.previous_secret if secret is SigningSecret.PREVIOUS else WRONG_SECRET
        return replace(delivery, signature=sign(delivery.body, wanted or WRONG_SECRET))

    def add(self, event: str, now: int, **entities: Entity) -> None:
        """Record an event about `entities`, by their kind and as they are now: Razorpay sends snapshots."""
        content = {"entity": "event", "account_id": self.account_id, "event": event}
        content |= self.quirks.shape(event, entities, now)
        body = json.dumps(content, separators=(",", ":")).encode()
        signature = sign(body, self.secret) if self.secret else None
        delivery = Delivery(self._new_id(), event, body, signature)
        self.deliveries.append(delivery)
        if self.listener is not None:
            self.listener(delivery)
