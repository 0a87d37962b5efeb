"""Every item of the one table: its key, the prefix of its kind, and the wire form of its values.

`docs/architecture.md` lists the kinds; a test keeps that list, the roles of the template and this module consistent.
Values are sent in DynamoDB's own JSON (`{"S": "…"}`,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html), so that any client can be used.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

Item = dict[str, Any]
"""An item in plain Python: strings, integers, booleans."""
Wire = dict[str, Any]
"""A value, key or item in DynamoDB's JSON."""

DELETING: Final = "deleting"
"""The attribute of an account whose deletion has begun: nothing can be granted to it any more."""


class StoreUnavailable(Exception):
    """The table gave no usable answer. The gate then denies the request."""


class Key(NamedTuple):
    """The key of an item; or, from a function named `…_prefix`, what the keys of several items begin with."""

    pk: str
    sk: str

    @classmethod
    def of(cls, item: Item) -> "Key":
        """The key that an item carries."""
        return cls(item["pk"], item["sk"])

    @property
    def wire(self) -> Wire:
        """In DynamoDB's JSON, as every call takes it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}

    @property
    def subject(self) -> str:
        """The part of `pk` after its kind: an id, a hash or an origin."""
        return self.pk.partition("#")[2]


class Store(Protocol):
    """The database calls that a decision needs: few, so that the client can be replaced."""

    def get_item(self, key: Key) -> Item | None:
        """Read one item, strongly consistent; None if there is none. Raises `StoreUnavailable`."""

    def update_item(self, request: Wire) -> tuple[bool, Item | None]:
        """Send an UpdateItem request (without TableName), again if its answer is lost: each must bear repetition.

        Returns (True, the new item) if it was applied and (False, the old item or None) if its condition failed.
        Raises `StoreUnavailable`.
        """


def entitlement_key(user_id: str, solution_id: str) -> Key:
    """One user's entitlement to one solution."""
    return Key(f"user#{user_id}", f"solution#{solution_id}")


def entitlement_prefix(user_id: str = "") -> Key:
    """All entitlements of a user, or of everybody."""
    return Key(f"user#{user_id}", "solution#")


def visitor_key(address_hash: str, solution_id: str) -> Key:
    """An anonymous visitor's counters."""
    return Key(f"ip#{address_hash}", f"solution#{solution_id}")


def visitor_prefix() -> Key:
    """All visitors' counters."""
    return Key("ip#", "solution#")


def token_key(user_id: str, solution_id: str) -> Key:
    """The stored JWS."""
    return Key(f"user#{user_id}", f"token#{solution_id}")


def token_prefix() -> Key:
    """All stored JWSs."""
    return Key("user#", "token#")


def account_key(user_id: str) -> Key:
    """A user's account: which sessions are void, whether it is being deleted, and today's rotations."""
    return Key(f"user#{user_id}", "account")


def audit_key(user_id: str, time: str, entry_id: str) -> Key:
    """One change of a user's entitlement; kept permanently."""
    return Key(f"user#{user_id}", f"audit#{time}#{entry_id}")


def audit_prefix(user_id: str = "") -> Key:
    """All changes of a user's entitlements, oldest first, or of everybody's."""
    return Key(f"user#{user_id}", "audit#")


def solution_key(solution_id: str) -> Key:
    """A solution's configuration."""
    return Key(f"solution#{solution_id}", "config")


def solution_prefix() -> Key:
    """All solutions' configurations."""
    return Key("solution#", "config")


def listing_key(solution_id: str) -> Key:
    """That a solution is applied. All are in one partition: the token service may not scan the table for them."""
    return Key("listing#solutions", f"solution#{solution_id}")


def listing_prefix() -> Key:
    """All applied solutions, by id."""
    return Key("listing#solutions", "solution#")


def api_key(api_id: str) -> Key:
    """Which solution an API belongs to."""
    return Key(f"api#{api_id}", "config")


def api_prefix() -> Key:
    """All links of APIs to solutions."""
    return Key("api#", "config")


def attachment_key(api_id: str) -> Key:
    """What `gatepass attach` changed in an API, and what was there before."""
    return Key(f"api#{api_id}", "attachment")


def attachment_prefix() -> Key:
    """All attachments."""
    return Key("api#", "attachment")


def origin_key(origin: str, solution_id: str) -> Key:
    """A web origin from which a solution's pages may call the token service."""
    return Key(f"origin#{origin}", f"solution#{solution_id}")


