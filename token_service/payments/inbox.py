"""The events that Razorpay sent, and which of them are not finished. Each is stored before it is answered."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from entitlements.items import Item, Key, event_key, item_to_wire, to_do_key, to_do_prefix
from token_service.access.records import Action, put_new, timestamp
from token_service.errors import ConditionFailed
from token_service.payments.ledger import Cover
from token_service.repository import Repository

DAY: Final = 86_400
KEPT_DAYS: Final = 90
"""How long a finished event, and one that means nothing here, is kept."""
RETRY_DAYS: Final = 3
"""How long a payment without a match is tried again. It stays listed after that."""
FIRST_PAUSE: Final = 60
LONGEST_PAUSE: Final = 3_600

DUE, UNMATCHED, UNKNOWN, LAPSE = "due", "unmatched", "unknown", "lapse"


@dataclass(frozen=True, slots=True)
class ToDo:
    """Something to finish: an event, or a plan that lapses while an earlier purchase still applies.

    `next_at` (seconds since the epoch) is 0 if it is not tried again by itself.
    """

    key: Key
    state: str
    event_id: str = ""
    event: str = ""
    reason: str = ""
    attempts: int = 0
    received_at: int = 0
    next_at: int = 0
    user_id: str = ""
    solution: str = ""

    @property
    def is_lapse(self) -> bool:
        """Whether it is no event. A lapse that was tried and put off is `due`, too."""
        return not self.event_id

    @classmethod
    def from_item(cls, key: Key, item: Item) -> "ToDo":
        """Read a stored entry."""
        return cls(key, **{name: item[name] for name in cls.__slots__ if name in item and name != "key"})


class Inbox:
    """Stores events, and lists what is to do."""

    def __init__(self, repository: Repository) -> None:
        """With the table's client."""
        self._repository = repository

    def store(self, event_id: str, event: str, body: str, now: int) -> ToDo | None:
        """Store a signed event with its entry; None if it is stored and finished. Raises `StoreUnavailable`."""
        entry = to_do_key(timestamp(now), event_id)
        attributes: dict[str, str | int] = {"event_id": event_id, "event": event, "received_at": now}
        stored = {**attributes, "body": body, "entry": entry.sk}
        waiting = {**attributes, "state": DUE, "attempts": 0, "next_at": now + FIRST_PAUSE}
        with suppress(ConditionFailed):
            self._repository.transact([put_new(event_key(event_id), stored), put_new(entry, waiting)])
            return ToDo.from_item(entry, waiting)
        known = self._repository.get_item(event_key(event_id)) or {}
        if "entry" not in known:
            return None
        entry = entry._replace(sk=known["entry"])
        item = self._repository.get_item(entry)
        return None if item is None else ToDo.from_item(entry, item)

    def body(self, event_id: str) -> str:
        """The text of a stored event; empty if it is no longer there."""
        item = self._repository.get_item(event_key(event_id))
        return "" if item is None else str(item["body"])

    def entries(self) -> Iterator[ToDo]:
        """Everything that is not finished, oldest first."""
        for item in self._repository.query(to_do_prefix()):
            yield ToDo.from_item(Key.of(item), item)

    def finish(self, entry: ToDo, now: int) -> None:
        """Nothing is left to do."""
        if entry.event_id:
            self._expire(event_key(entry.event_id), now)
        self._repository.delete_item(entry.key)

    def postpone(self, entry: ToDo, state: str, reason: str, now: int) -> None:
        """Keep an entry: `due` to be tried again, `unmatched` for some days too, `unknown` only to be looked at."""
        pause = min(FIRST_PAUSE * 2 ** min(entry.attempts, 10), LONGEST_PAUSE)
        stop = state == UNKNOWN or (state == UNMATCHED and now - entry.received_at > RETRY_DAYS * DAY)
        values: dict[str, str | int] = {
            "state": state,
            "reason": reason,
            "attempts": entry.attempts + 1,
            "next_at": 0 if stop else now + pause,
        }
        if state == UNKNOWN:
            values["expires_at"] = now + KEPT_DAYS * DAY
            self._expire(event_key(entry.event_id), now)
        self._update(entry.key, values)

    def _expire(self, key: Key, now: int) -> None:
        self._update(key, {"expires_at": now + KEPT_DAYS * DAY})

    def _update(self, key: Key, values: Mapping[str, str | int]) -> None:
        names = {f"#{n}": name for n, name in enumerate(values)}
        self._repository.update_item(
            {
                "Key": key.wire,
                "UpdateExpression": "SET " + ", ".join(f"#{n} = :{n}" for n in range(len(values))),
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": item_to_wire({f":{n}": value for n, value in enumerate(values.values())}),
            }
        )


def lapse_action(
    user_id: str, solution_id: str, cover: Cover | None, covers: Sequence[Cover], now: int
) -> tuple[Action, ...]:
    """The entry for the moment at which a plan will lapse and an earlier purchase apply again, if there is one."""
    if cover is None or cover.until is None or not cover.applies(now):
        return ()
    until = cover.until
    if not any(other.applies(until) for other in covers if other != cover):
        return ()
    key = to_do_key(timestamp(until), f"{user_id}#{solution_id}")
    entry: dict[str, str | int] = {
        "state": LAPSE,
        "next_at": until + 1,
        "user_id": user_id,
        "solution": solution_id,
        "received_at": until,
    }
    return (("Put", {"Item": key.wire | item_to_wire(entry)}),)
