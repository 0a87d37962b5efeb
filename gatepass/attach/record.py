"""The record of an attachment, in the table: what was changed, and what was there before.

Item `api#<id>`, `attachment`: `status` (`attaching` until everything is done, `attached`, `detaching`), and a JSON
`document`. It is written before the first change, so that no crash can leave something that nobody knows of.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from entitlements.items import Wire, attachment_key
from gatepass.attach.plan import Change
from gatepass.refusals import CommandError
from token_service.errors import ConditionFailed
from token_service.repository import Repository

MAX_BYTES: Final = 390_000
"""DynamoDB takes items of 400 KB."""


@dataclass
class Record:
    """An attachment. `options` are the goal's, besides the solution."""

    api_id: str
    solution_id: str
    status: str
    kind: str
    stage: str
    options: dict[str, Any]
    changes: dict[str, Change] = field(default_factory=dict)


def load(repository: Repository, api_id: str) -> Record | None:
    """Read the record; None if the API is not attached."""
    item = repository.get_item(attachment_key(api_id))
    if item is None:
        return None
    facts = json.loads(item["document"])
    changes = {key: Change(key, None, now, origin) for key, now, origin in facts["changes"]}
    return Record(api_id, item["solution_id"], item["status"], facts["kind"], facts["stage"], facts["options"], changes)


class TakenOver(CommandError):
    """Another run of the command has written the record meanwhile."""

    def __init__(self, api_id: str) -> None:
        """Tell what to do."""
        super().__init__("somebody else is attaching or detaching this API right now: when they "
                         f"are done, look with gatepass status {api_id}")  # fmt: skip


def save(repository: Repository, record: Record, before: Record | None) -> None:
    """Write the record in place of `before`, None being no record; raises `TakenOver` where another stands there."""
    document = _document(record)
    if len(document.encode()) > MAX_BYTES:
        raise CommandError("too many routes for one record: attach them in parts with --only")
    item = {"solution_id": record.solution_id, "status": record.status, "document": document}
    condition: Wire = {"ConditionExpression": "attribute_not_exists(pk)"}
    if before is not None:
        condition = {
            # Each run has a number of its own in the document, so that the status says nothing more.
            "ConditionExpression": "document = :document",
            "ExpressionAttributeValues": {":document": {"S": _document(before)}},
        }
    try:
        repository.put_item(attachment_key(record.api_id), item, condition)
    except ConditionFailed as error:
        # A write whose answer was lost is repeated, and meets itself.
        present = load(repository, record.api_id)
        if present is None or (present.status, _document(present)) != (record.status, document):
            raise TakenOver(record.api_id) from error


def _document(record: Record) -> str:
    facts = {
        "kind": record.kind,
        "stage": record.stage,
        "options": record.options,
        "changes": [[change.key, change.now, change.origin] for change in record.changes.values()],
    }
    return json.dumps(facts, separators=(",", ":"))


def check(repository: Repository, record: Record) -> None:
    """Raise `TakenOver` unless the record still stands as this run wrote it."""
    present = load(repository, record.api_id)
    if present is None or _document(present) != _document(record):
        raise TakenOver(record.api_id)


def delete(repository: Repository, record: Record) -> None:
    """Forget the attachment: everything is as it was. What another run has written meanwhile stays: `TakenOver`."""
    if load(repository, record.api_id) is not None:
        check(repository, record)
        repository.delete_item(attachment_key(record.api_id))
