"""What the control plane keeps of a user in a solution, and the audit entry that every change leaves."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from entitlements import base64url
from entitlements.items import Item, Wire, audit_key, item_to_wire
from entitlements.windows import window_of

GENERATION_BYTES = 16
REASON_LENGTH: Final = 200
"""Characters of the reason for a suspension."""


def new_generation() -> str:
    """128 random bits: what makes one secret of a user and solution differ from the next."""
    return base64url.encode(secrets.token_bytes(GENERATION_BYTES))


def timestamp(now: float) -> str:
    """ISO 8601 in UTC with milliseconds, which sorts by time."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def to_the_second(seconds: int | None) -> str:
    """ISO 8601 in UTC, as people read and give it; nothing for nothing."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def good_reason(text: str) -> bool:
    """Whether a reason can be kept and shown: one line, without control characters, and not too long."""
    return text.isprintable() and text.strip() != "" and len(text) <= REASON_LENGTH


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The control plane's view of an entitlement item."""

    user_id: str
    solution_id: str
    status: str
    plan: str
    generation: str
    jti: str = ""
    mac_key_id: str = ""
    total: int = 0
    granted: int | None = None
    paid_until: int | None = None
    created_at: str = ""
    suspended_reason: str = ""
    closed_as: str = ""
    """The status at the deletion of the user's account; nobody can be granted this entitlement any more."""
    counters: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Use of each window, by the names of the attributes (`d20261123`, `m202611`); of windows long gone too."""

    @classmethod
    def from_item(cls, item: Item) -> "Entitlement":
        """Read an item."""
        known = {name: item[name] for name in cls.__slots__ if name in item and name != "counters"}
        counters = {name: count for name, count in item.items() if window_of(name) and type(count) is int}
        return cls(**known, counters=counters)

    def to_item(self) -> dict[str, str | int]:
        """The attributes to write, without those that are empty. A `total` of 0 is none of these: the gate takes an
        absent one as having no credits.
        """
        named = {name: getattr(self, name) for name in self.__slots__ if name != "counters"}
        return {name: value for name, value in named.items() if value not in (None, "")} | dict(self.counters)


def minted_at(stored: Item | None, entitlement: Entitlement) -> int:
    """When the secret of an entitlement's token came to be, in seconds of the epoch, by what is stored beside its JWS.

    Not the `iat` of the JWS, except in items without `minted_at`: another signing key vouches for the same secret
    later. 0, which is before everything, where it is not known.
    """
    if stored is None or (stored["generation"], stored["jti"]) != (entitlement.generation, entitlement.jti):
        return 0
    if "minted_at" in stored:
        return int(stored["minted_at"])
    try:
        payload = json.loads(base64url.decode(stored["jws"].split(".")[1]))
        return int(payload["iat"])
    except (ValueError, LookupError, TypeError):
        return 0


def audit(user_id: str, solution_id: str, event: str, actor: str, now: float, **details: str) -> tuple[str, Wire]:
    """The entry as an action of the same transaction as the change.

    Its attribute is `solution`, not `solution_id`: the latter would put it into the index of entitlements.
    """
    key = audit_key(user_id, timestamp(now), secrets.token_hex(4))
    fields = {"event": event, "solution": solution_id, "actor": actor, **{k: v for k, v in details.items() if v}}
    return "Put", {"Item": key.wire | item_to_wire(fields), "ConditionExpression": "attribute_not_exists(pk)"}