def origin_prefix(origin: str = "") -> Key:
    """All solutions of a web origin, or all web origins."""
    return Key(f"origin#{origin}", "solution#")


def keyring_key() -> Key:
    """The key ring."""
    return Key("keyring", "current")


def keyring_init_key() -> Key:
    """The first keys, while there is no ring yet to record them in."""
    return Key("keyring", "init")


def keyring_audit_key(time: str, entry_id: str) -> Key:
    """One change of the key ring; kept permanently."""
    return Key("keyring", f"audit#{time}#{entry_id}")


def remains_key(email_hash: str, solution_id: str) -> Key:
    """What outlives a deleted account in one solution."""
    return Key(f"email#{email_hash}", f"solution#{solution_id}")


def attempts_key(email_hash: str) -> Key:
    """Counters of the attempts on an address and of the mails sent to it."""
    return Key(f"email#{email_hash}", "attempts")


def code_key(code_hash: str) -> Key:
    """A one-time code, which a page exchanges for the token."""
    return Key(f"code#{code_hash}", "code")


def checkout_key(reference: str) -> Key:
    """What was ordered: by the id of the Razorpay order or subscription."""
    return Key(f"razorpay#{reference}", "checkout")


def effect_key(effect: str) -> Key:
    """A payment that was applied: by its id, and for a subscription also by the subscription and its period."""
    return Key(f"razorpay#{effect}", "effect")


def event_key(event_id: str) -> Key:
    """A webhook's event as it was signed."""
    return Key(f"razorpay#{event_id}", "event")


def to_do_key(time: str, event_id: str) -> Key:
    """An event that is not finished."""
    return Key("razorpay#to-do", f"at#{time}#{event_id}")


def to_do_prefix() -> Key:
    """All events that are not finished, oldest first."""
    return Key("razorpay#to-do", "at#")


def payment_key(user_id: str, time: str, payment_id: str) -> Key:
    """A payment as its user sees it, with its refunds and disputes."""
    return Key(f"user#{user_id}", f"payment#{time}#{payment_id}")


def payment_prefix(user_id: str = "") -> Key:
    """All payments of a user, oldest first, or of everybody."""
    return Key(f"user#{user_id}", "payment#")


def subscription_key(user_id: str, solution_id: str, subscription_id: str) -> Key:
    """One of a user's subscriptions to a solution."""
    return Key(f"user#{user_id}", f"subscription#{solution_id}#{subscription_id}")


def subscription_prefix(user_id: str, solution_id: str = "") -> Key:
    """All subscriptions of a user to a solution, or to any."""
    return Key(f"user#{user_id}", f"subscription#{solution_id}#" if solution_id else "subscription#")


def ordering_key(user_id: str, solution_id: str, plan: str) -> Key:
    """An order that is being made, so that pressing twice makes one."""
    return Key(f"user#{user_id}", f"ordering#{solution_id}#{plan}")


def razorpay_plans_key(solution_id: str) -> Key:
    """The Razorpay plans of a solution's recurring prices."""
    return Key(f"solution#{solution_id}", "razorpay")


def use_key(subject: str, solution_id: str, day: str) -> Key:
    """What a user or a visitor used of a solution on a day (`YYYYMMDD`); the stream passes it over."""
    return Key(f"use#{subject}", f"{solution_id}#{day}")


def use_prefix(subject: str = "", solution_id: str = "") -> Key:
    """All days of a subject in a solution, or of everybody."""
    return Key(f"use#{subject}", f"{solution_id}#" if solution_id else "")


def usage_key(solution_id: str, shard: int, day: str) -> Key:
    """A part of a solution's totals of a day (`YYYYMMDD`)."""
    return Key(f"usage#{solution_id}#{shard}", f"day#{day}")


def to_wire(value: str | int | bool) -> Wire:
    """One value in DynamoDB's JSON."""
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def item_to_wire(item: Mapping[str, str | int | bool]) -> Wire:
    """A whole item in DynamoDB's JSON."""
    return {name: to_wire(value) for name, value in item.items()}


def from_wire(wire: Mapping[str, Mapping[str, Any]]) -> Item:
    """An item in plain Python. A number that is not whole stays a string: Gatepass writes none, and a string is within
    no limit, so it can only deny.
    """
    item: Item = {}
    for name, value in wire.items():
        ((kind, raw),) = value.items()
        if kind == "N":
            item[name] = int(raw) if raw.lstrip("-").isdigit() else raw
        else:
            item[name] = raw
    return item
