"""Writes a solution's configuration and the origins of its pages to the table, all or nothing."""

from pathlib import Path
from typing import Final

from entitlements.items import Item, Wire, item_to_wire, origin_key, origin_prefix, solution_key, to_wire
from entitlements.origins import origins_of
from entitlements.solution import ConfigError, Solution, solution_from_document
from gatepass.refusals import CommandError
from token_service.errors import ConditionFailed
from token_service.repository import Repository

TRANSACTION: Final = 100
"""The most actions of a TransactWriteItems:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
MAX_ORIGINS: Final = 40
"""Origins of one solution, so that all can be replaced by others in one transaction. Checked only on apply: a stored
solution with more stays valid.
"""


def require_few_origins(solution: Solution, path: Path) -> None:
    """Refuse a file whose pages have too many origins."""
    if (count := len(origins_of(solution))) > MAX_ORIGINS:
        raise CommandError(
            f"nothing was applied\n{path}: return_urls: have {count} different origins with frontend_url, and may have "
            f"{MAX_ORIGINS}: serve the pages from fewer hosts, or make another solution for some of them",
        )


def apply(repository: Repository, solution: Solution) -> bool:
    """Write the configuration and its origins in one transaction; True if the solution is new.

    Raises `CommandError` if somebody else applied the same solution concurrently.
    """
    key = solution_key(solution.solution_id)
    before = repository.get_item(key)
    condition = _unchanged(before)
    wanted = origins_of(solution)
    stale = sorted(_stored_origins(repository, solution.solution_id, before) - wanted)
    put: Wire = {"Item": key.wire | item_to_wire({"document": solution.to_document()}), **condition}
    added = [("Put", {"Item": origin_key(one, solution.solution_id).wire}) for one in sorted(wanted)]
    deleted = [("Delete", {"Key": origin_key(one, solution.solution_id).wire}) for one in stale]
    room = TRANSACTION - 1
    try:
        # Only a document older than MAX_ORIGINS has so many. They are deleted first, while the document still names
        # them, so that an interrupted run can be repeated.
        while len(added) + len(deleted) > room:
            repository.transact([("ConditionCheck", {"Key": key.wire, **condition}), *deleted[:room]])
            deleted = deleted[room:]
        repository.transact([("Put", put), *added, *deleted])
    except ConditionFailed:
        raise CommandError(
            f"somebody else applied {solution.solution_id} at the same time: check it (gatepass solutions show "
            f"{solution.solution_id}), and run this again",
        ) from None
    return before is None


def _unchanged(before: Item | None) -> Wire:
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    if "document" not in before:
        return {"ConditionExpression": "attribute_not_exists(document)"}
    return {
        "ConditionExpression": "document = :was",
        "ExpressionAttributeValues": {":was": to_wire(before["document"])},
    }


def _stored_origins(repository: Repository, solution_id: str, before: Item | None) -> set[str]:
    if before is None:
        return set()
    try:
        return origins_of(solution_from_document(str(before.get("document", ""))))
    except ConfigError:
        # The stored document is damaged and will be replaced: only a scan finds the origins that it named.
        found = repository.scan_keys(origin_prefix())
        return {key.subject for key in found if key == origin_key(key.subject, solution_id)}
