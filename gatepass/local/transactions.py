"""moto's DynamoDB with transactions that take as long in a full table as in an empty one.

moto copies the table and the whole history of its stream, once for each item of a transaction, to put the copy back
where the transaction fails: after sixty registrations, one took a second. Here, a transaction is run on a table that
has its items alone, and they replace those of the real one where it succeeds.
"""

import copy
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from moto.dynamodb.exceptions import ResourceNotFoundException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_moto: Final[Callable[[DynamoDBBackend, list[dict[str, Any]]], None]] = DynamoDBBackend.transact_write_items


def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """As in moto. No other call may be going on.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    real = backend.tables
    keys = _keys(backend, transact_items)
    apart = {name: _with_items(real[name], keys[name]) for name in keys}
    try:
        backend.tables = real | apart
        _moto(backend, transact_items)
    finally:
        backend.tables = real
    for name, table in apart.items():
        _replace(real[name], keys[name], table)


_Keys = set[tuple[DynamoType, DynamoType | None]]


def _keys(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> dict[str, _Keys]:
    """The keys of the items by table. What moto refuses is left out."""
    found = defaultdict[str, _Keys](set)
    for operations in transact_items:
        for operation in operations.values():
            key = operation.get("Key") or operation.get("Item") or {}
            with suppress(ResourceNotFoundException):
                table = backend.get_table(operation.get("TableName", ""))  # a name or an ARN
                if set(table.table_key_attrs) <= set(key):
                    hash_key, *range_key = (DynamoType(key[name]) for name in table.table_key_attrs)
                    found[table.name].add((hash_key, range_key[0] if range_key else None))
    return found


def _with_items(table: Table, keys: _Keys) -> Table:
    """A table with copies of these items, whose stream goes on where the real one is."""
    apart = copy.copy(table)
    apart.items = defaultdict(dict)
    _copy(table, apart, keys)
    if table.stream_shard is not None:
        apart.stream_shard = copy.copy(table.stream_shard)
        apart.stream_shard.starting_sequence_number += len(table.stream_shard.items)
        apart.stream_shard.table, apart.stream_shard.items = apart, []
    return apart


def _replace(table: Table, keys: _Keys, apart: Table) -> None:
    """Make the changes to the real table."""
    _copy(apart, table, keys)
    if table.stream_shard is not None and apart.stream_shard is not None:
        table.stream_shard.items += apart.stream_shard.items


def _copy(source: Table, target: Table, keys: _Keys) -> None:
    items: Any = target.items
    for hash_key, range_key in keys:
        item = copy.deepcopy(source.get_item(hash_key, range_key))
        group, key = (items, hash_key) if range_key is None else (items[hash_key], range_key)
        if item is None:
            group.pop(key, None)
        else:
            group[key] = item
