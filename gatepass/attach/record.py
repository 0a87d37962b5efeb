"""The record of an attachment, in the table: what was changed, what was there before, and how far a run has come.

Item `api#<id>`, `attachment`: `status` and a JSON `document`. It is written before the first change, so that no crash
can leave something that nobody knows of. The states of an attachment, and what leads from one to the next:

- no record: the API is as its owner left it. `attach` begins (→ `attaching`), `detach` refuses.
- `attaching`: a run is at work or was cut off, and each change of the record is made or not. `attach` finishes as the
  cut-off run was asked to (→ `attached`), `detach` undoes (→ `detaching`).
- `attached`: all changes were made and read back. `attach` puts right what drifted and takes in new routes
  (→ `attaching`), `detach` undoes (→ `detaching`).
- `detaching`: a run is at work or was cut off, and each change is undone or not. `attach` puts the gate back
  (→ `attaching`), `detach` finishes (→ no record).

A run of `attach` that fails goes back to the state that it began in (`RolledBack`), or stays in `attaching` where that
fails too (`Incomplete`); a run of `detach` that fails stays in `detaching`. Each run puts its own number into the
document and writes only over the document that it has read: of two runs at once the later one continues, and the
earlier one finds out at its next write of the record (`TakenOver`) and stops.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from entitlements.items import Item, Wire, attachment_key, attachment_prefix
from gatepass.attach.api_state import ApiKind, ApiState
from gatepass.attach.document import value_from_json, value_to_json
from gatepass.attach.goal import AttachOptions
from gatepass.attach.plan import ResourceChange
from gatepass.attach.resources import ResourceKey, ResourceValue
from gatepass.refusals import CommandError
from token_service.errors import ConditionFailed
from token_service.repository import Repository

MAX_BYTES: Final = 390_000
"""DynamoDB takes items of 400 KB."""


class AttachStatus(StrEnum):
    """The states of an attachment that has a record."""

    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"


class TakenOver(CommandError):
    """Another run of the command has written the record meanwhile."""

    def __init__(self, api_id: str) -> None:
        """Tell what to do."""
        super().__init__("another run is attaching or detaching this API, and this one stopped: when the other has "
                         f"finished, check the API with gatepass status {api_id}")  # fmt: skip


@dataclass(frozen=True)
class AttachRecord:
    """An attachment. `run` is the number of the run that wrote it; a change's `was` is not recorded.

    `read_back` holds what was read right after writing where that was not what was written: a gateway may store another
    value. It is this attachment's as what was written is, so that nothing takes it for somebody else's.

    `stored` is the document as it was read, which a write compares with byte by byte: what another release wrote, this
    one might spell otherwise.
    """

    api_id: str
    solution_id: str
    status: AttachStatus
    kind: ApiKind
    stage: str
    options: AttachOptions
    run: str
    changes: Mapping[ResourceKey, ResourceChange]
    read_back: Mapping[ResourceKey, ResourceValue | None] = field(default_factory=dict)
    stored: str | None = field(default=None, repr=False)

    def at(self, status: AttachStatus) -> "AttachRecord":
        """The same in another state."""
        return replace(self, status=status)

    def having_read(self, written: Iterable[ResourceChange], state: ApiState) -> "AttachRecord":
        """The same after these changes were written, and the API was read."""
        keys = {change.key for change in written}
        other = {change.key: state.get(change.key) for change in written if state.get(change.key) != change.now}
        earlier = {key: value for key, value in self.read_back.items() if key not in keys}
        return replace(self, read_back=earlier | other, stored=None)

    def wrote(self, key: ResourceKey, value: ResourceValue | None) -> bool:
        """Whether a value stands there by this attachment's doing, as it was written or as it was stored."""
        change = self.changes.get(key)
        return change is not None and (value == change.now or (key in self.read_back and value == self.read_back[key]))

    @property
    def document(self) -> str:
        """Everything but the state and the item's own attributes, in JSON."""
        if self.stored is not None:
            return self.stored
        changes = self.changes.values()
        facts: dict[str, Any] = {
            "kind": self.kind,
            "stage": self.stage,
            "options": asdict(self.options) | {"run": self.run},
            "changes": [[str(one.key), value_to_json(one.now), value_to_json(one.origin)] for one in changes],
        }
        if self.read_back:
            facts["read_back"] = [[str(key), value_to_json(value)] for key, value in self.read_back.items()]
        return json.dumps(facts, separators=(",", ":"))


