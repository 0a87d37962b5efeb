"""What the control plane keeps of a user in a solution, and the audit entry that every change leaves."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from entitlements import base64url
from entitlements.table import Item, Wire, audit_key, item_to_wire

GENERATION_BYTES = 16


def new_generation() -> str:
    """128 random bits: what makes one secret of a user and solution differ from the next."""
    return base64url.encode(secrets.token_bytes(GENERATION_BYTES))


def timestamp(now: float) -> str:
    """ISO 8601 in UTC with milliseconds, which sorts by time."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


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

    @classmethod
    def from_item(cls, item: Item) -> "Entitlement":
        """Read an item."""
        return cls(**{name: item[name] for name in cls.__slots__ if name in item})


def audit(user_id: str, solution_id: str, event: str, actor: str, now: float, **details: str) -> tuple[str, Wire]:
    """The entry as an action of the same transaction as the change.

    Its attribute is `solution`, not `solution_id`: the latter would put it into the index of entitlements.
    """
    key = audit_key(user_id, timestamp(now), secrets.token_hex(4))
    fields = {"event": event, "solution": solution_id, "actor": actor, **{k: v for k, v in details.items() if v}}
    return "Put", {"Item": key | item_to_wire(fields), "ConditionExpression": "attribute_not_exists(pk)"}
