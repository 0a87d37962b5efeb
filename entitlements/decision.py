"""The decision: who asks, what the table holds, what that means. No clock, no network."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from entitlements.plans import ANONYMOUS, Limits, Plan
from entitlements.reasons import Reason
from entitlements.solution import Solution
from entitlements.table import Item, Wire, entitlement_key, visitor_key
from entitlements.windows import Windows

ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
REVOKED: Final = "revoked"


class Holder(NamedTuple):
    """The holder of a verified token."""

    user_id: str
    jti: str
    resign: bool = False
    """Whether another key signs by now: the token is good, and its holder shall fetch it anew."""

    def key(self, solution_id: str) -> Wire:
        """The key of the entitlement."""
        return entitlement_key(self.user_id, solution_id)


class Visitor(NamedTuple):
    """Somebody without a token, known by the keyed hash of the address."""

    address_hash: str

    @property
    def user_id(self) -> str:
        """The principal of every visitor: the hash stays out of contexts and logs."""
        return ANONYMOUS

    def key(self, solution_id: str) -> Wire:
        """The key of the visitor's counters."""
        return visitor_key(self.address_hash, solution_id)


Subject = Holder | Visitor


class Decision(NamedTuple):
    """Allow or deny, with the facts that explain it. `limit`, `used` and `remaining` describe the tightest limit."""

    reason: Reason
    solution_id: str = ""
    user_id: str = ANONYMOUS
    plan: str = ""
    limit: int | None = None
    used: int | None = None
    remaining: int | None = None
    resets_at: str = ""
    upgrade_url: str = ""
    resign: bool = False

    @property
    def allowed(self) -> bool:
        """Whether the request passes."""
        return self.reason.allowed

    def context(self) -> dict[str, str]:
        """What an API is told: strings throughout (REST APIs refuse more), ASCII, safe inside JSON."""
        return {
            "reason": self.reason.value,
            "userId": self.user_id,
            "solutionId": self.solution_id,
            "plan": self.plan,
            "limit": _text(self.limit),
            "used": _text(self.used),
            "remaining": _text(self.remaining),
            "resetsAt": self.resets_at,
            "upgradeUrl": self.upgrade_url,
            "resign": "true" if self.resign else "false",
        }


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def refuse(reason: Reason, solution: Solution | None, user_id: str = ANONYMOUS) -> Decision:
    """A denial that rests on no stored item."""
    if solution is None:
        return Decision(reason, user_id=user_id)
    return Decision(reason, solution.solution_id, user_id, upgrade_url=solution.upgrade_url)


def effective_plan(item: Mapping[str, Any], solution: Solution, now: int) -> Plan | None:
    """The plan that counts now: the stored one, or the default where a paid one has lapsed; None if unknown."""
    name = item.get("plan")
    plan = solution.plans.get(name) if isinstance(name, str) and name != ANONYMOUS else None
    if plan is None or not plan.paid or "paid_until" not in item:
        return plan
    if type(item["paid_until"]) is not int:
        return None
    return plan if item["paid_until"] > now else solution.plans[solution.default_plan]


def judge(subject: Subject, item: Item | None, solution: Solution, windows: Windows, cost: int, now: int) -> Decision:
    """What the one write would decide about `item` as it stands before: the model that the write must agree with."""
    if isinstance(subject, Visitor):
        plan = solution.anonymous_plan
        if plan is None:
            return refuse(Reason.TOKEN_MISSING, solution)
        item = item or {}
        allowed = cost == 0 or _within(item, plan.limits, windows, cost)
        reason = Reason.OK_ANONYMOUS if allowed else Reason.ANONYMOUS_QUOTA_EXCEEDED
        return describe(reason, subject, item, plan, solution, windows)
    if item is None:
        return refuse(Reason.ENTITLEMENT_MISSING, solution, subject.user_id)
    plan = effective_plan(item, solution, now)
    return describe(_holder_reason(subject, item, plan, windows, cost), subject, item, plan, solution, windows)


def _holder_reason(subject: Holder, item: Item, plan: Plan | None, windows: Windows, cost: int) -> Reason:
    if item.get("status") == SUSPENDED:
        return Reason.ENTITLEMENT_SUSPENDED
    # Whatever else stands there, such as a status of a later version, is no leave to pass.
    if item.get("status") != ACTIVE:
        return Reason.ENTITLEMENT_REVOKED
    if item.get("jti") != subject.jti:
        return Reason.TOKEN_SUPERSEDED
    if plan is None:
        return Reason.PLAN_UNKNOWN
    if cost == 0:
        return Reason.OK
    if plan.prepaid and not _less(item.get("total"), item.get("granted")):
        return Reason.QUOTA_EXCEEDED
    return Reason.OK if _within(item, plan.limits, windows, cost) else Reason.QUOTA_EXCEEDED


def _less(left: object, right: object) -> bool:
    return type(left) is int and type(right) is int and left < right


def _within(item: Item, limits: Limits, windows: Windows, cost: int) -> bool:
    return all(
        counter not in item or (type(item[counter]) is int and item[counter] <= limit - cost)
        for counter, limit, _ in limits.counters(windows)
    )


def describe(
    reason: Reason, subject: Subject, item: Item, plan: Plan | None, solution: Solution, windows: Windows
) -> Decision:
    """A decision with the counters of `item` under `plan`."""
    limit, used, remaining, resets_at = _tightest(item, plan, windows)
    return Decision(
        reason=reason,
        solution_id=solution.solution_id,
        user_id=subject.user_id,
        plan=plan.name if plan else "",
        limit=limit,
        used=used,
        remaining=remaining,
        resets_at=resets_at,
        upgrade_url=solution.upgrade_url,
        resign=isinstance(subject, Holder) and subject.resign,
    )


def _tightest(item: Item, plan: Plan | None, windows: Windows) -> tuple[int | None, int | None, int | None, str]:
    if plan is None:
        return None, None, None, ""
    rows = plan.limits.counters(windows)
    if plan.prepaid:
        rows.append(("total", _count(item, "granted"), ""))
    if not rows:
        return None, _count(item, "total"), None, ""
    described = [(max(0, limit - _count(item, c)), limit, _count(item, c), at) for c, limit, at in rows]
    remaining, limit, used, resets_at = min(described, key=lambda row: row[0])
    return limit, used, remaining, resets_at


def _count(item: Item, name: str) -> int:
    value = item.get(name, 0)
    return value if type(value) is int else 0
