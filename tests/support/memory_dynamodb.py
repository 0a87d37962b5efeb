"""DynamoDB in a dictionary, for tests that make millions of calls. Only the expressions that Gatepass sends.

Whatever it does not know raises `ValueError`, so a new kind of expression is noticed. That it answers as DynamoDB does
is held by running the same tests on DynamoDB Local.
"""

# ruff: noqa: N803 - the parameters have boto3's names

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

Attributes = dict[str, dict[str, Any]]
Holds = Callable[[Mapping[str, Any], Mapping[str, str], Mapping[str, Any]], bool]
_TOKEN = re.compile(r"\s*(\(|\)|,|<>|<=|>=|=|<|>|[#:]?[A-Za-z_][A-Za-z0-9_]*)")
_WORDS = {"AND": " and ", "OR": " or ", "NOT": " not ", "=": " == ", "<>": " != "}
_FUNCTIONS = {"attribute_exists": "exists", "attribute_not_exists": "missing", "begins_with": "begins"}


class MemoryDynamoDB:
    """Shaped as boto3's client."""

    meta = SimpleNamespace(endpoint_url="http://memory.invalid", region_name="us-east-1")

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Attributes] = {}

    def create_table(self, **definition: Any) -> None:
        """There is one table alone."""

    def get_item(self, *, Key: Attributes, **_: Any) -> dict[str, Any]:
        found = self.items.get(_id(Key))
        return {} if found is None else {"Item": dict(found)}

    def query(self, *, KeyConditionExpression: str, ExpressionAttributeValues: Attributes, **_: Any) -> dict[str, Any]:
        if KeyConditionExpression != "pk = :pk AND begins_with(sk, :sk)":
            raise ValueError(KeyConditionExpression)
        pk, sk = ExpressionAttributeValues[":pk"]["S"], ExpressionAttributeValues[":sk"]["S"]
        keys = sorted(key for key in self.items if key[0] == pk and key[1].startswith(sk))
        return {"Items": [dict(self.items[key]) for key in keys]}

    def scan(self, **_: Any) -> dict[str, Any]:
        return {"Items": [dict(item) for item in self.items.values()]}

    def put_item(self, *, Item: Attributes, **condition: Any) -> dict[str, Any]:
        self._require(_id(Item), condition)
        self.items[_id(Item)] = deepcopy(Item)
        return {}

    def delete_item(self, *, Key: Attributes, ReturnValues: str = "NONE", **condition: Any) -> dict[str, Any]:
        self._require(_id(Key), condition)
        old = self.items.pop(_id(Key), None)
        return {"Attributes": old} if old is not None and ReturnValues == "ALL_OLD" else {}

    def update_item(self, *, Key: Attributes, UpdateExpression: str, **options: Any) -> dict[str, Any]:
        self._require(_id(Key), options, UpdateExpression)
        item = dict(self.items.get(_id(Key), Key))
        names, values = options.get("ExpressionAttributeNames", {}), options.get("ExpressionAttributeValues", {})
        for clause, path, value in _clauses(UpdateExpression):
            name = names.get(path, path)
            if clause == "REMOVE":
                item.pop(name, None)
            elif clause == "SET":
                item[name] = values[value]
            else:
                item[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(values[value]["N"]))}
        self.items[_id(Key)] = item
        return {"Attributes": dict(item)} if options.get("ReturnValues") == "ALL_NEW" else {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in TransactItems]
        keys = [_id(parameters.get("Key") or parameters["Item"]) for _, parameters in actions]
        if len(set(keys)) != len(keys) or not 0 < len(keys) <= 100:
            raise ValueError("a transaction has at most 100 actions, each on another item")
        failed = [
            not self._holds(key, parameters, parameters.get("UpdateExpression", ""))
            for key, (_, parameters) in zip(keys, actions, strict=True)
        ]
        if any(failed):
            reasons = [{"Code": "ConditionalCheckFailed" if one else "None"} for one in failed]
            cancelled: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(cancelled, "TransactWriteItems")
        write: dict[str, Callable[..., object]] = {
            "Put": self.put_item,
            "Update": self.update_item,
            "Delete": self.delete_item,
            "ConditionCheck": lambda **_: None,
        }
        for kind, parameters in actions:
            write[kind](**parameters)
        return {}

    def _require(self, key: tuple[str, str], options: Mapping[str, Any], update: str = "") -> None:
        if not self._holds(key, options, update):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")

    def _holds(self, key: tuple[str, str], options: Mapping[str, Any], update: str) -> bool:
        condition = options.get("ConditionExpression", "")
        names, values = options.get("ExpressionAttributeNames", {}), options.get("ExpressionAttributeValues", {})
        used = set(re.findall(r"[#:]\w+", f"{condition} {update}"))
        if used != {*names, *values}:
            raise ValueError(f"used {used}, given {[*names, *values]}")
        item = self.items.get(key, {})
        return not condition or _condition(condition)(item, names, values)


