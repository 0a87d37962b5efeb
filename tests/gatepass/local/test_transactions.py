"""moto's transactions, which the local stack does without copying the table: the same outcomes, at no table's size."""

import random
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item

# It puts the transactions in place of moto's.
import gatepass.local.aws  # noqa: F401
from gatepass.local import transactions

NAMES = ("first", "second", "no-stream", "plain")


def backend() -> DynamoDBBackend:
    """Two tables with streams, one without, and one whose key is its hash key alone."""
    made = DynamoDBBackend("us-east-1", "123456789012")
    for name in NAMES:
        keys = [("pk", "HASH")] + [("sk", "RANGE")] * (name != "plain")
        made.create_table(
            name,
            schema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
            throughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            attr=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
            global_indexes=[],
            indexes=[],
            streams=None if name == "no-stream" else {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            billing_mode="PAY_PER_REQUEST",
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
        )
    return made


def held(of: DynamoDBBackend) -> dict[str, Any]:
    """All items, and the changes of each stream without when they were made, which their size depends on."""
    found = dict[str, Any]()
    for name, table in of.tables.items():
        records = [one.to_json()["dynamodb"] for one in table.stream_shard.items] if table.stream_shard else []
        found[name] = (
            [item.to_json() for item in table.all_items()],
            [
                {key: record[key] for key in record.keys() - {"ApproximateCreationDateTime", "SizeBytes"}}
                for record in records
            ],
        )
    return found


def operation(chance: random.Random) -> dict[str, Any]:
    name = chance.choice((*NAMES, "missing") if chance.random() < 0.05 else NAMES)
    key = {"pk": {"S": chance.choice("ab")}} | ({} if name == "plain" else {"sk": {"S": chance.choice("xyz")}})
    kind = chance.choice(("Put", "Update", "Delete", "ConditionCheck"))
    what: dict[str, Any] = {"TableName": name}
    what |= {"Item": key | {"n": {"N": str(chance.randrange(9))}}} if kind == "Put" else {"Key": key}
    if kind == "Update":
        what["UpdateExpression"] = chance.choice(("SET n = :n", "ADD n :n", "SET missing = missing + :n"))
        what["ExpressionAttributeValues"] = {":n": {"N": str(chance.randrange(9))}}
    if kind == "ConditionCheck" or chance.random() < 0.2:
        what["ConditionExpression"] = chance.choice(("attribute_exists(pk)", "attribute_not_exists(pk)"))
        what["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {kind: what}


def outcome(call: Any, *arguments: Any) -> tuple[str, Any]:
    try:
        call(*arguments)
    except Exception as error:
        return type(error).__name__, getattr(error, "cancellation_reasons", None) or str(error)
    return "done", None


def test_transactions_end_as_in_moto_and_leave_the_same() -> None:
    ours, theirs, chance, ends = backend(), backend(), random.Random(5), dict[str, int]()
    for _ in range(400):
        given = [operation(chance) for _ in range(chance.randrange(1, 5))]
        end = outcome(ours.transact_write_items, given)
        assert end == outcome(transactions._moto, theirs, given), given
        assert held(ours) == held(theirs), given
        ends[end[0]] = ends.get(end[0], 0) + 1
    # Otherwise the operations above would not be worth much.
    assert min(ends["done"], ends["TransactionCanceledException"], ends["MultipleTransactionsException"]) > 20, ends


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """The items that are copied."""
    copied, copy = list[Item](), Item.__deepcopy__

    def counted(self: Item, memo: dict[int, Any]) -> Item:
        copied.append(self)
        return copy(self, memo)

    monkeypatch.setattr(Item, "__deepcopy__", counted)
    return copied


def test_a_transaction_copies_its_own_items_alone(copies: list[Item]) -> None:
    full = backend()
    given = [{"Put": {"TableName": "first", "Item": {"pk": {"S": "a"}, "sk": {"S": one}}}} for one in "xyz"]
    full.transact_write_items(given)
    at_first = len(copies)
    for number in range(100):
        full.put_item("first", {"pk": {"S": "b"}, "sk": {"S": str(number)}})
    copies.clear()
    full.transact_write_items(given)
    # Each transaction copies its items; that of an empty table has none to begin with.
    assert len(copies) <= at_first + 15
    copies.clear()
    transactions._moto(full, given)
    assert len(copies) > 300
