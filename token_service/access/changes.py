"""The changes of an entitlement, as pure functions of the entitlement that was read.

A rule takes the current entitlement and returns the `Change` to write, or None if nothing changes, or raises `Refused`.
`grants.py` carries the change out; `writes.py` turns it into DynamoDB requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from entitlements.decision import ACTIVE, REVOKED, SUSPENDED
from entitlements.mapping_reader import MAX_COUNT
from entitlements.plans import ANONYMOUS, Plan
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.access.records import REASON_LENGTH, Action, Entitlement, good_reason, new_generation, to_the_second


@dataclass(frozen=True, slots=True)
class Change:
    """The attributes to write to an existing entitlement, and the audit entry of the change."""

    event: str
    set: Mapping[str, str | int]
    remove: tuple[str, ...] = ()
    drop_token: bool = False
    details: Mapping[str, str] = field(default_factory=dict)
    also: tuple[Action, ...] = ()
    """Further actions, which are written in the same transaction."""
    credits: bool = False
    """Whether the new `granted` was computed from the old one and from `total`, which the gate changes at any time."""
    ends_access: bool = False
    """Whether it applies to the entitlement in any state but revoked. Ending access does not depend on what was read,
    so a concurrent change cannot prevent it."""


Rule = Callable[[Entitlement], Change | None]


def grant(plan: Plan, only_this: bool) -> Rule:
    """Grant access on a plan, also after a revocation. With `only_this`, access on another plan is refused."""

    def rule(current: Entitlement) -> Change | None:
        if current.closed_as:
            raise Refused(Code.ACCOUNT_DELETED, "the user deleted this account: grant access to the user's new account")
        if current.status == SUSPENDED:
            raise Refused(Code.ENTITLEMENT_SUSPENDED, "the entitlement is suspended: resume it instead")
        if current.status == ACTIVE:
            if not only_this or plan.name == current.plan:
                return None
            raise Refused(Code.ENTITLEMENT_EXISTS, f"the plan is {current.plan}: change it with set-plan")
        return Change(
            "granted",
            {"status": ACTIVE, "generation": new_generation(), "plan": plan.name, **credits_of(plan, current)},
            # The next secret is derived with the ring's current MAC key, not with that of the previous secret.
            remove=("paid_until", "mac_key_id"),
            details={"plan": plan.name, "again": "true"},  # so that it is not counted as a registration
            credits=plan.prepaid,
        )

    return rule


def set_plan(plan: Plan, paid_until: int | None) -> Rule:
    """Set the plan and the time until which it is paid for. Switching to a prepaid plan adds its credits once."""

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
    """Add requests for a user of a prepaid plan."""
    if not 1 <= credits <= MAX_COUNT:
        raise Refused(Code.CREDITS_INVALID, f"credits must be a whole number from 1 to {MAX_COUNT}")

    def rule(current: Entitlement) -> Change | None:
        _require_not_revoked(current)
        if not plan_of(solution, current.plan).prepaid:
            prepaid = ", ".join(plan.name for plan in solution.plans.values() if plan.prepaid)
            instead = f"set a prepaid plan first (set-plan): {prepaid}" if prepaid else "the solution has no such plan"
            raise Refused(Code.PLAN_NOT_PREPAID, f"the plan {current.plan} is not prepaid: {instead}")
        return Change(
            "credits_added",
            {"granted": with_credits(current, credits)},
            details={"plan": current.plan, "credits": str(credits)},
            credits=True,
        )

    return rule


def suspend(reason: str) -> Rule:
    """Suspend access; the token stays the same. Suspending again adds or changes the reason."""
    if reason and not good_reason(reason):
        raise Refused(Code.REASON_INVALID, f"the reason must be one line of at most {REASON_LENGTH} characters")

    def rule(current: Entitlement) -> Change | None:
        if current.status == REVOKED:
            raise Refused(Code.ENTITLEMENT_REVOKED, "the entitlement is already revoked")
        if current.status == SUSPENDED and reason in ("", current.suspended_reason):
            return None
        why: dict[str, str | int] = {"suspended_reason": reason} if reason else {}
        return Change("suspended", {"status": SUSPENDED, **why}, details={"reason": reason}, ends_access=True)

    return rule


def resume(current: Entitlement) -> Change | None:
    """End a suspension."""
    _require_not_revoked(current)
    if current.status == ACTIVE:
        return None
    return Change("resumed", {"status": ACTIVE}, remove=("suspended_reason",))


def revoke(current: Entitlement) -> Change | None:
    """End access and the token permanently."""
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
    """End access permanently because the user's account is deleted; `closed_as` keeps the previous status."""
    if current.closed_as:
        return None
    return Change(
        "account_deleted",
        {"status": REVOKED, "closed_as": current.status, "generation": new_generation()},
        remove=("jti", "mac_key_id"),
        drop_token=True,
    )


def drop_token(event: str) -> Rule:
    """End the token; access, plan and counters stay."""

    def rule(current: Entitlement) -> Change | None:
        if not current.jti:
            return None
        return Change(event, {"generation": new_generation()}, remove=("jti", "mac_key_id"), drop_token=True)

    return rule


def with_credits(current: Entitlement, credits: int) -> int:
    """The value of `granted` after credits are bought.

    They are added to the credits that are left. If `total` is above `granted`, they are added to `total`: requests
    made under other plans must not use up these credits.
    """
    return max(current.total, current.granted or 0) + credits


def credits_of(plan: Plan, current: Entitlement) -> dict[str, str | int]:
    """The attributes to set when a user switches to a plan: `granted` for a prepaid plan."""
    return {} if plan.credits is None else {"granted": with_credits(current, plan.credits)}


def plan_of(solution: Solution, name: str) -> Plan:
    """A plan for users; raises `Refused` if the solution does not have it."""
    plan = solution.plans.get(name)
    if plan is None or name == ANONYMOUS:
        known = ", ".join(p for p in solution.plans if p != ANONYMOUS)
        raise Refused(Code.PLAN_UNKNOWN, f"{solution.solution_id} has no plan {name} for users; it has {known}")
    return plan


def require_payable(plan: Plan, paid_until: int, now: float) -> None:
    """Refuse a `paid_until` in the past, or for a plan that does not lapse."""
    if not plan.paid:
        raise Refused(
            Code.PLAN_NOT_PAID, f"the plan {plan.name} does not lapse: only a plan with a price and no credits does"
        )
    if paid_until <= now:
        raise Refused(Code.UNTIL_PAST, f"{to_the_second(paid_until)} is in the past: give a future date")


def _require_not_revoked(current: Entitlement) -> None:
    if current.status == REVOKED:
        raise Refused(Code.ENTITLEMENT_REVOKED, "the entitlement is revoked: grant it again")