def load(repository: Repository, api_id: str) -> AttachRecord | None:
    """Read the record; None if the API is not attached. Raises `CommandError` for one that cannot be understood."""
    item = repository.get_item(attachment_key(api_id))
    if item is None:
        return None
    try:
        return _parse(api_id, item)
    except (KeyError, TypeError, ValueError) as error:
        raise CommandError(f"the attachment record of {api_id} cannot be read ({error!r}): another release of gatepass "
                           "wrote it, so use that release or a newer one") from error  # fmt: skip


def _parse(api_id: str, item: Item) -> AttachRecord:
    facts = json.loads(item["document"])
    changes = [_change(*row) for row in facts["changes"]]
    read_back = {(key := ResourceKey.parse(text)): value_from_json(key.kind, one)
                 for text, one in facts.get("read_back", [])}  # fmt: skip
    return AttachRecord(
        api_id, item["solution_id"], AttachStatus(item["status"]), ApiKind(facts["kind"]), facts["stage"],
        _options(facts["options"]), facts["options"]["run"], {change.key: change for change in changes}, read_back,
        stored=item["document"],
    )  # fmt: skip


def _options(facts: dict[str, Any]) -> AttachOptions:
    return AttachOptions(
        facts["authorizer_arn"], tuple(facts["only"]), tuple(facts["except_"]), facts["replace_auth"],
        facts["replace_responses"],
    )  # fmt: skip


def _change(text: str, now: Any, origin: Any) -> ResourceChange:
    key = ResourceKey.parse(text)
    return ResourceChange(key, None, value_from_json(key.kind, now), value_from_json(key.kind, origin))


def attached_apis(repository: Repository) -> list[str]:
    """The APIs that have a record. Reads the whole table."""
    return [key.subject for key in repository.scan_keys(attachment_prefix())]


def save(repository: Repository, record: AttachRecord, before: AttachRecord | None) -> None:
    """Write the record in place of `before`, None being no record; raises `TakenOver` where another stands there."""
    if len(record.document.encode()) > MAX_BYTES:
        raise CommandError("too many routes for one record: attach them in parts with --only")
    item = {"solution_id": record.solution_id, "status": record.status.value, "document": record.document}
    condition: Wire = {"ConditionExpression": "attribute_not_exists(pk)"}
    if before is not None:
        condition = {
            # Each run has a number of its own in the document, so that the status says nothing more.
            "ConditionExpression": "document = :document",
            "ExpressionAttributeValues": {":document": {"S": before.document}},
        }
    try:
        repository.put_item(attachment_key(record.api_id), item, condition)
    except ConditionFailed as error:
        # A write whose answer was lost is repeated, and meets itself.
        present = load(repository, record.api_id)
        if present is None or (present.status, present.document) != (record.status, record.document):
            raise TakenOver(record.api_id) from error


def check(repository: Repository, record: AttachRecord) -> None:
    """Raise `TakenOver` unless the record still stands as this run wrote it."""
    present = load(repository, record.api_id)
    if present is None or present.document != record.document:
        raise TakenOver(record.api_id)


def delete(repository: Repository, record: AttachRecord) -> None:
    """Forget the attachment: everything is as it was. What another run has written meanwhile stays: `TakenOver`."""
    if load(repository, record.api_id) is not None:
        check(repository, record)
        repository.delete_item(attachment_key(record.api_id))
