"""Who may do what: grant, change of plan, suspension, revocation. Each is one transaction with its audit entry."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from entitlements.decision import ACTIVE, REVOKED, SUSPENDED
from entitlements.directory import Directory
from entitlements.plans import ANONYMOUS, Plan
from entitlements.solution import Solution
from entitlements.table import Wire, entitlement_key, item_to_wire, to_wire, token_key
from token_service.errors import Busy, ConditionFailed, Refused
from token_service.records import Entitlement, audit, new_generation, timestamp
from token_service.repository import Repository

ATTEMPTS: Final = 5
"""How often a change is made anew when somebody else changed the entitlement between reading and writing."""


@dataclass(frozen=True, slots=True)
class _Change:
    """What to write to an existing entitlement, and what the audit says of it."""

    event: str
    set: dict[str, str | int]
    remove: tuple[str, ...] = ()
    drop_token: bool = False
    details: dict[str, str] = field(default_factory=dict)
    # Counters move without the control plane; only what was computed from them must still hold.
    unless_used_since: bool = False


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
        yield from map(Entitlement.from_item, self._repository.query(f"user#{user_id}", "solution#"))

    def of_solution(self, solution_id: str) -> Iterator[Entitlement]:
        """All entitlements of a solution."""
        for key in self._repository.entitlement_keys_of(solution_id):
            found = self.find(key["user_id"], solution_id)
            if found is not None:
                yield found

    def grant(self, user_id: str, solution_id: str, plan_name: str | None = None) -> Entitlement:
        """Give access, or give it back after a revocation; counters stay. Granting what is granted changes nothing."""
        solution = self._solution(solution_id)
        plan = _plan(solution, plan_name or solution.default_plan)

        def change(current: Entitlement) -> _Change | None:
            if current.status == SUSPENDED:
                raise Refused("entitlement_suspended", "the entitlement is suspended: resume it instead")
            if current.status == ACTIVE:
                if plan_name is None or plan_name == current.plan:
                    return None
                raise Refused("entitlement_exists", f"the plan is {current.plan}: change it with set-plan")
            return _Change(
                "granted",
                {"status": ACTIVE, "generation": new_generation(), "plan": plan.name, **_credits(plan, current)},
                # The key of the secret to come is the ring's, not that of the one before.
                remove=("paid_until", "mac_key_id"),
                details={"plan": plan.name},
                unless_used_since=plan.prepaid,
            )

        if self.find(user_id, solution_id) is None:
            try:
                self._create(user_id, solution_id, plan)
            except ConditionFailed:
                pass  # somebody else was first; what they made is now what is changed
            else:
                return self._required(user_id, solution_id)
        return self._apply(user_id, solution_id, change)

    def ensure(self, user_id: str, solution_id: str) -> Entitlement:
        """What a user has, or access on the default plan for one who has nothing. Undoes no revocation."""
        return self.find(user_id, solution_id) or self._grant_new(user_id, solution_id)

    def _grant_new(self, user_id: str, solution_id: str) -> Entitlement:
        solution = self._solution(solution_id)
        with suppress(ConditionFailed):  # somebody else was first
            self._create(user_id, solution_id, solution.plans[solution.default_plan])
        return self._required(user_id, solution_id)

    def set_plan(self, user_id: str, solution_id: str, plan_name: str) -> Entitlement:
        """Change the plan; holds on the next request. Going over to a prepaid plan gives its credits once."""
        plan = _plan(self._solution(solution_id), plan_name)

        def change(current: Entitlement) -> _Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked: grant it again")
            if current.plan == plan.name and current.paid_until is None:
                return None
            return _Change(
                "plan_set",
                {"plan": plan.name, **_credits(plan, current)},
                remove=("paid_until",),
                details={"plan": plan.name, "plan_before": current.plan},
                unless_used_since=plan.prepaid,
            )

        return self._apply(user_id, solution_id, change)

    def suspend(self, user_id: str, solution_id: str) -> Entitlement:
        """Stop access for a while; the token stays the same."""

        def change(current: Entitlement) -> _Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked already")
            return None if current.status == SUSPENDED else _Change("suspended", {"status": SUSPENDED})

        return self._apply(user_id, solution_id, change)

    def resume(self, user_id: str, solution_id: str) -> Entitlement:
        """End a suspension."""

        def change(current: Entitlement) -> _Change | None:
            if current.status == REVOKED:
                raise Refused("entitlement_revoked", "the entitlement is revoked: grant it again")
            return None if current.status == ACTIVE else _Change("resumed", {"status": ACTIVE})

        return self._apply(user_id, solution_id, change)

    def revoke(self, user_id: str, solution_id: str) -> Entitlement:
        """End access and kill the token for good. Needs no KMS: what must always work depends on the table alone."""

        def change(current: Entitlement) -> _Change | None:
            if current.status == REVOKED:
                return None
            return _Change(
                "revoked",
                {"status": REVOKED, "generation": new_generation()},
                remove=("jti", "mac_key_id"),
                drop_token=True,
            )

        return self._apply(user_id, solution_id, change)

    def drop_token(self, user_id: str, solution_id: str) -> Entitlement:
        """Kill the token and nothing else: whoever signs in gets another one, with plan and counters as they were."""

        def change(current: Entitlement) -> _Change | None:
            if not current.jti:
                return None
            return _Change(
                "token_revoked", {"generation": new_generation()}, remove=("jti", "mac_key_id"), drop_token=True
            )

        return self._apply(user_id, solution_id, change)

    def _solution(self, solution_id: str) -> Solution:
        return require_solution(self._repository, solution_id, self._clock())

    def _create(self, user_id: str, solution_id: str, plan: Plan) -> None:
        now = self._clock()
        item: dict[str, str | int] = {
            "user_id": user_id,
            "solution_id": solution_id,
            "status": ACTIVE,
            "plan": plan.name,
            "generation": new_generation(),
            # An absent counter is not less than `granted`: a prepaid plan needs the zero.
            "total": 0,
            "created_at": timestamp(now),
        }
        if plan.credits is not None:
            item["granted"] = plan.credits
        wire = entitlement_key(user_id, solution_id) | item_to_wire(item)
        put: tuple[str, Wire] = ("Put", {"Item": wire, "ConditionExpression": "attribute_not_exists(pk)"})
        self._repository.transact([put, audit(user_id, solution_id, "granted", self._actor, now, plan=plan.name)])

    def _apply(self, user_id: str, solution_id: str, decide: Callable[[Entitlement], _Change | None]) -> Entitlement:
        for _ in range(ATTEMPTS):
            current = self._required(user_id, solution_id)
            change = decide(current)
            if change is None:
                return current
            now = self._clock()
            actions = [
                ("Update", _update(current, change)),
                audit(user_id, solution_id, change.event, self._actor, now, **change.details),
            ]
            if change.drop_token:
                actions.append(("Delete", {"Key": token_key(user_id, solution_id)}))
            try:
                self._repository.transact(actions)
            except ConditionFailed:
                continue
            return self._required(user_id, solution_id)
        raise Busy("the entitlement is being changed by others: try again")

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


def _credits(plan: Plan, current: Entitlement) -> dict[str, str | int]:
    """A purchase adds to what is left, and never to a debt: use under other plans was not bought by these credits."""
    if plan.credits is None:
        return {}
    return {"granted": max(current.total, current.granted or 0) + plan.credits}


def _update(current: Entitlement, change: _Change) -> Wire:
    """The change, on condition that the entitlement is still what it was computed from."""
    names = {f"#s{n}": name for n, name in enumerate(change.set)}
    values = {f":s{n}": to_wire(value) for n, value in enumerate(change.set.values())}
    update = "SET " + ", ".join(f"#s{n} = :s{n}" for n in range(len(change.set)))
    if change.remove:
        update += " REMOVE " + ", ".join(change.remove)
    condition = "generation = :was_generation AND #status = :was_status AND #plan = :was_plan"
    names |= {"#status": "status", "#plan": "plan"}
    values |= {
        ":was_generation": to_wire(current.generation),
        ":was_status": to_wire(current.status),
        ":was_plan": to_wire(current.plan),
    }
    if change.unless_used_since:
        condition += " AND #total = :was_total"
        names["#total"] = "total"
        values[":was_total"] = to_wire(current.total)
    return {
        "Key": entitlement_key(current.user_id, current.solution_id),
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
