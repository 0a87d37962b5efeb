"""What meets an ongoing transaction. DynamoDB Local shows no conflict at will, so each case is one that AWS documents.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.memory_dynamodb import MemoryDynamoDB, Unsupported

ONE, OTHER = ({"pk": {"S": name}, "sk": {"S": "-"}} for name in ("one", "other"))
CHECK = {"ConditionCheck": {"TableName": "t", "Key": OTHER, "ConditionExpression": "attribute_exists(pk)"}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def table() -> MemoryDynamoDB:
    return MemoryDynamoDB(Clock())


def put(key: Any, **more: Any) -> Any:
    return {"Put": {"TableName": "t", "Item": key, **more}}


def code(error: pytest.ExceptionInfo[ClientError]) -> Any:
    response: Any = error.value.response
    return response["Error"]["Code"], [one["Code"] for one in response.get("CancellationReasons", [])]


@pytest.mark.parametrize(
    "write",
    [
        lambda table: table.put_item(Item=ONE),
        lambda table: table.delete_item(Key=ONE),
        lambda table: table.update_item(
            Key=ONE, UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": {"N": "1"}}
        ),
    ],
)
def test_a_write_of_an_item_in_an_ongoing_transaction_is_refused(
    table: MemoryDynamoDB, write: Callable[[MemoryDynamoDB], Any]
) -> None:
    begun = table.begin([put(ONE)])
    assert begun is not None
    with pytest.raises(ClientError) as error:
        write(table)
    assert code(error) == ("TransactionConflictException", [])
    table.commit(begun)
    write(table)


def test_a_transaction_meets_an_ongoing_one(table: MemoryDynamoDB) -> None:
    """The reasons are in the order of the actions; a condition that failed is told beside the conflict."""
    assert table.begin([put(ONE)]) is not None
    with pytest.raises(ClientError) as error:
        table.transact_write_items(TransactItems=[CHECK, put(ONE)])
    assert code(error) == ("TransactionCanceledException", ["ConditionalCheckFailed", "TransactionConflict"])
    table.transact_write_items(TransactItems=[put(OTHER)])


def test_an_item_that_is_only_checked_is_held_too(table: MemoryDynamoDB) -> None:
    table.put_item(Item=OTHER)
    assert table.begin([CHECK, put(ONE)]) is not None
    with pytest.raises(ClientError) as error:
        table.delete_item(Key=OTHER)
    assert code(error) == ("TransactionConflictException", [])


def test_transactional_reads_are_cancelled_and_other_reads_see_what_was_before(table: MemoryDynamoDB) -> None:
    begun = table.begin([put(ONE)])
    assert begun is not None
    with pytest.raises(ClientError) as error:
        table.transact_get_items(TransactItems=[{"Get": {"Key": OTHER}}, {"Get": {"Key": ONE}}])
    assert code(error) == ("TransactionCanceledException", ["None", "TransactionConflict"])
    assert table.get_item(Key=ONE) == {}
    table.commit(begun)
    assert table.get_item(Key=ONE) == {"Item": ONE}


def test_a_token_makes_a_repeated_transaction_one_for_ten_minutes_after_it_ended(table: MemoryDynamoDB) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    new = [put(ONE, ConditionExpression="attribute_not_exists(pk)")]
    begun = table.begin(new, "token")
    assert begun is not None
    with pytest.raises(ClientError) as error:
        table.begin(new, "token")
    assert code(error) == ("TransactionInProgressException", [])
    table.commit(begun)
    assert table.transact_write_items(TransactItems=new, ClientRequestToken="token") == {}
    with pytest.raises(ClientError) as error:
        table.transact_write_items(TransactItems=[put(OTHER)], ClientRequestToken="token")
    assert code(error) == ("IdempotentParameterMismatchException", [])
    clock: Any = table._clock
    clock.now = 601.0
    with pytest.raises(ClientError) as error:
        table.transact_write_items(TransactItems=new, ClientRequestToken="token")
    assert code(error) == ("TransactionCanceledException", ["ConditionalCheckFailed"])


def test_a_transaction_has_one_action_an_item(table: MemoryDynamoDB) -> None:
    with pytest.raises(ClientError, match="multiple operations on one item"):
        table.transact_write_items(TransactItems=[put(ONE), put(ONE)])


def test_a_write_that_changes_nothing_has_no_record(table: MemoryDynamoDB) -> None:
    table.put_item(Item=ONE)
    table.put_item(Item=ONE)
    assert [one["eventName"] for one in table.contents.stream] == ["INSERT"]


@pytest.mark.parametrize("expression", ["size(pk) > :n", "a.b = :n", "pk = ", "contains(pk, :n)"])
def test_an_unknown_expression_is_noticed(table: MemoryDynamoDB, expression: str) -> None:
    values = {":n": {"N": "1"}} if ":n" in expression else {}
    with pytest.raises(Unsupported):
        table.put_item(Item=ONE, ConditionExpression=expression, ExpressionAttributeValues=values)
