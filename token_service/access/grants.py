"""Changes entitlements: grant, set plan, add credits, suspend, resume, revoke, import.

Each change, its audit entry, and the further actions of the change are one transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from entitlements.decision import ACTIVE
from entitlements.directory import Directory
from entitlements.items import Item, entitlement_key, entitlement_prefix, token_key
from entitlements.plans import Plan
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.access import changes, writes
from token_service.access.changes import Change, Rule, plan_of
from token_service.access.records import Action, Entitlement, audit, minted_at, new_generation, timestamp
from token_service.access.remains import with_remains
from token_service.errors import Busy, ConditionFailed
from token_service.repository import Repository

ATTEMPTS: Final = 5
"""Attempts at a change, which is computed again if the entitlement changed between the read and the write."""


class Access:
    """Changes entitlements. `actor` goes into the audit: the operator or the user, never an email address."""

    def __init__(self, repository: Repository, clock: Callable[[], float], actor: str) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._clock, self._actor = repository, clock, actor

    def find(self, user_id: str, solution_id: str) -> Entitlement | None:
        """Read an entitlement."""
        item = self._repository.get_item(entitlement_key(user_id, solution_id))
        return None if item is None else Entitlement.from_item(item)

    def of_user(self, user_id: str) -> Iterator[Entitlement]:
        """All of a user's entitlements."""
        yield from map(Entitlement.from_item, self._repository.query(entitlement_prefix(user_id)))

    def of_solution(self, solution_id: str) -> Iterator[Entitlement]:
        """All entitlements of a solution. They are listed eventually consistent, each read strongly consistent."""
        keys = (entitlement_key(user_id, solution_id) for user_id in self._repository.users_of(solution_id))
        yield from map(Entitlement.from_item, self._repository.get_many(keys))

    def everything(self) -> Iterator[Entitlement]:
        """All entitlements. Reads the whole table."""
        yield from map(Entitlement.from_item, self._repository.scan(entitlement_prefix()))

    def change(self, user_id: str, solution_id: str, rule: Rule) -> Entitlement:
        """Apply a rule of `changes.py` to the current entitlement; apply it again if a concurrent change came first.

        Raises `Refused` if the rule refuses or there is no entitlement, and `Busy`.
        """
        for _ in range(ATTEMPTS):
            current = self._required(user_id, solution_id)
            change = rule(current)
            if change is None:
                return current
            with suppress(ConditionFailed):
                self._write(current, change)
                return self._required(user_id, solution_id)
        raise Busy("the entitlement is being changed by others: try again")

    def grant(self, user_id: str, solution_id: str, plan_name: str | None = None) -> Entitlement:
        """Grant access, also after a revocation; counters stay. Granting access that is active changes nothing."""
        solution = self._solution(solution_id)
        plan = plan_of(solution, plan_name or solution.default_plan)
        if self.find(user_id, solution_id) is None:
            try:
                self._create(self._new(user_id, solution_id, plan), "granted")
            except ConditionFailed:
                pass  # a concurrent grant came first: continue with its entitlement
            else:
                return self._required(user_id, solution_id)
        return self.change(user_id, solution_id, changes.grant(plan, only_this=plan_name is not None))

    def ensure(
        self, user_id: str, solution: Solution, kept: Callable[[], Item | None] = lambda: None, came_from: str = ""
    ) -> Entitlement:
        """Return the user's entitlement, or grant the default plan to a user without one. Does not undo a revocation.

        `kept` reads what a deleted account of the same address left (`remains.py`). It is called only for a new
        entitlement. `came_from` is the reason of the refusal whose link the user followed: the audit entry of a new
        entitlement has it as `from`.
        """
        found = self.find(user_id, solution.solution_id)
        if found is not None:
            return found
        new = self._new(user_id, solution.solution_id, solution.plans[solution.default_plan])
        remains = kept()
        if remains is not None:
            new = with_remains(new, remains, solution, self._clock())
        with suppress(ConditionFailed):  # a concurrent grant came first, or the account is being deleted
            self._create(new, "granted", **{"from": came_from})
        return self._required(user_id, solution.solution_id)

    def set_plan(self, user_id: str, solution_id: str, plan_name: str, paid_until: int | None = None) -> Entitlement:
        """Change the plan, effective on the next request. Switching to a prepaid plan adds its credits once.

        A paid plan lapses at `paid_until` (seconds since the epoch); without it, never.
        """
        plan = plan_of(self._solution(solution_id), plan_name)
        if paid_until is not None:
            changes.require_payable(plan, paid_until, self._clock())
        return self.change(user_id, solution_id, changes.set_plan(plan, paid_until))

    def add_credits(self, user_id: str, solution_id: str, credits: int) -> Entitlement:
        """Add requests for a user of a prepaid plan. Not idempotent: each call adds them again."""
        return self.change(user_id, solution_id, changes.add_credits(self._solution(solution_id), credits))

    def suspend(self, user_id: str, solution_id: str, reason: str = "") -> Entitlement:
        """Suspend access. Like `revoke`, it never raises `Busy` because of concurrent changes."""
        return self.change(user_id, solution_id, changes.suspend(reason))

    def resume(self, user_id: str, solution_id: str) -> Entitlement:
        """End a suspension."""
        return self.change(user_id, solution_id, changes.resume)

    def revoke(self, user_id: str, solution_id: str) -> Entitlement:
        """End access and the token permanently. Depends on the table alone, so it works while KMS is unavailable.

        It never raises `Busy` because of concurrent changes: a mint or a rotation in progress fails instead.
        """
        return self.change(user_id, solution_id, changes.revoke)

    def close(self, user_id: str, solution_id: str) -> Entitlement:
        """End access permanently because the user's account is deleted."""
        return self.change(user_id, solution_id, changes.close)

    def drop_token(self, user_id: str, solution_id: str) -> Entitlement:
        """End the token only. The user gets a new one at the next sign-in, with the same plan and counters."""
        return self.change(user_id, solution_id, changes.drop_token("token_revoked"))

    def drop_older_token(self, user_id: str, solution_id: str, before: int) -> bool:
        """End the token if its secret was minted before a time (seconds since the epoch); False if it was not.

        Needs no KMS. A token minted concurrently has another generation, so the write does not affect it.
        """
        dropped = False

        def rule(current: Entitlement) -> Change | None:
            nonlocal dropped
            stored = self._repository.get_item(token_key(user_id, solution_id)) if current.jti else None
            dropped = bool(current.jti) and minted_at(stored, current) < before
            return changes.drop_token("token_rotated_all")(current) if dropped else None

        self.change(user_id, solution_id, rule)
        return dropped

    def drop_all_tokens(self, user_id: str) -> None:
        """End a user's tokens for all solutions."""
        for entitlement in list(self.of_user(user_id)):
            self.drop_token(user_id, entitlement.solution_id)

    def move_in(self, moved: Entitlement) -> bool:
        """Create an entitlement exported from another table, with its counters; False if one exists, which stays.

        Tokens do not move: their secrets are derived with the other table's MAC key.
        """
        created_at = moved.created_at or timestamp(self._clock())
        try:
            self._create(replace(moved, generation=new_generation(), created_at=created_at), "imported")
        except ConditionFailed:
            return False
        return True

    def _solution(self, solution_id: str) -> Solution:
        return require_solution(self._repository, solution_id, self._clock())

    def _new(self, user_id: str, solution_id: str, plan: Plan) -> Entitlement:
        created_at = timestamp(self._clock())
        return Entitlement(
            user_id, solution_id, ACTIVE, plan.name, new_generation(), granted=plan.credits, created_at=created_at
        )

    def _audit(self, entitlement: Entitlement, event: str, **details: str) -> Action:
        return audit(entitlement.user_id, entitlement.solution_id, event, self._actor, self._clock(), **details)

    def _create(self, new: Entitlement, event: str, **details: str) -> None:
        self._repository.transact([*writes.create(new), self._audit(new, event, plan=new.plan, **details)])

    def _write(self, current: Entitlement, change: Change) -> None:
        update, entry = writes.update(current, change), self._audit(current, change.event, **change.details)
        token = token_key(current.user_id, current.solution_id)
        dropped: list[Action] = [("Delete", {"Key": token.wire})] if change.drop_token else []
        try:
            self._repository.transact([("Update", update), entry, *dropped, *change.also])
        except Busy:
            if change.also or not change.ends_access:
                raise
            # A transaction conflicts with the gate's writes, of which a busy token has hundreds per second; a single
            # UpdateItem does not. The audit entry is written first: it may then record an end that another writer
            # completed, but an end of access is never missing from the audit.
            self._repository.transact([entry])
            if not self._repository.insist(update):
                raise ConditionFailed from None
            if change.drop_token:
                with suppress(Busy):  # the new generation has already made the stored JWS worthless
                    self._repository.delete_item(token)

    def _required(self, user_id: str, solution_id: str) -> Entitlement:
        found = self.find(user_id, solution_id)
        if found is None:
            missing = f"user {user_id} has no entitlement to {solution_id}: grant it first"
            raise Refused(Code.ENTITLEMENT_MISSING, missing)
        return found


def require_solution(repository: Repository, solution_id: str, now: float) -> Solution:
    """Read a solution's configuration, or refuse."""
    solution = Directory(repository.get_item).solution(solution_id, now)
    if solution is None:
        raise Refused(Code.SOLUTION_UNKNOWN, f"there is no solution {solution_id}: apply its configuration first")
    return solution
