"""Whom a container has refused: a further refusal costs a visitor no call, and a user a read in place of a write."""

from typing import Final, NamedTuple

from entitlements.decision import Subject, Visitor
from entitlements.items import Item, Key

MAX_AGE: Final = 60.0
"""Seconds for which a visitor's item is remembered: who deletes it by hand sees that as soon as other changes."""
MAX_ENTRIES: Final = 4_000
"""Each takes about a kilobyte: together 4 MB of the function's least 128."""


class Known(NamedTuple):
    """A subject that its item refused."""

    key: Key
    item: Item
    """A visitor's counters, as they were. They only grow while the item lives, so what they refuse is refused now, at
    any cost, in any window, and under any configuration. Empty for users, whose items change in other ways, too.
    """
    read_at: float


class RefusedSubjects:
    """The last subjects that were refused, by what identifies them: of a user, the current token too."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[tuple[str, ...], Known] = {}

    def find(self, subject: Subject, solution_id: str, now: float) -> Known | None:
        """What is known of a subject; None for one that must be asked about with a write. `now` is in seconds."""
        known = self._known.get(_name(subject, solution_id))
        if known is None or not isinstance(subject, Visitor):
            return known
        # From `expires_at` on, DynamoDB may delete the item at any time, and the visitor starts afresh.
        if 0 <= now - known.read_at < MAX_AGE and now < known.item["expires_at"]:
            return known
        return None

    def add(self, subject: Subject, solution_id: str, item: Item | None, now: float) -> None:
        """Remember a refusal by the stored `item`. A full memory forgets the oldest."""
        kept: Item = {}
        if isinstance(subject, Visitor):
            kept = {name: value for name, value in (item or {}).items() if type(value) is int}
            if "expires_at" not in kept:
                return
        name = _name(subject, solution_id)
        self._known.pop(name, None)
        if len(self._known) >= MAX_ENTRIES:
            self._known.pop(next(iter(self._known)), None)
        self._known[name] = Known(subject.key(solution_id), kept, now)

    def forget(self, subject: Subject, solution_id: str) -> None:
        """Forget a subject."""
        self._known.pop(_name(subject, solution_id), None)


def _name(subject: Subject, solution_id: str) -> tuple[str, ...]:
    if isinstance(subject, Visitor):
        return subject.address_hash, solution_id
    return subject.user_id, subject.jti, solution_id
