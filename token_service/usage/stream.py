"""What a record of the table's stream means. Pure.

The images carry absolute counters, so a record says how far a count has come, and not what to add. Whatever is
delivered twice, late, or in another order says nothing new. Records:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from entitlements.items import (
    Item,
    Key,
    audit_prefix,
    entitlement_prefix,
    from_wire,
    payment_prefix,
    visitor_prefix,
)
from entitlements.plans import ANONYMOUS
from entitlements.windows import window_of

EventName = Literal["INSERT", "MODIFY", "REMOVE"]
EffectivePlan = Callable[[str, str, int | None, float], str]
"""From a solution's id, a plan's name, `paid_until` and a time to the plan that applied then."""

_KINDS: Final[tuple[tuple[str, Key], ...]] = (
    ("entitlement", entitlement_prefix()),
    ("visitor", visitor_prefix()),
    ("audit", audit_prefix()),
    ("payment", payment_prefix()),
)


class Malformed(Exception):
    """A record that no table of Gatepass produces."""


class StreamRecord(NamedTuple):
    """One change of one item. `at` is in seconds since the epoch, to the second as DynamoDB rounds it."""

    sequence: str
    event: EventName
    key: Key
    old: Item | None
    new: Item | None
    at: float

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "StreamRecord":
        """From a record as Lambda delivers it. Raises `Malformed`."""
        try:
            change = raw["dynamodb"]
            old, new = change.get("OldImage"), change.get("NewImage")
            return cls(
                sequence=change["SequenceNumber"],
                event=raw["eventName"],
                key=Key.of(from_wire(change["Keys"])),
                old=None if old is None else from_wire(old),
                new=None if new is None else from_wire(new),
                at=float(change["ApproximateCreationDateTime"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed(f"a record of the stream has no usable {error}") from error

    @property
    def kind(self) -> str:
        """`entitlement`, `visitor`, `audit`, `payment`, or empty for an item that counts nothing."""
        for kind, prefix in _KINDS:
            if self.key.pk.startswith(prefix.pk) and self.key.sk.startswith(prefix.sk):
                return kind
        return ""


class Level(NamedTuple):
    """How many units a user or visitor had used of a solution on a day, at some moment, and under which plan."""

    subject: str
    visitor: bool
    solution: str
    day: str
    """`YYYYMMDD`, in the solution's time zone."""
    plan: str
    used: int
    baseline: bool = False
    """Whether the units were used before the item was created: an imported entitlement carries those of another table,
    and one that takes over what a deleted account left those of that account. They are the start, not use."""


def levels(record: StreamRecord, effective: EffectivePlan) -> Iterator[Level]:
    """The levels that a record of an entitlement or a visitor tells of.

    Only days whose counter changed; but with the first request of a day also the other days in the item, so that what
    was lost of yesterday's last records is found.
    """
    if record.new is None:
        return
    visitor = record.kind == "visitor"
    solution = record.key.sk.partition("#")[2]

    def level(item: Item, day: str, used: int, baseline: bool = False) -> Level:
        plan = (
            ANONYMOUS if visitor else effective(solution, str(item.get("plan", "")), item.get("paid_until"), record.at)
        )
        return Level(record.key.subject, visitor, solution, day, plan, used, baseline)

    old, new = _days(record.old or {}), _days(record.new)
    if record.event == "INSERT" and not visitor:
        yield from (level(record.new, day, used, baseline=True) for day, used in new.items())
        return
    began = not new.keys() <= old.keys()
    for day, used in new.items():
        before = old.get(day, 0)
        if used == before and not began:
            continue
        if before and record.old is not None:
            yield level(record.old, day, before)
        if used != before:
            yield level(record.new, day, used)


def _days(item: Item) -> dict[str, int]:
    """The counters of days in an item, by day."""
    return {
        name[1:]: count
        for name, count in item.items()
        if name[0] == "d" and type(count) is int and (window := window_of(name)) is not None and window.name == "day"
    }
