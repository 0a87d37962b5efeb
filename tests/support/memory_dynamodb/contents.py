"""The items of the one table, and the records of its stream."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.support.memory_dynamodb.expressions import KEY, Attributes

Id = tuple[str, str]


class Applied(NamedTuple):
    """One item before and after a write that was applied, also where they are equal."""

    id: Id
    old: Attributes | None
    new: Attributes | None


class Contents:
    """Items by key. Whoever reads one gets a copy; values are shared, and never changed in place."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        """With a clock, the stream is kept too, in the form of Lambda's `event["Records"]`."""
        self._partitions: dict[str, dict[str, Attributes]] = {}
        self._clock = clock
        self.stream: list[dict[str, Any]] = []
        self.applied: list[Callable[[list[Applied]], None]] = []
        """Called with the items of each write, all those of a transaction together."""

    def get(self, id: Id) -> Attributes | None:
        return self._partitions.get(id[0], {}).get(id[1])

    def partition(self, pk: str) -> dict[str, Attributes]:
        return self._partitions.get(pk, {})

    def __iter__(self) -> Iterator[Attributes]:
        for partition in self._partitions.values():
            yield from partition.values()

    def copy_from(self, other: "Contents") -> None:
        """Begin with the items of another table, and with an empty stream."""
        self._partitions = {pk: dict(items) for pk, items in other._partitions.items()}

    def apply(self, writes: list[tuple[Id, Attributes | None]]) -> None:
        """Write all items of one call; None deletes one."""
        applied = [Applied(id, self.get(id), new) for id, new in writes]
        for (pk, sk), _, new in applied:
            if new is not None:
                self._partitions.setdefault(pk, {})[sk] = new
            elif pk in self._partitions:
                self._partitions[pk].pop(sk, None)
        if self._clock is not None:
            self.stream += [
                self._record(one, len(self.stream) + n + 1)
                # A write that changes nothing has no record:
                # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
                for n, one in enumerate(change for change in applied if change.old != change.new)
            ]
        for listener in self.applied:
            listener(applied)

    def _record(self, change: Applied, number: int) -> dict[str, Any]:
        assert self._clock is not None
        there = change.new or change.old or {}
        images = {"OldImage": change.old, "NewImage": change.new}
        return {
            "eventID": f"{number:032}",
            "eventName": "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY",
            "dynamodb": {
                "ApproximateCreationDateTime": float(int(self._clock())),
                "Keys": {name: there[name] for name in KEY},
                "SequenceNumber": f"{number:021}",
                "StreamViewType": "NEW_AND_OLD_IMAGES",
                **{name: image for name, image in images.items() if image is not None},
            },
        }
