"""The record of an attachment, in the table: what was changed, and what was there before.

Item `api#<id>`, `attachment`: `status` (`attaching` until everything is done, `attached`, `detaching`), and a JSON
`document`. It is written before the first change, so that no crash can leave something that nobody knows of.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from entitlements.table import Wire
from gatepass.attach.plan import Change
from token_service.errors import ConditionFailed, Refused
from token_service.repository import Repository

SORT_KEY: Final = "attachment"
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


def record_key(api_id: str) -> Wire:
    """The key of the item."""
    return {"pk": {"S": f"api#{api_id}"}, "sk": {"S": SORT_KEY}}


def load(repository: Repository, api_id: str) -> Record | None:
    """Read the record; None if the API is not attached."""
    item = repository.get_item(record_key(api_id))
    if item is None:
        return None
    facts = json.loads(item["document"])
    changes = {key: Change(key, None, now, origin) for key, now, origin in facts["changes"]}
    return Record(api_id, item["solution_id"], item["status"], facts["kind"], facts["stage"], facts["options"], changes)


def save(repository: Repository, record: Record, new: bool = False) -> None:
    """Write the record; a `new` one only if there is none, so that two operators do not attach at once."""
    facts = {
        "kind": record.kind,
        "stage": record.stage,
        "options": record.options,
        "changes": [[change.key, change.now, change.origin] for change in record.changes.values()],
    }
    document = json.dumps(facts, separators=(",", ":"))
    if len(document.encode()) > MAX_BYTES:
        raise Refused("record_too_long", "too many routes for one record: attach them in parts with --only")
    item = {
        "pk": f"api#{record.api_id}", "sk": SORT_KEY, "solution_id": record.solution_id, "status": record.status,
        "document": document,
    }  # fmt: skip
    try:
        repository.put_item(item, {"ConditionExpression": "attribute_not_exists(pk)"} if new else None)
    except ConditionFailed as error:
        raise Refused(
            "attaching_already", "somebody else is attaching this API right now: gatepass status tells"
        ) from error


def delete(repository: Repository, api_id: str) -> None:
    """Forget the attachment: everything is as it was."""
    repository.delete_item(record_key(api_id))
