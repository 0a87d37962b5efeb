"""Who may do what: grant, change of plan, credits, suspension, revocation, moving in.

Each is one transaction with its audit entry.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from entitlements.decision import ACTIVE, REVOKED, SUSPENDED
from entitlements.directory import Directory
from entitlements.items import (
    DELETING,
    Item,
    Wire,
    account_key,
    entitlement_key,
    entitlement_prefix,
    item_to_wire,
    token_key,
)
from entitlements.mapping_reader import MAX_COUNT
from entitlements.plans import ANONYMOUS, Plan
from entitlements.solution import Solution
from token_service.access.changes import Change, credits_of, update_request, with_credits
from token_service.access.records import (
    REASON_LENGTH,
    Entitlement,
    audit,
    good_reason,
    minted_at,
    new_generation,
    timestamp,
    to_the_second,
)
from token_service.access.remains import with_remains
from token_service.errors import Busy, ConditionFailed, Refused
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

    def grant(self, user_id: str, solution_id: str, plan_name: str | None = None) -> Entitlement:
        """Give access, or give it back after a revocation; counters stay. Granting what is granted changes nothing."""
        solution = self._solution(solution_id)
        plan = _plan(solution, plan_name or solution.default_plan)

        def change(current: Entitlement) -> Change | None:
            if current.closed_as:
                raise Refused("account_deleted", "the user deleted the account: grant it to the one that they have now")
            if current.status == SUSPENDED:
                raise Refused("entitlement_suspended", "the entitlement is suspended: resume it instead")
            if current.status == ACTIVE:
                if plan_name is None or plan_name == current.plan:
                    return None
                raise Refused("entitlement_exists", f"the plan is {current.plan}: change it with set-plan")
            return Change(
                "granted",
                {"status": ACTIVE, "generation": new_generation(), "plan": plan.name, **credits_of(plan, current)},
                # The key of the secret to come is the ring's, not that of the one before.
                remove=("paid_until", "mac_key_id"),
                details={"plan": plan.name},
                credits=plan.prepaid,
            )

        if self.find(user_id, solution_id) is None:
            try:
                self._put(self._new(user_id, solution_id, plan), "granted")
            except ConditionFailed:
                pass  # somebody else was first; what they made is now what is changed
            else:
                return self._required(user_id, solution_id)
        return self._apply(user_id, solution_id, change)

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
            self._put(new, "granted")
        return self._required(user_id, solution.solution_id)

    def set_plan(self, user_id: str, solution_id: str, plan_name: str, paid_until: int | None = None) -> Entitlement:
        """Change the plan; holds on the next request. Going over to a prepaid plan gives its credits once.

        A paid plan lapses at `paid_until` (seconds since the epoch), and without it never.
        """
        plan = _plan(self._solution(solution_id), plan_name)
        if paid_until is not None:
            _require_payable(plan, paid_until, self._clock())

        def change(current: Entitlement) -> Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked: grant it again")
            same = current.plan == plan.name
            if same and current.paid_until == paid_until:
                return None
            until: dict[str, str | int] = {} if paid_until is None else {"paid_until": paid_until}
            return Change(
                "plan_set",
                {"plan": plan.name, **until, **({} if same else credits_of(plan, current))},
                remove=("paid_until",) if paid_until is None else (),
                details={
                    "plan": plan.name,
                    "plan_before": current.plan,
                    "paid_until": to_the_second(paid_until),
                    "paid_until_before": to_the_second(current.paid_until),
                },
                credits=plan.prepaid,
            )

        return self._apply(user_id, solution_id, change)

    def add_credits(self, user_id: str, solution_id: str, credits: int) -> Entitlement:
        """Give more requests to a user of a prepaid plan: each call gives them again."""
        if not 1 <= credits <= MAX_COUNT:
            raise Refused("credits_invalid", f"give a whole number of credits from 1 to {MAX_COUNT}")
        solution = self._solution(solution_id)

        def change(current: Entitlement) -> Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked: grant it again")
            if not _plan(solution, current.plan).prepaid:
                prepaid = ", ".join(plan.name for plan in solution.plans.values() if plan.prepaid)
                instead = f"go over to one that has first (set-plan): {prepaid}" if prepaid else "no plan of it has any"
                raise Refused("plan_not_prepaid", f"the plan {current.plan} has no credits: {instead}")
            return Change(
                "credits_added",
                {"granted": with_credits(current, credits)},
                details={"plan": current.plan, "credits": str(credits)},
                credits=True,
            )

        return self._apply(user_id, solution_id, change)

    def suspend(self, user_id: str, solution_id: str, reason: str = "") -> Entitlement:
        """Stop access for a while; the token stays the same. A suspension's reason can be given or changed later.

        As a revocation, it never raises `Busy`, whatever others do to the entitlement meanwhile.
        """
        if reason and not good_reason(reason):
            raise Refused("reason_invalid", f"say why on one line of at most {REASON_LENGTH} characters")

        def change(current: Entitlement) -> Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked already")
            if current.status == SUSPENDED and reason in ("", current.suspended_reason):
                return None
            why: dict[str, str | int] = {"suspended_reason": reason} if reason else {}
            return Change("suspended", {"status": SUSPENDED, **why}, details={"reason": reason}, ends_access=True)

        return self._apply(user_id, solution_id, change)

    def resume(self, user_id: str, solution_id: str) -> Entitlement:
        """End a suspension."""

        def change(current: Entitlement) -> Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked: grant it again")
            if current.status == ACTIVE:
                return None
            return Change("resumed", {"status": ACTIVE}, remove=("suspended_reason",))

        return self._apply(user_id, solution_id, change)

    def revoke(self, user_id: str, solution_id: str) -> Entitlement:
        """End access and kill the token for good. Needs no KMS: what must always work depends on the table alone.

        Nor does it raise `Busy`: a mint or a rotation under way fails on its own condition, and not this.
        """

        def change(current: Entitlement) -> Change | None:
            if current.status == REVOKED:
                return None
            return Change(
                "revoked",
                {"status": REVOKED, "generation": new_generation()},
                remove=("jti", "mac_key_id", "suspended_reason"),
                drop_token=True,
                ends_access=True,
            )

        return self._apply(user_id, solution_id, change)

    def close(self, user_id: str, solution_id: str) -> Entitlement:
        """End access with its user's account, for good; `closed_as` tells what it was before."""

        def change(current: Entitlement) -> Change | None:
            if current.closed_as:
                return None
            return Change(
                "account_deleted",
                {"status": REVOKED, "closed_as": current.status, "generation": new_generation()},
                remove=("jti", "mac_key_id"),
                drop_token=True,
            )

        return self._apply(user_id, solution_id, change)

    def drop_token(self, user_id: str, solution_id: str) -> Entitlement:
        """Kill the token and nothing else: whoever signs in gets another one, with plan and counters as they were."""
        return self._apply(
            user_id, solution_id, lambda current: _without_token("token_revoked") if current.jti else None
        )

    def drop_older_token(self, user_id: str, solution_id: str, before: int) -> bool:
        """Do so if its secret was minted before a time, in seconds of the epoch; False if there was nothing to do.

        Needs no KMS. One minted meanwhile is of another generation, which the write does not touch.
        """
        dropped = False

        def change(current: Entitlement) -> Change | None:
            nonlocal dropped
            stored = self._repository.get_item(token_key(user_id, solution_id)) if current.jti else None
            dropped = bool(current.jti) and minted_at(stored, current) < before
            return _without_token("token_rotated_all") if dropped else None

        self._apply(user_id, solution_id, change)
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
            self._put(replace(moved, generation=new_generation(), created_at=created_at), "imported")
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

    def _put(self, new: Entitlement, event: str) -> None:
        user_id, solution_id = new.user_id, new.solution_id
        # Whoever deletes an account marks it first and looks for its entitlements then: none may come after the mark.
        living: tuple[str, Wire] = (
            "ConditionCheck",
            {"Key": account_key(user_id).wire, "ConditionExpression": f"attribute_not_exists({DELETING})"},
        )
        wire = entitlement_key(user_id, solution_id).wire | item_to_wire(new.to_item())
        put: tuple[str, Wire] = ("Put", {"Item": wire, "ConditionExpression": "attribute_not_exists(pk)"})
        entry = audit(user_id, solution_id, event, self._actor, self._clock(), plan=new.plan)
        self._repository.transact([living, put, entry])

    def _apply(self, user_id: str, solution_id: str, decide: Callable[[Entitlement], Change | None]) -> Entitlement:
        for _ in range(ATTEMPTS):
            current = self._required(user_id, solution_id)
            change = decide(current)
            if change is None:
                return current
            try:
                self._write(current, change)
            except ConditionFailed:
                continue
            return self._required(user_id, solution_id)
        raise Busy("the entitlement is being changed by others: try again")

    def _write(self, current: Entitlement, change: Change) -> None:
        update = update_request(current, change)
        user_id, solution_id = current.user_id, current.solution_id
        entry = audit(user_id, solution_id, change.event, self._actor, self._clock(), **change.details)
        token = token_key(user_id, solution_id)
        actions = [("Update", update), entry]
        if change.drop_token:
            actions.append(("Delete", {"Key": token.wire}))
        try:
            self._repository.transact(actions)
        except Busy:
            if not change.ends_access:
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
            raise Refused("entitlement_missing", f"user {user_id} has no entitlement to {solution_id}: grant it first")
        return found


def require_solution(repository: Repository, solution_id: str, now: float) -> Solution:
    """Read a solution's configuration, or refuse."""
    solution = Directory(repository.get_item).solution(solution_id, now)
    if solution is None:
        raise Refused("solution_unknown", f"there is no solution {solution_id}: apply its configuration first")
    return solution


def _plan(solution: Solution, name: str) -> Plan:
    plan = solution.plans.get(name)
    if plan is None or name == ANONYMOUS:
        known = ", ".join(p for p in solution.plans if p != ANONYMOUS)
        raise Refused("plan_unknown", f"{solution.solution_id} has no plan {name} for users; it has {known}")
    return plan


def _without_token(event: str) -> Change:
    return Change(event, {"generation": new_generation()}, remove=("jti", "mac_key_id"), drop_token=True)


def _require_payable(plan: Plan, paid_until: int, now: float) -> None:
    if not plan.paid:
        raise Refused(
            "plan_not_paid", f"the plan {plan.name} does not lapse: only a plan with a price and no credits does"
        )
    if paid_until <= now:
        raise Refused("until_past", f"{to_the_second(paid_until)} is past: give a future date, or another plan")
