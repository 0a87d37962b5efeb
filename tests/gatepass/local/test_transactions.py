"""moto's transactions, which the local stack does without copying the table: the same outcomes, at no table's size."""

import random
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamRecord

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


@pytest.mark.parametrize("condition", ["attribute_not_exists(pk)", "attribute_exists(pk)"])
def test_a_table_may_be_named_by_its_arn_too(condition: str) -> None:
    """Where moto undoes nothing, so that it is no measure."""
    made = backend()
    names = ("first", made.tables["first"].table_arn)
    given = [
        {"Put": {"TableName": name, "Item": {"pk": {"S": "a"}, "sk": {"S": str(place)}}, "ConditionExpression": holds}}
        for place, (name, holds) in enumerate(zip(names, ("attribute_not_exists(pk)", condition), strict=True))
    ]
    done = outcome(made.transact_write_items, given)[0] == "done"
    assert done is (condition == "attribute_not_exists(pk)")
    items, records = held(made)["first"]
    assert len(items) == len(records) == (2 if done else 0)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The items and the records of streams that are copied."""
    copied, copy = list[Any](), Item.__deepcopy__

    def item(self: Item, memo: dict[int, Any]) -> Item:
        copied.append(self)
        return copy(self, memo)

    def record(self: StreamRecord, _: dict[int, Any]) -> StreamRecord:
        copied.append(self)
        return self

    monkeypatch.setattr(Item, "__deepcopy__", item)
    monkeypatch.setattr(StreamRecord, "__deepcopy__", record, raising=False)
    return copied


def test_a_transaction_copies_its_own_items_alone(copies: list[Any]) -> None:
    full = backend()
    given = [{"Put": {"TableName": "first", "Item": {"pk": {"S": "a"}, "sk": {"S": one}}}} for one in "xyz"]
    full.transact_write_items(given)
    full.transact_write_items(given)
    copies.clear()
    full.transact_write_items(given)
    usual = len(copies)
    for number in range(100):
        full.put_item("first", {"pk": {"S": "b"}, "sk": {"S": str(number)}})
    copies.clear()
    full.transact_write_items(given)
    assert len(copies) == usual
    copies.clear()
    transactions._moto(full, given)
    assert len(copies) > 600  # items and records, once for each of the three
