"""The odd shapes of events that Razorpay's own samples and users' reports show, to be switched on one by one.

Samples: https://razorpay.com/docs/webhooks/subscriptions/ and https://razorpay.com/docs/webhooks/disputes/.

These are not here because they are the normal shape: `notes` is `[]` without pairs and otherwise an object;
`subscription.activated` has a payment if the subscription starts at once, and none if it starts later;
`subscription.resumed` says `active`; `pending` and `halted` show the dates of the unpaid cycle; `completed` comes a
whole cycle before `current_end`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from gatepass.local.razorpay.entities import Entity


class EventTime(StrEnum):
    """Where an event has its `created_at`."""

    NORMAL = "normal"
    IN_PAYLOAD = "in_payload"  # the sample of subscription.activated with a payment
    MISSING = "missing"


@dataclass
class Quirks:
    """What later events look like. Only events change, never what requests are answered with."""

    created_at: EventTime = EventTime.NORMAL
    activated_without_payment: bool = False
    captured_as_text: bool = False  # `"captured": "1"`, in subscriptions' payments
    completed_counts_one_less: bool = False  # paid_count 11 of 12
    disputed_payment_is_authorized: bool = False  # won and under_review, with a payment that was never captured
    empty_notes_are_an_object: bool = False

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set some of them, as from JSON; all or none. Raise `ValueError`, naming the quirk, if one is wrong."""
        for name, value in changes.items():
            if name not in (field.name for field in fields(self)):
                raise ValueError(f"{name} is not a quirk: use {', '.join(field.name for field in fields(self))}")
            if name != "created_at" and not isinstance(value, bool):
                raise ValueError(f"{name} must be of type bool")
        if "created_at" in changes:
            self.created_at = EventTime(changes["created_at"])
        for name in changes.keys() - {"created_at"}:
            setattr(self, name, changes[name])

    def shape(self, event: str, entities: Mapping[str, Entity], now: int) -> Entity:
        """The parts of an event that differ: `contains`, `payload`, and, unless it is missing, `created_at`."""
        shown = {kind: deepcopy(entity) for kind, entity in entities.items()}
        payment = shown.get("payment")
        if payment and self.captured_as_text and event.startswith("subscription."):
            payment["captured"] = "1" if payment["captured"] else "0"
        if payment and self.disputed_payment_is_authorized and event.endswith((".won", ".under_review")):
            payment |= {"status": "authorized", "captured": False, "fee": None, "tax": None}
        if self.activated_without_payment and event == "subscription.activated":
            shown.pop("payment", None)
        if self.completed_counts_one_less and event == "subscription.completed":
            shown["subscription"]["paid_count"] -= 1
        if self.empty_notes_are_an_object:
            for entity in shown.values():
                entity |= {"notes": entity["notes"] or {}} if "notes" in entity else {}
        payload: Entity = {kind: {"entity": entity} for kind, entity in shown.items()}
        if self.created_at is EventTime.IN_PAYLOAD:
            payload["created_at"] = now
        time = {"created_at": now} if self.created_at is EventTime.NORMAL else {}
        return {"contains": list(shown), "payload": payload, **time}
