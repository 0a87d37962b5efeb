"""The one table: its schema, the keys of its items, and the wire form of its values.

Values travel in DynamoDB's own JSON (`{"S": "…"}`,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html), so that any client can carry
what is built here.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

Item = dict[str, Any]
"""An item in plain Python: strings, integers, booleans."""
Wire = dict[str, Any]
"""A value, key or item in DynamoDB's JSON."""

GSI_BY_SOLUTION: Final = "by_solution"

DEFINITION: Final[Mapping[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "solution_id", "AttributeType": "S"},
        {"AttributeName": "user_id", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": GSI_BY_SOLUTION,
            "KeySchema": [
                {"AttributeName": "solution_id", "KeyType": "HASH"},
                {"AttributeName": "user_id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
"""As CreateTable takes it; the template says the same (a test holds that)."""

TTL_ATTRIBUTE: Final = "expires_at"
DELETING: Final = "deleting"
"""The attribute of an account whose deletion has begun: from then on nothing can be granted to it."""


class StoreUnavailable(Exception):
    """The table gave no answer that a decision could rest on. The gate then refuses."""


class Store(Protocol):
    """All that a decision asks of a database: small, so that its client can be exchanged."""

    def get_item(self, key: Wire) -> Item | None:
        """Read one item, strongly consistent; None if there is none. Raises `StoreUnavailable`."""

    def update_item(self, request: Wire) -> tuple[bool, Item | None]:
        """Send an UpdateItem request (without TableName).

        Returns (True, the new item) if it was applied and (False, the old item or None) if its condition failed.
        Raises `StoreUnavailable`.
        """


def _key(pk: str, sk: str) -> Wire:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def entitlement_key(user_id: str, solution_id: str) -> Wire:
    """What one user may do in one solution."""
    return _key(f"user#{user_id}", f"solution#{solution_id}")


def visitor_key(address_hash: str, solution_id: str) -> Wire:
    """An anonymous visitor's counters."""
    return _key(f"ip#{address_hash}", f"solution#{solution_id}")


def token_key(user_id: str, solution_id: str) -> Wire:
    """The stored JWS."""
    return _key(f"user#{user_id}", f"token#{solution_id}")


def solution_key(solution_id: str) -> Wire:
    """A solution's configuration."""
    return _key(f"solution#{solution_id}", "config")


def api_key(api_id: str) -> Wire:
    """Which solution an API belongs to."""
    return _key(f"api#{api_id}", "config")


def keyring_key() -> Wire:
    """The key ring."""
    return _key("keyring", "current")


def keyring_init_key() -> Wire:
    """The first keys, while there is no ring yet to record them in."""
    return _key("keyring", "init")


def audit_key(user_id: str, time: str, entry_id: str) -> Wire:
    """One change, for good."""
    return _key(f"user#{user_id}", f"audit#{time}#{entry_id}")


def account_key(user_id: str) -> Wire:
    """A user's account: which sessions are void, whether it is being deleted, and what its user did today."""
    return _key(f"user#{user_id}", "account")


def remains_key(email_hash: str, solution_id: str) -> Wire:
    """What outlives a deleted account in one solution."""
    return _key(f"email#{email_hash}", f"solution#{solution_id}")


def attempts_key(email_hash: str) -> Wire:
    """How often somebody tried to get at an address, and how many mails it was sent."""
    return _key(f"email#{email_hash}", "attempts")


def code_key(code_hash: str) -> Wire:
    """A one-time code, by which a page gets the token."""
    return _key(f"code#{code_hash}", "code")


def origin_key(origin: str, solution_id: str) -> Wire:
    """A web origin from which a solution's pages may call the token service."""
    return _key(f"origin#{origin}", f"solution#{solution_id}")


def keyring_audit_key(time: str, entry_id: str) -> Wire:
    """One change of the key ring, for good."""
    return _key("keyring", f"audit#{time}#{entry_id}")


def to_wire(value: str | int | bool) -> Wire:
    """One value in DynamoDB's JSON."""
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def item_to_wire(item: Mapping[str, str | int | bool]) -> Wire:
    """A whole item in DynamoDB's JSON."""
    return {name: to_wire(value) for name, value in item.items()}


def from_wire(wire: Mapping[str, Mapping[str, Any]]) -> Item:
    """An item in plain Python. A number that is not whole stays text: nothing of ours writes one, and as text it
    compares with no limit, so that it can only refuse.
    """
    item: Item = {}
    for name, value in wire.items():
        ((kind, raw),) = value.items()
        if kind == "N":
            item[name] = int(raw) if raw.lstrip("-").isdigit() else raw
        else:
            item[name] = raw
    return item
