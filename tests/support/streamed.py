"""A table on DynamoDB Local whose stream is read and delivered as Lambda does it, and worse."""

import random
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import EndpointConnectionError

from entitlements.directory import Directory
from entitlements.items import Item
from gatepass.local.stream import TableStream
from tests.support import emulators
from tests.support.table import Table
from token_service.repository import Repository
from token_service.stream_handler import Consumer, Publish
from token_service.usage.daily import DailyUsage
from token_service.usage.notices import Notice
from token_service.usage.totals import SubjectDay, total

Raw = dict[str, Any]


class Faulty:
    """A DynamoDB client whose writes of transactions fail at random: before they reach the table, or after."""

    def __init__(self, client: Any, rng: random.Random, rate: float) -> None:
        self._client, self._rng, self._rate = client, rng, rate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **parameters: Any) -> Any:
        when = self._rng.random()
        if when < self._rate:
            raise EndpointConnectionError(endpoint_url="before")
        answer = self._client.transact_write_items(**parameters)
        if when < 2 * self._rate:
            raise EndpointConnectionError(endpoint_url="after")
        return answer


class Streamed:
    """The table, its stream, and a consumer."""

    def __init__(self, endpoint: str) -> None:
        self.table = Table(emulators.client("dynamodb", endpoint), f"t-{secrets.token_hex(6)}", stream=True)
        described = self.table.client.describe_table(TableName=self.table.name)["Table"]
        self.stream = TableStream(emulators.client("dynamodbstreams", endpoint), described["LatestStreamArn"])
        self.repository = Repository(self.table.client, self.table.name)
        self.published: list[Notice] = []

    def consumer(
        self, faults: random.Random | None = None, rate: float = 0.0, publish: Publish | None = None
    ) -> Consumer:
        return Consumer(self.usage(faults, rate), publish or self.published.extend)

    def usage(self, faults: random.Random | None = None, rate: float = 0.0) -> DailyUsage:
        client = self.table.client if faults is None else Faulty(self.table.client, faults, rate)
        repository = Repository(client, self.table.name, sleep=lambda _: None)
        return DailyUsage(repository, Directory(self.repository.get_item))

    def deliver(self, records: Sequence[Raw] | None = None) -> None:
        """Deliver records without a fault, by default those since the last time."""
        assert self.consumer().consume(self.stream.read() if records is None else records) is None

    def solution_days(self, solution_id: str) -> dict[str, dict[str, int]]:
        """The totals by day: the sums of the shards."""
        return self._days(f"usage#{solution_id}#", "day#", lambda item: item)

    def subject_days(self, solution_id: str) -> dict[str, dict[str, int]]:
        """The same, from the subjects' own days."""
        return self._days("use#", f"{solution_id}#", lambda item: dict(SubjectDay.from_item(item).counts))

    def _days(self, pk: str, sk: str, counts: Callable[[Item], Item]) -> dict[str, dict[str, int]]:
        by_day: dict[str, list[dict[str, int]]] = {}
        for item in self.table.all():
            if item["pk"].startswith(pk) and item["sk"].startswith(sk):
                numbers = {k: v for k, v in counts(item).items() if type(v) is int and k != "revision"}
                by_day.setdefault(item["sk"].rpartition("#")[2], []).append(numbers)
        return {day: summed for day, all_counts in sorted(by_day.items()) if (summed := total(all_counts))}


def deliver_in_order(consumer: Consumer, records: Sequence[Raw], rng: random.Random) -> None:
    """As Lambda: batches in order, again from the first failure; sometimes a whole batch or an older stretch again."""
    at, tries = 0, 0
    while at < len(records):
        tries += 1
        assert tries < 50 * len(records) + 50
        batch = records[at : at + rng.randint(1, 40)]
        failed = consumer.consume(batch)
        numbers = [one["dynamodb"]["SequenceNumber"] for one in batch]
        if failed is not None:
            at += numbers.index(failed)
        elif rng.random() < 0.2:  # the answer was lost
            at = rng.randint(max(0, at - 60), at)
        else:
            at += len(batch)


def deliver_at_once(consumer: Consumer, records: Sequence[Raw], rng: random.Random) -> None:
    """Twice at the same time, as when a function goes on after its time-out."""
    with ThreadPoolExecutor(2) as pool:
        seeds = [rng.random(), rng.random()]
        list(pool.map(lambda seed: deliver_in_order(consumer, records, random.Random(seed)), seeds))


def deliver_anyhow(consumer: Consumer, records: Sequence[Raw], rng: random.Random) -> None:
    """In any order, some of them several times, until each was taken once."""
    left = [*records, *rng.choices(records, k=len(records) // 3)]
    rng.shuffle(left)
    while left:
        batch, left = left[:30], left[30:]
        failed = consumer.consume(batch)
        if failed is not None:
            numbers = [one["dynamodb"]["SequenceNumber"] for one in batch]
            left += batch[numbers.index(failed) :]
