"""What each change of an entitlement is: pure, from the entitlement as it was read.

A rule takes the current entitlement and returns the `Change` to write, None where nothing changes, or raises `Refused`.
`grants.py` carries it out, `writes.py` puts it into DynamoDB's words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from entitlements.decision import ACTIVE, REVOKED, SUSPENDED
from entitlements.mapping_reader import MAX_COUNT
from entitlements.plans import ANONYMOUS, Plan
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.access.records import REASON_LENGTH, Entitlement, good_reason, new_generation, to_the_second


@dataclass(frozen=True, slots=True)
class Change:
    """What to write to an existing entitlement, and what the audit says of it."""

    event: str
    set: Mapping[str, str | int]
    remove: tuple[str, ...] = ()
    drop_token: bool = False
    details: Mapping[str, str] = field(default_factory=dict)
    credits: bool = False
    """Whether `granted` was computed from it and from `total`, which moves without the control plane."""
    ends_access: bool = False
    """Whether it applies to whatever the entitlement is by then, short of a revoked one: an end of access depends on
    nothing that was read, so that no other change can keep it from being written."""


Rule = Callable[[Entitlement], Change | None]


def grant(plan: Plan, only_this: bool) -> Rule:
    """Access on a plan, or access again after a revocation. `only_this`: having another plan is refused."""

    def rule(current: Entitlement) -> Change | None:
        if current.closed_as:
            raise Refused(Code.ACCOUNT_DELETED, "the user deleted the account: grant it to the one that they have now")
        if current.status == SUSPENDED:
            raise Refused(Code.ENTITLEMENT_SUSPENDED, "the entitlement is suspended: resume it instead")
        if current.status == ACTIVE:
            if not only_this or plan.name == current.plan:
                return None
            raise Refused(Code.ENTITLEMENT_EXISTS, f"the plan is {current.plan}: change it with set-plan")
        return Change(
            "granted",
            {"status": ACTIVE, "generation": new_generation(), "plan": plan.name, **credits_of(plan, current)},
            # The key of the secret to come is the ring's, not that of the one before.
            remove=("paid_until", "mac_key_id"),
            details={"plan": plan.name},
            credits=plan.prepaid,
        )

    return rule


def set_plan(plan: Plan, paid_until: int | None) -> Rule:
    """Another plan, or another end of what was paid for. Going over to a prepaid plan gives its credits once."""

    def rule(current: Entitlement) -> Change | None:
        _require_not_revoked(current)
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

    return rule


def add_credits(solution: Solution, credits: int) -> Rule:
    """More requests for a user of a prepaid plan."""
    if not 1 <= credits <= MAX_COUNT:
        raise Refused(Code.CREDITS_INVALID, f"give a whole number of credits from 1 to {MAX_COUNT}")

    def rule(current: Entitlement) -> Change | None:
        _require_not_revoked(current)
        if not plan_of(solution, current.plan).prepaid:
            prepaid = ", ".join(plan.name for plan in solution.plans.values() if plan.prepaid)
            instead = f"go over to one that has first (set-plan): {prepaid}" if prepaid else "no plan of it has any"
            raise Refused(Code.PLAN_NOT_PREPAID, f"the plan {current.plan} has no credits: {instead}")
        return Change(
            "credits_added",
            {"granted": with_credits(current, credits)},
            details={"plan": current.plan, "credits": str(credits)},
            credits=True,
        )

    return rule


def suspend(reason: str) -> Rule:
    """No access for a while; the token stays the same. A suspension's reason can be given or changed later."""
    if reason and not good_reason(reason):
        raise Refused(Code.REASON_INVALID, f"say why on one line of at most {REASON_LENGTH} characters")

    def rule(current: Entitlement) -> Change | None:
        if current.status == REVOKED:
            raise Refused(Code.ENTITLEMENT_REVOKED, "the entitlement is revoked already")
        if current.status == SUSPENDED and reason in ("", current.suspended_reason):
            return None
        why: dict[str, str | int] = {"suspended_reason": reason} if reason else {}
        return Change("suspended", {"status": SUSPENDED, **why}, details={"reason": reason}, ends_access=True)

    return rule


def resume(current: Entitlement) -> Change | None:
    """The end of a suspension."""
    _require_not_revoked(current)
    if current.status == ACTIVE:
        return None
    return Change("resumed", {"status": ACTIVE}, remove=("suspended_reason",))


def revoke(current: Entitlement) -> Change | None:
    """The end of access and of the token, for good."""
    if current.status == REVOKED:
        return None
    return Change(
        "revoked",
        {"status": REVOKED, "generation": new_generation()},
        remove=("jti", "mac_key_id", "suspended_reason"),
        drop_token=True,
        ends_access=True,
    )


def close(current: Entitlement) -> Change | None:
    """The end of access with its user's account, for good; `closed_as` tells what it was before."""
    if current.closed_as:
        return None
    return Change(
        "account_deleted",
        {"status": REVOKED, "closed_as": current.status, "generation": new_generation()},
        remove=("jti", "mac_key_id"),
        drop_token=True,
    )


def drop_token(event: str) -> Rule:
    """The end of the token and of nothing else."""

    def rule(current: Entitlement) -> Change | None:
        if not current.jti:
            return None
        return Change(event, {"generation": new_generation()}, remove=("jti", "mac_key_id"), drop_token=True)

    return rule


def with_credits(current: Entitlement, credits: int) -> int:
    """What `granted` becomes when credits are bought.

    A purchase adds to what is left, and never to a debt: use under other plans was not bought by these credits.
    """
    return max(current.total, current.granted or 0) + credits


def credits_of(plan: Plan, current: Entitlement) -> dict[str, str | int]:
    """What to set when somebody goes over to a plan: a prepaid one brings its credits along."""
    return {} if plan.credits is None else {"granted": with_credits(current, plan.credits)}


def plan_of(solution: Solution, name: str) -> Plan:
    """A plan that users can have; raises `Refused` where the solution has no such."""
    plan = solution.plans.get(name)
    if plan is None or name == ANONYMOUS:
        known = ", ".join(p for p in solution.plans if p != ANONYMOUS)
        raise Refused(Code.PLAN_UNKNOWN, f"{solution.solution_id} has no plan {name} for users; it has {known}")
    return plan


def require_payable(plan: Plan, paid_until: int, now: float) -> None:
    """Refuse an end of what was paid for that a plan cannot have, or that is past."""
    if not plan.paid:
        raise Refused(
            Code.PLAN_NOT_PAID, f"the plan {plan.name} does not lapse: only a plan with a price and no credits does"
        )
    if paid_until <= now:
        raise Refused(Code.UNTIL_PAST, f"{to_the_second(paid_until)} is past: give a future date, or another plan")


def _require_not_revoked(current: Entitlement) -> None:
    if current.status == REVOKED:
        raise Refused(Code.ENTITLEMENT_REVOKED, "the entitlement is revoked: grant it again")
