"""Writes a solution's configuration and the origins of its pages to the table, all or nothing."""

import difflib
import shlex
from collections import Counter
from pathlib import Path
from typing import Final

import yaml

from entitlements.items import (
    Item,
    Wire,
    item_to_wire,
    listing_key,
    origin_key,
    origin_prefix,
    solution_key,
    to_wire,
)
from entitlements.origins import origins_of
from entitlements.plans import ANONYMOUS
from entitlements.solution import ConfigError, Solution, solution_from_document
from gatepass.refusals import CommandError
from token_service.access.grants import Access
from token_service.errors import ConditionFailed
from token_service.payments.razorpay_plans import RazorpayPlans, unpushed
from token_service.repository import Repository

TRANSACTION: Final = 100
"""The most actions of a TransactWriteItems:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
MAX_ORIGINS: Final = 40
"""Origins of one solution, so that all can be replaced by others in one transaction. Checked only on apply: a stored
solution with more stays valid.
"""

LIVE, TEST = "live", "test"
"""The modes of Razorpay's keys, and the attributes under which pushed plans are stored."""


def require_few_origins(solution: Solution, path: Path) -> None:
    """Refuse a file whose pages have too many origins."""
    if (count := len(origins_of(solution))) > MAX_ORIGINS:
        raise CommandError(
            f"nothing was applied\n{path}: return_urls: have {count} different origins with frontend_url, and may have "
            f"{MAX_ORIGINS}: serve the pages from fewer hosts, or make another solution for some of them",
        )


def require_pushed(repository: Repository, solution: Solution, path: Path) -> None:
    """Refuse a recurring price that nobody could buy, because Razorpay has no plan for it.

    Only where plans of the solution have been pushed before: until then, it is not sold by Razorpay. Which keys the
    stack has is not known here; once plans were pushed with live keys, those count.
    """
    for mode in (LIVE, TEST):
        pushed = RazorpayPlans(repository, lambda mode=mode: mode).pushed(solution.solution_id)  # type: ignore[misc]
        if not pushed:
            continue
        missing = [f"{plan.name} ({plan.readable_price})" for plan in unpushed(solution, pushed)]
        if missing:
            raise CommandError(
                f"nothing was applied\n{path}: plans: Razorpay has no plan for {', '.join(missing)} in {mode} mode, so "
                f"nobody could buy it: run gatepass razorpay plans push {shlex.quote(str(path))} with the {mode} keys "
                "first",
            )
        return


def apply(repository: Repository, solution: Solution) -> bool:
    """Write the configuration, its origins, and its listing in one transaction; True if the solution is new.

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
    listed = ("Put", {"Item": listing_key(solution.solution_id).wire})
    room = TRANSACTION - 2
    try:
        # Only a document older than MAX_ORIGINS has so many. They are deleted first, while the document still names
        # them, so that an interrupted run can be repeated.
        while len(added) + len(deleted) > room:
            repository.transact([("ConditionCheck", {"Key": key.wire, **condition}), *deleted[:room]])
            deleted = deleted[room:]
        repository.transact([("Put", put), listed, *added, *deleted])
    except ConditionFailed:
        raise CommandError(
            f"somebody else applied {solution.solution_id} at the same time: check it (gatepass solutions show "
            f"{solution.solution_id}), and run this again",
        ) from None
    return before is None


def applied_before(repository: Repository, solution_id: str) -> Solution | None:
    """The solution as it is applied; None where there is none, or where what is stored cannot be read."""
    item = repository.get_item(solution_key(solution_id))
    try:
        return None if item is None else solution_from_document(str(item.get("document", "")))
    except ConfigError:
        return None


def difference(before: Solution | None, after: Solution, path: Path) -> str:
    """What applying changes, as a unified diff of the configurations in YAML; empty for a new solution."""
    if before is None:
        return ""
    old, new = (yaml.safe_dump(one.to_mapping(), sort_keys=False).splitlines(keepends=True) for one in (before, after))
    return "".join(difflib.unified_diff(old, new, f"{after.solution_id} (applied)", str(path), n=2))


def warnings(before: Solution | None, after: Solution, access: Access) -> list[str]:
    """What happens to users whose plan is removed. Reads all entitlements of the solution, where a plan is."""
    removed = set(before.plans) - set(after.plans) - {ANONYMOUS} if before else set()
    users = Counter(one.plan for one in access.of_solution(after.solution_id) if one.plan in removed) if removed else {}
    return [
        f"{count} user(s) of {after.solution_id} have the plan {plan}, which this removes: the gate refuses them "
        f"(plan_unknown) until gatepass entitlements set-plan gives them another"
        for plan, count in sorted(users.items())
    ]


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
