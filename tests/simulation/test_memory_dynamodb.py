"""The simulated table answers as DynamoDB does: the same random calls on it and on DynamoDB Local."""

import secrets
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from entitlements.table import DEFINITION
from gatepass.local.stream import TableStream
from tests.support import emulators
from tests.support.memory_dynamodb import MemoryDynamoDB
from tests.support.random_calls import KEYS, call

CALLS = 800


def answer(client: Any, operation: str, parameters: Any) -> Any:
    """What a call comes to: its answer, or its error with everything that the product reads of it."""
    try:
        found = dict(getattr(client, operation)(**parameters))
    except ClientError as error:
        response: Any = error.response
        reasons = [(one.get("Code"), one.get("Item")) for one in response.get("CancellationReasons", [])]
        return "refused", response["Error"]["Code"], response.get("Item"), reasons
    found.pop("ResponseMetadata", None)
    for unread in ("Count", "ScannedCount", "ConsumedCapacity"):
        found.pop(unread, None)
    if operation in ("batch_get_item", "scan"):
        items = found.pop("Items", None) or [one for several in found.pop("Responses", {}).values() for one in several]
        return sorted(items, key=repr_of)
    return found


def repr_of(item: Any) -> str:
    return repr(sorted(item.items()))


@pytest.fixture
def twins(dynamodb_local_endpoint: str) -> tuple[Any, MemoryDynamoDB, str]:
    client, name = emulators.client("dynamodb", dynamodb_local_endpoint), f"t-{secrets.token_hex(6)}"
    client.create_table(TableName=name, **DEFINITION)
    return client, MemoryDynamoDB(lambda: 0.0), name


def test_random_calls_have_the_answers_of_dynamodb_local(
    twins: tuple[Any, MemoryDynamoDB, str], dynamodb_local_endpoint: str
) -> None:
    """Answers, items, errors with `ALL_OLD`, reasons of cancellations in their order, and the records of the stream."""
    client, memory, name = twins
    random = Random(20261124)
    codes: set[str] = set()
    for number in range(CALLS):
        operation, parameters = call(random, name)
        wanted, found = answer(client, operation, parameters), answer(memory, operation, parameters)
        assert found == wanted, (number, operation, parameters)
        if isinstance(wanted, tuple):
            codes |= {wanted[1], *(code for code, _ in wanted[3])}
        if number % 100 == 0:
            assert everything(memory, name) == everything(client, name)
    assert everything(memory, name) == everything(client, name)
    assert codes >= {
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "ConditionalCheckFailed",
        "None",
        "ValidationException",
    }
    described = client.describe_table(TableName=name)["Table"]
    stream = TableStream(emulators.client("dynamodbstreams", dynamodb_local_endpoint), described["LatestStreamArn"])
    records = stream.read()
    for key in KEYS:
        assert of_item(memory.contents.stream, key) == of_item(records, key)


def everything(client: Any, name: str) -> Any:
    return answer(client, "scan", {"TableName": name, "ConsistentRead": True})


def of_item(records: Any, key: Any) -> Any:
    changes = [one for one in records if one["dynamodb"]["Keys"] == key]
    return [(one["eventName"], one["dynamodb"].get("OldImage"), one["dynamodb"].get("NewImage")) for one in changes]
