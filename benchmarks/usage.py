"""A million changes through the consumer of the table's stream, on DynamoDB Local: `python -m benchmarks.usage`.

The totals must be exact. What is measured: changes a second, CPU of the function, and the units that DynamoDB would
bill, for batches as large as the template asks for. A change is a record of a request by one of many subjects, of which
few are busy and most are not; one batch in fifty is delivered twice.
"""

import argparse
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import boto3
from botocore.config import Config

from benchmarks.stage import CREDENTIALS, REGION
from benchmarks.tables import Client
from benchmarks.world import configuration, solution, user_id
from entitlements.directory import Directory
from entitlements.items import Item, Key, entitlement_key, usage_key, visitor_key
from tests.support.emulators import dynamodb_local
from tests.support.events import stream
from tests.support.signer import SOLUTION
from token_service.repository import Repository
from token_service.stream_handler import Consumer
from token_service.usage.daily import SHARDS, DailyUsage
from token_service.usage.totals import total

BATCH: Final = 1_000
SUBJECTS_PER_CHANGE: Final = 0.02
AT: Final = 1_795_478_400.0
DAYS: Final = ("20261122", "20261123", "20261124")
PRICES: Final = {"write": 0.625, "read": 0.125, "GB-s": 16.6667, "put": 1.0}
"""US dollars for a million, in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/ and
https://aws.amazon.com/lambda/pricing/
"""
MEMORY_GB: Final = 0.5


class Metered:
    """A DynamoDB client that adds up what its calls would be billed: each item is below 1 KB, and below 4 KB.

    A transaction's writes count twice:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.units: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **parameters: Any) -> Any:
        """Meter and call."""
        self.units["write"] += 2 * len(parameters["TransactItems"])
        return self._client.transact_write_items(**parameters)

    def batch_get_item(self, **parameters: Any) -> Any:
        """Meter and call."""
        self.units["read"] += sum(len(table["Keys"]) for table in parameters["RequestItems"].values())
        return self._client.batch_get_item(**parameters)


class Result(NamedTuple):
    """What a run came to. Times in seconds."""

    changes: int
    delivered: int
    exact: bool
    wall: float
    cpu: float
    units: Mapping[str, int]

    def report(self) -> str:
        """The figures, for people."""
        million = 1e6 / self.changes
        writes, reads = self.units["write"] / self.changes, self.units["read"] / self.changes
        compute = self.wall * MEMORY_GB * PRICES["GB-s"] / 1e6 * million
        storage = writes * PRICES["write"] + reads * PRICES["read"]
        return "\n".join(
            (
                f"changes             {self.changes:,} ({self.delivered:,} delivered)",
                f"totals              {'exact' if self.exact else 'WRONG'}",
                f"changes a second    {self.changes / self.wall:,.0f} by one consumer, DynamoDB Local included",
                f"CPU of the function {self.cpu * 1e6 / self.changes:,.0f} us a change",
                f"DynamoDB            {writes:.2f} write units and {reads:.2f} read units a change",
                f"cost of a million   ${storage + compute:.2f}: DynamoDB ${storage:.2f}, Lambda at most ${compute:.2f}",
            )
        )


def changes(number: int, rng: random.Random, expected: Counter[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Records of requests, day after day, as the stream has them. Adds to `expected` what must be counted."""
    subjects = max(1, int(number * SUBJECTS_PER_CHANGE))
    used: dict[tuple[str, Key], int] = {}
    for n in range(number):
        day = DAYS[n * len(DAYS) // number]
        # The cube of an even distribution: a tenth of the subjects make half of the changes.
        index = int(subjects * rng.random() ** 3)
        visitor = index % 10 == 0
        key = visitor_key(f"{index:064x}", SOLUTION) if visitor else entitlement_key(user_id(index), SOLUTION)
        before = used.get((day, key), 0)
        cost = rng.choice((1, 1, 1, 2))
        used[day, key] = before + cost
        plan = "anonymous" if visitor else ("registered", "pro")[index % 2]
        expected[day, f"units#{plan}"] += cost
        if not before:
            expected[day, "visitors" if visitor else "users"] += 1
        old = None if visitor and not before else _image(plan, day, before)
        record = stream(key, "INSERT" if old is None else "MODIFY", old, _image(plan, day, before + cost), AT)
        record["dynamodb"]["SequenceNumber"] = str(n)
        yield record


def _image(plan: str, day: str, used: int) -> Item:
    """An item as the gate leaves it."""
    counters = {f"d{day}": used} if used else {}
    return {"status": "active", "plan": plan, "jti": "j" * 43, "generation": "g" * 22, "total": used, **counters}


def _batches(records: Iterator[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    while batch := list(islice(records, BATCH)):
        yield batch


def _cpu() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def run(endpoint: str, number: int) -> Result:
    """Consume that many changes, and compare what was counted."""
    table, rng = f"usage-{time.time_ns()}", random.Random(1)  # noqa: S311 - a workload
    setting_up = Client(endpoint)
    setting_up.create(table)
    setting_up.write(table, configuration(solution()))
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    session = boto3.session.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    client = Metered(session.client("dynamodb", region_name=REGION, endpoint_url=endpoint, config=config))
    repository = Repository(client, table)
    consumer = Consumer(DailyUsage(repository, Directory(repository.get_item)), lambda notices: None)
    expected: Counter[tuple[str, str]] = Counter()
    wall = cpu = 0.0
    delivered = 0
    for batch in _batches(changes(number, rng, expected)):
        for _ in range(2 if rng.random() < 0.02 else 1):
            began, began_cpu = time.perf_counter(), _cpu()
            if consumer.consume(batch) is not None:
                raise RuntimeError("a batch was not counted")
            wall, cpu = wall + time.perf_counter() - began, cpu + _cpu() - began_cpu
            delivered += len(batch)
    counted = {
        day: total(
            {name: value for name, value in item.items() if type(value) is int and name != "revision"}
            for item in repository.get_many(usage_key(SOLUTION, shard, day) for shard in range(SHARDS))
        )
        for day in DAYS
    }
    wanted = {day: {name: value for (on, name), value in expected.items() if on == day} for day in DAYS}
    return Result(number, delivered, counted == wanted, wall, cpu, client.units)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usage", description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000_000, metavar="N")
    options = parser.parse_args()
    with dynamodb_local() as endpoint:
        result = run(endpoint, options.changes)
    print(result.report())
    sys.exit(not result.exact)


if __name__ == "__main__":
    main()
