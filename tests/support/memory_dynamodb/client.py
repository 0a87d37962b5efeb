"""The calls, shaped as those of boto3's client."""

# ruff: noqa: N803 - the parameters have boto3's names

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.support.memory_dynamodb.contents import Contents, Id
from tests.support.memory_dynamodb.expressions import (
    KEY,
    Attributes,
    Invalid,
    Unsupported,
    condition_of,
    names_of,
    placeholders,
    update_of,
)

CONDITION_FAILED = "The conditional request failed"
ONGOING = "Transaction is ongoing for the item"
MOST_ACTIONS = 100
TOKEN_SECONDS = 600
"""For so long a transaction with the same token and content is the same transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""


def refused(operation: str, code: str, message: str = "", **more: Any) -> ClientError:
    """DynamoDB's answer to a call that it does not carry out."""
    answer: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(answer, operation)


class Ongoing:
    """A transaction between its two phases: whoever writes one of its items meanwhile meets a conflict."""

    def __init__(self, writes: list[tuple[Id, Attributes | None]], held: list[Id], token: str, actions: object) -> None:
        self.writes, self.held, self.token, self.actions = writes, held, token, actions


class MemoryDynamoDB:
    """One table. With a clock it has a stream, and remembers the tokens of transactions."""

    meta = SimpleNamespace(endpoint_url="http://memory.invalid", region_name="us-east-1")

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.contents, self._clock = Contents(clock), clock
        self._ongoing: dict[Id, Ongoing] = {}
        self._tokens: dict[str, tuple[object, float]] = {}

    def create_table(self, **definition: Any) -> None:
        """There is one table alone."""

    # ---- reads -------------------------------------------------------------------------------------------------------

    def get_item(self, *, Key: Attributes, **_: Any) -> dict[str, Any]:
        found = self.contents.get(_id(Key))
        return {} if found is None else {"Item": dict(found)}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        responses: dict[str, list[Attributes]] = {}
        for table, request in RequestItems.items():
            ids = [_id(key) for key in request["Keys"]]
            if not 0 < len(ids) <= MOST_ACTIONS or len(set(ids)) != len(ids):
                raise _invalid("BatchGetItem", "Provided list of item keys contains duplicates")
            responses[table] = [dict(item) for item in map(self.contents.get, ids) if item is not None]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def transact_get_items(self, *, TransactItems: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        ids = [_id(one["Get"]["Key"]) for one in TransactItems]
        self._require_free("TransactGetItems", ids)
        found = map(self.contents.get, ids)
        return {"Responses": [{} if item is None else {"Item": dict(item)} for item in found]}

    def query(
        self,
        *,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Attributes,
        IndexName: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        holds, values = condition_of(KeyConditionExpression), ExpressionAttributeValues
        if IndexName:
            return {"Items": self._of_index(holds, values)}
        partition = self.contents.partition(values[":pk"]["S"])
        found = [partition[sk] for sk in sorted(partition) if holds(partition[sk], {}, values)]
        return {"Items": [dict(item) for item in found]}

    def _of_index(self, holds: Any, values: Attributes) -> list[Attributes]:
        """The one index, which has the keys of the items with both its attributes."""
        names = ("solution_id", "user_id")
        kept = [{name: item[name] for name in (*KEY, *names)} for item in self.contents if set(names) <= item.keys()]
        return sorted((one for one in kept if holds(one, {}, values)), key=lambda one: one["user_id"]["S"])

    def scan(
        self,
        *,
        FilterExpression: str = "",
        ExpressionAttributeValues: Attributes | None = None,
        ProjectionExpression: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        holds = condition_of(FilterExpression) if FilterExpression else lambda *_: True
        wanted = [name.strip() for name in ProjectionExpression.split(",")] if ProjectionExpression else None
        found = [item for item in self.contents if holds(item, {}, ExpressionAttributeValues or {})]
        return {"Items": [{k: v for k, v in item.items() if k in wanted} if wanted else dict(item) for item in found]}

    # ---- writes ------------------------------------------------------------------------------------------------------

    def put_item(self, *, Item: Attributes, ReturnValues: str = "NONE", **options: Any) -> dict[str, Any]:
        return self._write("PutItem", "Put", {"Item": Item, **options}, ReturnValues)

    def delete_item(self, *, ReturnValues: str = "NONE", **options: Any) -> dict[str, Any]:
        return self._write("DeleteItem", "Delete", options, ReturnValues)

    def update_item(self, *, ReturnValues: str = "NONE", **options: Any) -> dict[str, Any]:
        return self._write("UpdateItem", "Update", options, ReturnValues)

    def _write(self, operation: str, kind: str, options: Mapping[str, Any], returned: str) -> dict[str, Any]:
        id = _id(options.get("Key") or options["Item"])
        _require_used(operation, options)
        if id in self._ongoing:
            raise refused(operation, "TransactionConflictException", ONGOING)
        old = self.contents.get(id)
        if not _holds(old, options):
            raise refused(operation, "ConditionalCheckFailedException", CONDITION_FAILED, **_explained(old, options))
        new = _changed(operation, kind, old, options)
        self.contents.apply([(id, new)])
        shown = new if returned == "ALL_NEW" else old if returned == "ALL_OLD" else None
        return {} if shown is None else {"Attributes": dict(shown)}

    # ---- transactions ------------------------------------------------------------------------------------------------

    def transact_write_items(
        self, *, TransactItems: list[dict[str, Any]], ClientRequestToken: str = "", **_: Any
    ) -> dict[str, Any]:
        begun = self.begin(TransactItems, ClientRequestToken)
        if begun is not None:
            self.commit(begun)
        return {}

    def begin(self, actions: list[dict[str, Any]], token: str = "") -> Ongoing | None:
        """The first phase: conditions hold, and nobody else writes any of the items until the second one.

        None for a transaction that was carried out before.
        """
        operation, parts = "TransactWriteItems", [next(iter(action.items())) for action in actions]
        ids = [_id(parameters.get("Key") or parameters["Item"]) for _, parameters in parts]
        if not 0 < len(ids) <= MOST_ACTIONS or len(set(ids)) != len(ids):
            raise _invalid(operation, "Transaction request cannot include multiple operations on one item")
        for _, parameters in parts:
            _require_used(operation, parameters)
        if self._seen(operation, token, actions):
            return None
        if token and any(one.token == token for one in self._ongoing.values()):
            raise refused(operation, "TransactionInProgressException")
        reasons: list[dict[str, Any]] = []
        for id, (_, parameters) in zip(ids, parts, strict=True):
            old = self.contents.get(id)
            if id in self._ongoing:
                reasons.append({"Code": "TransactionConflict", "Message": ONGOING})
            elif not _holds(old, parameters):
                failed = {"Code": "ConditionalCheckFailed", "Message": CONDITION_FAILED}
                reasons.append(failed | _explained(old, parameters))
            else:
                reasons.append({"Code": "None"})
        # First, since DynamoDB Local refuses a transaction with an update that it cannot carry out, whatever else holds.
        writes = [
            (id, _changed(operation, kind, self.contents.get(id), parameters))
            for id, (kind, parameters), reason in zip(ids, parts, reasons, strict=True)
            if kind != "ConditionCheck" and reason["Code"] == "None"
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _cancelled(operation, reasons)
        begun = Ongoing(writes, ids, token, actions)
        self._ongoing |= dict.fromkeys(ids, begun)
        return begun

    def commit(self, begun: Ongoing) -> None:
        """The second phase."""
        for id in begun.held:
            del self._ongoing[id]
        if begun.token and self._clock is not None:
            self._tokens[begun.token] = begun.actions, self._clock()
        self.contents.apply(begun.writes)

    def _seen(self, operation: str, token: str, actions: object) -> bool:
        if self._clock is None or token not in self._tokens:
            return False
        known, at = self._tokens[token]
        if self._clock() - at > TOKEN_SECONDS:
            return False
        if known != actions:
            raise refused(operation, "IdempotentParameterMismatchException")
        return True

    def _require_free(self, operation: str, ids: Iterable[Id]) -> None:
        reasons = [
            {"Code": "TransactionConflict", "Message": ONGOING} if id in self._ongoing else {"Code": "None"}
            for id in ids
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _cancelled(operation, reasons)


def _id(key: Attributes) -> Id:
    pk, sk = key["pk"]["S"], key["sk"]["S"]
    if not pk or not sk:
        raise _invalid("", "One or more parameter values are not valid: an empty string value for a key attribute")
    return pk, sk


def _invalid(operation: str, message: str) -> ClientError:
    return refused(operation, "ValidationException", message)


def _cancelled(operation: str, reasons: list[dict[str, Any]]) -> ClientError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return refused(operation, "TransactionCanceledException", message, CancellationReasons=reasons)


def _require_used(operation: str, options: Mapping[str, Any]) -> None:
    """DynamoDB refuses a call that defines a name or a value without using it, and the other way round."""
    expressions = options.get("ConditionExpression", ""), options.get("UpdateExpression", "")
    given = options.get("ExpressionAttributeNames", {})
    names, values = placeholders(*expressions)
    if names != given.keys():
        raise _invalid(operation, f"the expressions use the names {sorted(names)}")
    if expressions[1]:
        changed = [given.get(name, name) for name in names_of(expressions[1])]
        if len(set(changed)) < len(changed):
            raise _invalid(operation, "Invalid UpdateExpression: Two document paths overlap with each other")
    if values != options.get("ExpressionAttributeValues", {}).keys():
        raise _invalid(operation, f"the expressions use the values {sorted(values)}")


def _holds(old: Attributes | None, options: Mapping[str, Any]) -> bool:
    condition = options.get("ConditionExpression")
    if not condition:
        return True
    names, values = options.get("ExpressionAttributeNames", {}), options.get("ExpressionAttributeValues", {})
    try:
        return condition_of(condition)(old or {}, names, values)
    except Invalid as error:
        raise _invalid("", f"Invalid ConditionExpression: {error}") from error


def _explained(old: Attributes | None, options: Mapping[str, Any]) -> dict[str, Any]:
    wanted = options.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return {"Item": dict(old)} if wanted and old is not None else {}


def _changed(operation: str, kind: str, old: Attributes | None, options: Mapping[str, Any]) -> Attributes | None:
    if kind == "Put":
        return dict(options["Item"])
    if kind == "Delete":
        return None
    if kind != "Update":
        raise Unsupported(kind)
    names, values = options.get("ExpressionAttributeNames", {}), options.get("ExpressionAttributeValues", {})
    try:
        return update_of(options["UpdateExpression"])(old if old is not None else options["Key"], names, values)
    except Invalid as error:
        raise _invalid(operation, f"Invalid UpdateExpression: {error}") from error
