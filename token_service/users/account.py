"""A user's view of their own access."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

from entitlements.decision import Holder, describe, effective_plan
from entitlements.directory import Directory
from entitlements.items import entitlement_prefix
from entitlements.reasons import Reason
from entitlements.windows import windows_at
from token_service.access.records import timestamp
from token_service.repository import Repository


@dataclass(frozen=True, slots=True)
class Usage:
    """One entitlement with the state of its tightest limit. `limit` and `remaining` are None without a limit."""

    solution_id: str
    name: str
    status: str
    plan: str
    limit: int | None
    used: int | None
    remaining: int | None
    resets_at: str | None
    paid_until: str | None
    upgrade_url: str
    frontend_url: str


class Accounts:
    """A user's account, by the user's id."""

    def __init__(self, repository: Repository, directory: Directory, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._directory, self._clock = repository, directory, clock

    def entitlements(self, user_id: str) -> list[Usage]:
        """All of a user's entitlements, whatever their status."""
        return [self._usage(user_id, item) for item in self._repository.query(entitlement_prefix(user_id))]

    def _usage(self, user_id: str, item: dict[str, object]) -> Usage:
        now = self._clock()
        solution_id, paid_until = str(item["solution_id"]), item.get("paid_until")
        paid = timestamp(paid_until)[:19] + "Z" if isinstance(paid_until, int) else None
        solution = self._directory.solution(solution_id, now)
        if solution is None:
            return Usage(solution_id, "", str(item["status"]), str(item["plan"]), None, None, None, None, paid, "", "")
        windows = windows_at(now, solution.timezone)
        plan = effective_plan(item, solution, floor(now))
        seen = describe(Reason.OK, Holder(user_id, ""), item, plan, solution, windows)
        return Usage(
            solution_id=solution_id,
            name=solution.name,
            status=str(item["status"]),
            plan=seen.plan or str(item["plan"]),
            limit=seen.limit,
            used=seen.used,
            remaining=seen.remaining,
            resets_at=seen.resets_at or None,
            paid_until=paid,
            upgrade_url=seen.upgrade_url,
            frontend_url=solution.frontend_url,
        )
