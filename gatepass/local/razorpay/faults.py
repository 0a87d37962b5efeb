"""What goes wrong on purpose: how events are delivered, and how requests are answered.

Razorpay promises neither order nor once (https://razorpay.com/docs/webhooks/best-practices/), and answers with 429 over
a limit that it does not publish (https://razorpay.com/docs/api/understand/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

MAX_TIMES = 10  # of one event; and of a count of requests, times 100


class SigningSecret(StrEnum):
    """Which secret signs an event when it is posted. `AS_IT_WAS` is the one that held when the event happened."""

    AS_IT_WAS = "as_it_was"
    PREVIOUS = "previous"
    WRONG = "wrong"


@dataclass(frozen=True)
class Faults:
    """The settings of all faults. Without changes nothing goes wrong. Seconds are seconds, counts are of requests.

    The counts go down by themselves with each request of the API that they spoil; one request meets one fault.
    """

    times: int = 1
    """How often each event is posted."""
    late_seconds: float = 0.0
    """How long after it happened an event is posted."""
    shuffle: bool = False
    """Post events that happen within half a second in any order."""
    refund_first: bool = False
    """Hold back the events of a payment until its refund has been posted, or until this is switched off."""
    signed_with: SigningSecret = SigningSecret.AS_IT_WAS
    lose_answers: int = 0
    """Do what is asked, and answer 500."""
    html_errors: int = 0
    """Do nothing, and answer 502 with a page of HTML."""
    too_many_requests: int = 0
    """Do nothing, and answer 429."""
    slow_seconds: float = 0.0
    """How long each answer of the API waits."""

    def changed(self, changes: Mapping[str, Any]) -> Faults:
        """The same with `changes`, which may come from JSON. Raise `ValueError`, naming the field, if one is wrong."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: _checked(name, value, known) for name, value in changes.items()})

    def as_json(self) -> dict[str, Any]:
        """All settings by their names."""
        return asdict(self)


def _checked(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"{name} is not a fault: use {', '.join(known)}")
    if name == "signed_with":
        return SigningSecret(value)
    kind = type(known[name])
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{name} must be of type {kind.__name__}")
    least, most = (1, MAX_TIMES) if name == "times" else (0, MAX_TIMES * 100)
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least} and {most}")
    return value
