"""Tables on DynamoDB Local, filled fast: requests without a signature's cost, since an emulator checks none."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from itertools import repeat
from typing import Any, Final

from benchmarks.stage import CREDENTIALS, REGION
from benchmarks.world import entitlement, user_id
from entitlements.items import Item, item_to_wire
from entitlements.table import DEFINITION

BATCH: Final = 25
"""Items in one BatchWriteItem, DynamoDB's most."""
CHUNK: Final = 5_000
"""Entitlements that a process writes before it asks for more."""


class Client:
    """One connection to an emulator."""

    def __init__(self, endpoint: str) -> None:
        self._connection = HTTPConnection(endpoint.removeprefix("http://"))

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One call; raises `RuntimeError` with the answer if it is refused."""
        # DynamoDB Local keeps a database for each access key and Region: they must be the workers'.
        scope = f"{CREDENTIALS['AWS_ACCESS_KEY_ID']}/20260101/{REGION}/dynamodb/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        }
        self._connection.request("POST", "/", json.dumps(request), headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{operation}: {body.decode()}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def create(self, table: str) -> None:
        """Make the table, without its stream.

        DynamoDB Local keeps the stream's records in a table without a fitting index, and a write takes longer with
        every one before it (after 20,000 of them 25 times as long); the real one does nothing of the kind.
        """
        definition = {name: value for name, value in DEFINITION.items() if name != "StreamSpecification"}
        self.call("CreateTable", {"TableName": table, **definition})

    def write(self, table: str, items: Iterable[Item]) -> None:
        """Put items, whatever stood there before."""
        for batch in _batches(items):
            puts = [{"PutRequest": {"Item": item_to_wire(item)}} for item in batch]
            self.call("BatchWriteItem", {"RequestItems": {table: puts}})


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def write_entitlements(endpoint: str, table: str, count: int) -> None:
    """Give the users 0 to `count` - 1 their entitlements, from two processes."""
    starts = range(0, count, CHUNK)
    ends = (min(start + CHUNK, count) for start in starts)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_write_range, repeat(endpoint), repeat(table), starts, ends))


def _write_range(endpoint: str, table: str, start: int, end: int) -> None:
    Client(endpoint).write(table, (entitlement(user_id(n)) for n in range(start, end)))
