"""Who may do what: grant, change of plan, credits, suspension, revocation, moving in.

Each is one transaction with its audit entry, and takes further actions into it.
"""

from collections.abc import Callable, Iterator, Sequence
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
from token_service.access.records import Entitlement, audit, minted_at, new_generation, timestamp
from token_service.access.remains import with_remains
from token_service.access.writes import Action
from token_service.errors import Busy, ConditionFailed
from token_service.repository import Repository

ATTEMPTS: Final = 5
"""How often a change is made anew when somebody else changed the entitlement between reading and writing."""


class Access:
    """Changes entitlements. `actor` is who the audit names: an operator or the user, never an address."""

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
        """All entitlements of a solution: each as it is now, all that the index (eventually consistent) knows of."""
        keys = (entitlement_key(user_id, solution_id) for user_id in self._repository.users_of(solution_id))
        yield from map(Entitlement.from_item, self._repository.get_many(keys))

    def everything(self) -> Iterator[Entitlement]:
        """All entitlements. Reads the whole table."""
        yield from map(Entitlement.from_item, self._repository.scan(entitlement_prefix()))

    def change(self, user_id: str, solution_id: str, rule: Rule, also: Sequence[Action] = ()) -> Entitlement:
        """Carry out a rule of `changes.py` on what there is, as often as somebody else is faster.

        `also` are further actions of the same transaction: all of it is written, or nothing is. They are written where
        the rule changes nothing, too. Raises `ConditionFailed` where one of them was refused, `Refused` where there
        is no entitlement, and `Busy`.
        """
        for _ in range(ATTEMPTS):
            current = self._required(user_id, solution_id)
            change = rule(current)
            if change is None and not also:
                return current
            try:
                self._write(current, change, also)
            except ConditionFailed as failed:
                if failed.of_the_last(len(also)):
                    raise
                continue
            return self._required(user_id, solution_id)
        raise Busy("the entitlement is being changed by others: try again")

    def grant(self, user_id: str, solution_id: str, plan_name: str | None = None) -> Entitlement:
        """Give access, or give it back after a revocation; counters stay. Granting what is granted changes nothing."""
        solution = self._solution(solution_id)
        plan = plan_of(solution, plan_name or solution.default_plan)
        if self.find(user_id, solution_id) is None:
            try:
                self._create(self._new(user_id, solution_id, plan), "granted")
            except ConditionFailed:
                pass  # somebody else was first; what they made is now what is changed
            else:
                return self._required(user_id, solution_id)
        return self.change(user_id, solution_id, changes.grant(plan, only_this=plan_name is not None))

    def ensure(self, user_id: str, solution: Solution, kept: Callable[[], Item | None] = lambda: None) -> Entitlement:
        """What a user has, or access on the default plan for one who has nothing. Undoes no revocation.

        `kept` is what a deleted account of the same address left (`remains.py`); it is asked for where it matters.
        """
        found = self.find(user_id, solution.solution_id)
        if found is not None:
            return found
        new = self._new(user_id, solution.solution_id, solution.plans[solution.default_plan])
        remains = kept()
        if remains is not None:
            new = with_remains(new, remains, solution, self._clock())
        with suppress(ConditionFailed):  # somebody else was first, or the account is being deleted
            self._create(new, "granted")
        return self._required(user_id, solution.solution_id)

    def set_plan(self, user_id: str, solution_id: str, plan_name: str, paid_until: int | None = None) -> Entitlement:
        """Change the plan; holds on the next request. Going over to a prepaid plan gives its credits once.

        A paid plan lapses at `paid_until` (seconds since the epoch), and without it never.
        """
        plan = plan_of(self._solution(solution_id), plan_name)
        if paid_until is not None:
            changes.require_payable(plan, paid_until, self._clock())
        return self.change(user_id, solution_id, changes.set_plan(plan, paid_until))

    def add_credits(self, user_id: str, solution_id: str, credits: int) -> Entitlement:
        """Give more requests to a user of a prepaid plan: each call gives them again."""
        return self.change(user_id, solution_id, changes.add_credits(self._solution(solution_id), credits))

    def suspend(self, user_id: str, solution_id: str, reason: str = "") -> Entitlement:
        """Stop access for a while. As a revocation, it never raises `Busy`, whatever others do meanwhile."""
        return self.change(user_id, solution_id, changes.suspend(reason))

    def resume(self, user_id: str, solution_id: str) -> Entitlement:
        """End a suspension."""
        return self.change(user_id, solution_id, changes.resume)

    def revoke(self, user_id: str, solution_id: str) -> Entitlement:
        """End access and kill the token for good. Needs no KMS: what must always work depends on the table alone.

        Nor does it raise `Busy`: a mint or a rotation under way fails on its own condition, and not this.
        """
        return self.change(user_id, solution_id, changes.revoke)

    def close(self, user_id: str, solution_id: str) -> Entitlement:
        """End access with its user's account, for good."""
        return self.change(user_id, solution_id, changes.close)

    def drop_token(self, user_id: str, solution_id: str) -> Entitlement:
        """Kill the token and nothing else: whoever signs in gets another one, with plan and counters as they were."""
        return self.change(user_id, solution_id, changes.drop_token("token_revoked"))

    def drop_older_token(self, user_id: str, solution_id: str, before: int) -> bool:
        """Do so if its secret was minted before a time, in seconds of the epoch; False if there was nothing to do.

        Needs no KMS. One minted meanwhile is of another generation, which the write does not touch.
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
        """The same in every solution of a user."""
        for entitlement in list(self.of_user(user_id)):
            self.drop_token(user_id, entitlement.solution_id)

    def move_in(self, moved: Entitlement) -> bool:
        """Create what was somewhere else before, with its counters; False if there is one, which stays as it is.

        Tokens do not move: their secrets are of another table's key.
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

    def _create(self, new: Entitlement, event: str) -> None:
        self._repository.transact([*writes.create(new), self._audit(new, event, plan=new.plan)])

    def _write(self, current: Entitlement, change: Change | None, also: Sequence[Action]) -> None:
        if change is None:
            self._repository.transact([writes.check(current), *also])
            return
        update, entry = writes.update(current, change), self._audit(current, change.event, **change.details)
        token = token_key(current.user_id, current.solution_id)
        dropped: list[Action] = [("Delete", {"Key": token.wire})] if change.drop_token else []
        try:
            self._repository.transact([("Update", update), entry, *dropped, *also])
        except Busy:
            if also or not change.ends_access:
                raise
            # A transaction conflicts with the gate's own writes, of which a busy token sees hundreds a second; a
            # single write does not. The audit comes first: it may tell of an end that somebody else was faster with,
            # and no end goes untold.
            self._repository.transact([entry])
            if not self._repository.insist(update):
                raise ConditionFailed from None
            if change.drop_token:
                with suppress(Busy):  # without its secret, which is gone, the stored JWS is worthless
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
