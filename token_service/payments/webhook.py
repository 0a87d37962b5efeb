"""Razorpay's events: checked, stored, answered, and applied; at once where that is quick, else by the job.

https://razorpay.com/docs/webhooks/best-practices/ At least once, in any order, answered within 5 s.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Final

from entitlements.items import StoreUnavailable
from entitlements.refusals import Code, Refused
from token_service.errors import Busy
from token_service.payments.failures import RazorpayRefusal
from token_service.payments.inbox import DUE, UNKNOWN, UNMATCHED, Inbox, ToDo
from token_service.payments.razorpay import PaymentEntity, Unreadable, WebhookEvent
from token_service.payments.razorpay_api import RazorpayApi
from token_service.payments.secrets import RazorpaySecrets
from token_service.payments.settlement import Settlement, Unmatched
from token_service.payments.signatures import webhook_is_signed
from token_service.web.problems import LOGGER

AT_ONCE_SECONDS: Final = 2.5
_EVENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Webhook:
    """Receives events and applies them."""

    def __init__(
        self,
        secrets: RazorpaySecrets,
        inbox: Inbox,
        settlement: Settlement,
        razorpay: RazorpayApi,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives seconds since the epoch."""
        self._secrets, self._inbox, self._settlement = secrets, inbox, settlement
        self._razorpay, self._clock = razorpay, clock

    def receive(self, body: bytes, signature: str, event_id: str) -> None:
        """Store a signed event, and apply it if that is quick.

        Raises `Refused` for a body that no webhook secret signed, and `StoreUnavailable` if it could not be stored:
        Razorpay then sends it again.
        """
        if not webhook_is_signed(body, signature, self._secrets.get().webhook_secrets):
            secrets = self._secrets.again().webhook_secrets
            if not any(secrets):
                raise Refused(Code.PAYMENTS_NOT_CONFIGURED, "the Razorpay secret has no webhook_secret: add it")
            if not webhook_is_signed(body, signature, secrets):
                raise Refused(Code.WEBHOOK_UNSIGNED)
        name = _name(body)
        # The header is not signed: an id in another form, or none, is replaced by the body's own hash.
        if not _EVENT_ID.fullmatch(event_id):
            event_id = hashlib.sha256(body).hexdigest()
        text = body.decode("utf-8", "replace")
        entry = self._inbox.store(event_id, name, text, int(self._clock()))
        if entry is not None:
            with self._razorpay.within(AT_ONCE_SECONDS):
                self.work_off(entry)

    def work_off(self, entry: ToDo) -> None:
        """Finish an entry, or keep it for the next run with the reason. Raises `StoreUnavailable` alone."""
        try:
            if entry.is_lapse:
                self._settlement.refresh(entry.user_id, entry.solution)
            else:
                self._apply(WebhookEvent.read(json.loads(self._inbox.body(entry.event_id))))
        except Unmatched as unmatched:
            self._keep(entry, UNMATCHED, unmatched.reason)
        except (Unreadable, ValueError, RecursionError) as error:
            self._keep(entry, UNKNOWN, str(error) if isinstance(error, Unreadable) else "not JSON")
        except (Busy, Refused, RazorpayRefusal) as error:
            self._keep(entry, DUE, error.code if isinstance(error, Refused) else type(error).__name__, str(error))
        except StoreUnavailable:
            raise
        except Exception as error:
            LOGGER.exception("an event could not be applied", code="event_failed", exception=type(error).__name__)
            self._keep(entry, DUE, type(error).__name__)
        else:
            self._inbox.finish(entry, int(self._clock()))

    def _keep(self, entry: ToDo, state: str, reason: str, detail: str = "") -> None:
        LOGGER.warning(
            "an event is not finished", code=f"event_{state}", reason=reason, event_name=entry.event, detail=detail
        )
        self._inbox.postpone(entry, state, reason, int(self._clock()))

    def _apply(self, event: WebhookEvent) -> None:
        """Apply what an event is about. Its name says too little; what counts are its entities.

        The state of a subscription or dispute is always asked for. A payment is believed as it was signed, since what
        counts of it only grows; after a failed refund it does not, so then it is asked for too.
        """
        if event.has("dispute"):
            self._settlement.dispute(_id(event, "dispute"))
        elif event.has("payment") and event.name != "refund.failed":
            payment = PaymentEntity.read(event.entities["payment"])
            self._settlement.signed_payment(payment)
            if event.has("subscription") and not (payment.paid and payment.invoice_id):
                self._settlement.subscription(_id(event, "subscription"))
        elif event.has("refund"):
            self._settlement.payment(_id(event, "refund", "payment_id"))
        elif event.has("subscription"):
            self._settlement.subscription(_id(event, "subscription"))
        else:
            raise Unreadable("no payment, refund, dispute, or subscription")


def _id(event: WebhookEvent, kind: str, name: str = "id") -> str:
    value = event.entities[kind].get(name)
    if not isinstance(value, str) or not _EVENT_ID.fullmatch(value):
        raise Unreadable(f"{kind}: {name} must be an id")
    return value


def _name(body: bytes) -> str:
    try:
        found = json.loads(body)["event"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return found[:64] if isinstance(found, str) and found.isascii() and found.isprintable() else ""