def _id(key: Attributes) -> tuple[str, str]:
    pk, sk = key["pk"]["S"], key["sk"]["S"]
    if not pk or not sk:
        raise ValueError("a key must not be empty")
    return pk, sk


@cache
def _condition(expression: str) -> Holds:
    """The condition as a Python function: paths and values become look-ups, everything else is nearly Python already.

    A comparison with an absent attribute, or with one of another type, is false.
    """
    python, end = [], 0
    while end < len(expression.rstrip()):
        token = _TOKEN.match(expression, end)
        if token is None:
            raise ValueError(expression)
        word, end = token[1], token.end()
        if word in _WORDS or word in "(),<>=<=":
            python.append(_WORDS.get(word, word))
        elif word in _FUNCTIONS:
            python.append(_FUNCTIONS[word])
        elif word.startswith(":"):
            python.append(f"Value(values[{word!r}])")
        else:
            python.append(f"Value(item.get(names.get({word!r}, {word!r})))")
    functions = {"Value": _Value, "exists": _exists, "missing": _missing, "begins": _begins}
    made: Holds = eval(f"lambda item, names, values: bool({''.join(python)})", functions)  # noqa: S307 - made by the lines above
    return made


class _Value:
    """An attribute, compared as DynamoDB does."""

    def __init__(self, wire: Mapping[str, Any] | None) -> None:
        self.kind, value = next(iter(wire.items())) if wire else ("", "")
        self.value: Any = int(value) if self.kind == "N" else value

    def _comparable(self, other: "_Value") -> bool:
        return bool(self.kind) and self.kind == other.kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Value) and self._comparable(other) and bool(self.value == other.value)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: "_Value") -> bool:
        return self._comparable(other) and bool(self.value < other.value)

    def __le__(self, other: "_Value") -> bool:
        return self._comparable(other) and bool(self.value <= other.value)

    def __gt__(self, other: "_Value") -> bool:
        return other < self

    def __ge__(self, other: "_Value") -> bool:
        return other <= self


def _exists(value: _Value) -> bool:
    return bool(value.kind)


def _missing(value: _Value) -> bool:
    return not value.kind


def _begins(value: _Value, start: _Value) -> bool:
    return value.kind == "S" and str(value.value).startswith(str(start.value))


@cache
def _clauses(expression: str) -> tuple[tuple[str, str, str], ...]:
    """Each part of an update: the clause, the path, and the value's name."""
    parts: list[tuple[str, str, str]] = []
    for clause, text in re.findall(r"\b(SET|REMOVE|ADD)\s+(.*?)(?=\s+(?:SET|REMOVE|ADD)\s|$)", expression):
        for part in text.split(","):
            match = re.fullmatch(
                {"SET": r"(\S+) = (:\S+)", "REMOVE": r"(\S+)()", "ADD": r"(\S+) (:\S+)"}[clause], part.strip()
            )
            if match is None:
                raise ValueError(expression)
            parts.append((clause, match[1], match[2]))
    if not parts:
        raise ValueError(expression)
    return tuple(parts)
