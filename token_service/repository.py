"""The control plane's access to the one table, on a low-level boto3 client."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from entitlements.items import Item, Key, StoreUnavailable, Wire, from_wire, item_to_wire
from entitlements.table import GSI_BY_SOLUTION
from token_service.errors import Busy, ConditionFailed, Throttled

CONFLICT_ATTEMPTS: Final = 6
CONFLICT_WAIT: Final = 0.05
"""Most seconds to wait before the first retry; the bound doubles with each further one (full jitter)."""
INSISTENT_ATTEMPTS: Final = 200
"""About 5 s of pauses in all. The call fails only if every attempt conflicts with another transaction."""
BATCH: Final = 100
"""The most keys that BatchGetItem accepts."""
THROTTLING: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
    # The same, as a cancelled transaction reports it for each of its items.
    | {"ProvisionedThroughputExceeded", "ThrottlingError"}
)

CONDITION_FAILED: Final = "ConditionalCheckFailed"
"""The code that a cancelled transaction reports for an action whose condition failed, in the order of the actions:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""


class Repository:
    """Reads and writes items. Also an `entitlements.items.Store`, for `/v1/validate`."""

    def __init__(self, client: Any, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._client, self._table, self._sleep = client, table, sleep

    def get_item(self, key: Key) -> Item | None:
        """Read one item, strongly consistent."""
        item = self._call("get_item", TableName=self._table, Key=key.wire, ConsistentRead=True).get("Item")
        return None if item is None else from_wire(item)

    def get_together(self, keys: Sequence[Key]) -> list[Item | None]:
        """Read several items in one transaction."""
        gets = [{"Get": {"TableName": self._table, "Key": key.wire}} for key in keys]
        response = self._retrying(lambda: self._call("transact_get_items", TransactItems=gets))
        found = [entry.get("Item") for entry in response["Responses"]]
        return [from_wire(item) if item else None for item in found]

    def get_many(self, keys: Iterable[Key]) -> Iterator[Item]:
        """Read items in batches, each strongly consistent. Yields those that exist, in the order of `keys`."""
        pending = iter(keys)
        while batch := list(islice(pending, BATCH)):
            found: dict[Key, Item] = {}
            left = [key.wire for key in batch]
            for attempt in range(CONFLICT_ATTEMPTS):
                request = {self._table: {"Keys": left, "ConsistentRead": True}}
                answer = self._call("batch_get_item", RequestItems=request)
                for item in map(from_wire, answer["Responses"].get(self._table, [])):
                    found[Key.of(item)] = item
                left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if not left:
                    break
                self._sleep(random.uniform(0, CONFLICT_WAIT * 2**attempt))  # noqa: S311 - jitter, not a secret
            else:
                raise Throttled("DynamoDB left keys of a batch read unprocessed: try again later")
            yield from (found[key] for key in batch if key in found)

    def update_item(self, request: Wire) -> tuple[bool, Item | None]:
        """Send an UpdateItem; a failed condition is an answer, not an error."""
        response = self._retrying(lambda: self._call("update_item", TableName=self._table, **request))
        applied = "Error" not in response
        item = response.get("Attributes" if applied else "Item")
        return applied, None if item is None else from_wire(item)

    def insist(self, request: Wire) -> bool:
        """Send an UpdateItem, and retry it while other writers are in its way; False if its condition failed.

        Other UpdateItems never conflict with it, and transactions only while they are in progress, so a retry after a
        short pause succeeds: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        """
        for _ in range(INSISTENT_ATTEMPTS):
            response = self._call("update_item", TableName=self._table, **request)
            if response.get("Error", {}).get("Code") != "TransactionConflictException":
                return "Error" not in response
            self._sleep(random.uniform(0, CONFLICT_WAIT))  # noqa: S311 - jitter, not a secret
        raise Busy("the entitlement is being changed by others: try again")

    def put_item(self, key: Key, attributes: Mapping[str, str | int | bool], condition: Wire | None = None) -> None:
        """Write a whole item; raises `ConditionFailed`. `condition` holds the expression's parameters."""
        put = {"TableName": self._table, "Item": key.wire | item_to_wire(attributes), **(condition or {})}
        response = self._retrying(lambda: self._call("put_item", **put))
        if "Error" in response:
            raise ConditionFailed

    def delete_item(self, key: Key) -> bool:
        """Delete an item; False if there was none."""
        delete = {"TableName": self._table, "Key": key.wire, "ReturnValues": "ALL_OLD"}
        return "Attributes" in self._retrying(lambda: self._call("delete_item", **delete))

    def take_item(self, key: Key, condition: Wire) -> Item | None:
        """Delete an item if a condition holds, and return it; None if it does not hold, or if there is no item.

        If several callers do this at once, only one gets the item. `condition` holds the expression's parameters.
        """
        response = self._retrying(
            lambda: self._call("delete_item", TableName=self._table, Key=key.wire, ReturnValues="ALL_OLD", **condition)
        )
        item = response.get("Attributes")
        return None if item is None else from_wire(item)

    def transact(self, actions: Sequence[tuple[str, Wire]]) -> None:
        """Write all or nothing: (`Put` | `Update` | `Delete` | `ConditionCheck`, parameters without TableName).

        Raises `ConditionFailed`, or `Busy` when other writers hold the items for too long.
        """
        items = [{kind: {"TableName": self._table, **parameters}} for kind, parameters in actions]
        response = self._retrying(lambda: self._call("transact_write_items", TransactItems=items))
        if "Error" in response:
            raise ConditionFailed

    def query(self, prefix: Key) -> Iterator[Item]:
        """All items of a partition whose sort key begins with that of `prefix`, in order."""
        yield from self._pages(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": prefix.pk}, ":sk": {"S": prefix.sk}},
            ConsistentRead=True,
        )

    def between(self, first: Key, last: Key) -> Iterator[Item]:
        """The items of a partition from one sort key to another, both included, in order."""
        yield from self._pages(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={":pk": {"S": first.pk}, ":first": {"S": first.sk}, ":last": {"S": last.sk}},
            ConsistentRead=True,
        )

    def users_of(self, solution_id: str) -> Iterator[str]:
        """The ids of all users with an entitlement to a solution, from the index (eventually consistent)."""
        found = self._pages(
            IndexName=GSI_BY_SOLUTION,
            KeyConditionExpression="solution_id = :s",
            ExpressionAttributeValues={":s": {"S": solution_id}},
        )
        yield from (item["user_id"] for item in found)

    def scan(self, prefix: Key, attributes: Sequence[str] = ()) -> Iterator[Item]:
        """All items of a kind, with all or some of their attributes. Reads the whole table: for operators only."""
        projection = {"ProjectionExpression": ", ".join(attributes)} if attributes else {}
        yield from self._scan([prefix], **projection)

    def scan_consistently(self, prefixes: Sequence[Key]) -> Iterator[Item]:
        """All items of several kinds in one scan that sees every write which was finished before it began.

        It reads the whole table, for twice the price of `scan`.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
        """
        yield from self._scan(prefixes, ConsistentRead=True)

    def scan_keys(self, prefix: Key) -> Iterator[Key]:
        """The keys of all items of a kind, as `scan`."""
        yield from map(Key.of, self.scan(prefix, Key._fields))

    def _scan(self, prefixes: Sequence[Key], **parameters: Any) -> Iterator[Item]:
        kinds, values = list[str](), dict[str, Wire]()
        for n, prefix in enumerate(prefixes):
            begins = {name: value for name, value in prefix._asdict().items() if value}
            kinds.append(" AND ".join(f"begins_with({name}, :{name}{n})" for name in begins))
            values |= {f":{name}{n}": {"S": value} for name, value in begins.items()}
        filter_ = " OR ".join(f"({kind})" for kind in kinds)
        yield from self._pages("scan", FilterExpression=filter_, ExpressionAttributeValues=values, **parameters)

    def _pages(self, operation: str = "query", **parameters: Any) -> Iterator[Item]:
        while True:
            page = self._call(operation, TableName=self._table, **parameters)
            yield from map(from_wire, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _retrying(self, call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Retry while the call conflicts with another transaction or a write of the gate."""
        for attempt in range(CONFLICT_ATTEMPTS):
            response = call()
            if response.get("Error", {}).get("Code") != "TransactionConflictException":
                return response
            self._sleep(random.uniform(0, CONFLICT_WAIT * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise Busy("the entitlement is being changed by others: try again")

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call DynamoDB. A failed condition or a conflict comes back as a response with `Error`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
            return response
        except ClientError as error:
            answer: dict[str, Any] = dict(error.response)
            code = answer.get("Error", {}).get("Code", "")
            if code in ("ConditionalCheckFailedException", "TransactionConflictException"):
                return answer
            if code == "TransactionCanceledException":
                codes = [reason.get("Code") for reason in answer.get("CancellationReasons", [])]
                # If there is both a failed condition and a conflict, report the condition: a retry cannot help.
                if CONDITION_FAILED in codes:
                    return {"Error": {"Code": "ConditionalCheckFailedException"}}
                if "TransactionConflict" in codes:
                    return {"Error": {"Code": "TransactionConflictException"}}
                if THROTTLING.intersection(codes):
                    code = "ThrottlingException"
            if code == "ResourceNotFoundException":
                region = self._client.meta.region_name
                raise StoreUnavailable(
                    f"there is no table {self._table} in the Region {region} of this account"
                ) from error
            message = answer.get("Error", {}).get("Message", "")
            kind = Throttled if code in THROTTLING else StoreUnavailable
            raise kind(f"DynamoDB refused {operation}: {code}: {message}") from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"DynamoDB gave no answer to {operation}: {error}") from error
