"""The control plane's record of a user's entitlement, and the audit entry of each change."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from entitlements import base64url
from entitlements.items import Item, Key, Wire, audit_key, item_to_wire
from entitlements.windows import window_of

Action = tuple[str, Wire]
"""One action of a transaction: `Put`, `Update`, `Delete` or `ConditionCheck`, and its parameters without TableName.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItem.html
"""
GENERATION_BYTES = 16
REASON_LENGTH: Final = 200
"""Characters of the reason for a suspension."""


def new_generation() -> str:
    """128 random bits, so that each secret of a user and solution differs from the previous one."""
    return base64url.encode(secrets.token_bytes(GENERATION_BYTES))


def timestamp(now: float) -> str:
    """ISO 8601 in UTC with milliseconds, which sorts by time."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def to_the_second(seconds: int | None) -> str:
    """ISO 8601 in UTC, to the second, as commands take and print it; an empty string for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def good_reason(text: str) -> bool:
    """Whether a reason can be stored and shown: one line, not blank, without control characters, not too long."""
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
    payments_revision: int = 0
    """Counts the changes by payments, so that each of them is based on all earlier ones."""
    created_at: str = ""
    suspended_reason: str = ""
    closed_as: str = ""
    """The status when the user's account was deleted. This entitlement cannot be granted again."""
    counters: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Use of each window, by attribute name (`d20261123`, `m202611`); past windows may be included."""

    @classmethod
    def from_item(cls, item: Item) -> "Entitlement":
        """Read an item."""
        known = {name: item[name] for name in cls.__slots__ if name in item and name != "counters"}
        counters = {name: count for name, count in item.items() if window_of(name) and type(count) is int}
        return cls(**known, counters=counters)

    def to_item(self) -> dict[str, str | int]:
        """The attributes to write, without empty ones. A `total` of 0 is written: without it, the gate denies requests
        under a prepaid plan.
        """
        named = {name: getattr(self, name) for name in self.__slots__ if name not in ("counters", "payments_revision")}
        return {name: value for name, value in named.items() if value not in (None, "")} | dict(self.counters)


def minted_at(stored: Item | None, entitlement: Entitlement) -> int:
    """When the secret of an entitlement's token was minted, in seconds since the epoch; 0 if unknown.

    Read from `minted_at` beside the stored JWS. The `iat` of the JWS is only a fallback for items without `minted_at`:
    it changes when another key signs the same secret.
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


def audit(user_id: str, solution_id: str, event: str, actor: str, now: float, **details: str) -> Action:
    """The audit entry, as an action for the transaction of the change.

    Its attribute is `solution`, not `solution_id`, which would put the entry into the index of entitlements.
    """
    key = audit_key(user_id, timestamp(now), secrets.token_hex(4))
    fields = {"event": event, "solution": solution_id, "actor": actor, **{k: v for k, v in details.items() if v}}
    return put_new(key, fields)


def put_new(key: Key, attributes: Mapping[str, str | int]) -> Action:
    """Write a whole item, on condition that there is none."""
    return "Put", {"Item": key.wire | item_to_wire(attributes), "ConditionExpression": "attribute_not_exists(pk)"}
