"""The decision, from the subject, the stored item and the solution. No clock, no network.

It interprets the plan's rules over an item: each kind of rule has a row in `_QUOTAS` or `_TERMS`, as in `spend`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from entitlements.address import pseudonym
from entitlements.items import Item, Key, entitlement_key, visitor_key
from entitlements.plans import ANONYMOUS, Plan
from entitlements.reasons import Reason
from entitlements.rules import AtMost, CreditsLeft, PaidUntil, Rule
from entitlements.solution import Solution
from entitlements.windows import Windows

ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
REVOKED: Final = "revoked"


class Holder(NamedTuple):
    """The holder of a verified token."""

    user_id: str
    jti: str
    resign: bool = False
    """Whether another key signs now: the token is still valid, and its holder should refresh it."""

    def key(self, solution_id: str) -> Key:
        """The key of the entitlement."""
        return entitlement_key(self.user_id, solution_id)


class Visitor(NamedTuple):
    """A client without a token, identified by the keyed hash of its address."""

    address_hash: str

    @property
    def user_id(self) -> str:
        """The principal of every visitor: the hash stays out of contexts and logs."""
        return ANONYMOUS

    def key(self, solution_id: str) -> Key:
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
    visitor: str = ""
    """For the log: the pseudonym of the day of a visitor who is refused at the limit, and nobody else's."""

    @property
    def allowed(self) -> bool:
        """Whether the request passes."""
        return self.reason.allowed

    def context(self) -> dict[str, str]:
        """The context that an API receives: only strings (REST APIs refuse nested values), ASCII, safe inside JSON."""
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
    """A denial that depends on no stored item."""
    if solution is None:
        return Decision(reason, user_id=user_id)
    return Decision(reason, solution.solution_id, user_id, upgrade_url=solution.upgrade_url)


class Room(NamedTuple):
    """An item's use of a quota. `resets_at` is empty if the quota never resets."""

    limit: int
    used: int
    resets_at: str
    fits: bool
    """Whether the quota has room for the request."""


def _at_most(rule: AtMost, item: Item, windows: Windows, cost: int) -> Room:
    window = windows.open[rule.window]
    used = item.get(window.counter)
    if type(used) is not int:
        return Room(rule.limit, 0, window.resets_at, window.counter not in item)
    return Room(rule.limit, used, window.resets_at, used <= rule.limit - cost)


def _credits_left(rule: CreditsLeft, item: Item, windows: Windows, cost: int) -> Room:
    total, granted = item.get("total"), item.get("granted")
    fits = type(total) is int and type(granted) is int and total < granted
    return Room(_count(item, "granted"), _count(item, "total"), "", fits)


def _paid_until(rule: PaidUntil, item: Mapping[str, Any], now: int) -> bool | None:
    if "paid_until" not in item:
        return True
    until = item["paid_until"]
    return until > now if type(until) is int else None


_QUOTAS: Final[Mapping[type[Rule], Callable[[Any, Item, Windows, int], Room]]] = {
    AtMost: _at_most,
    CreditsLeft: _credits_left,
}
_TERMS: Final[Mapping[type[Rule], Callable[[Any, Mapping[str, Any], int], bool | None]]] = {PaidUntil: _paid_until}
"""Whether the plan still applies; None if the item's value is not valid."""


def effective_plan(item: Mapping[str, Any], solution: Solution, now: int) -> Plan | None:
    """The plan in effect: the stored one, or the default if a paid one has lapsed; None if unknown."""
    name = item.get("plan")
    plan = solution.plans.get(name) if isinstance(name, str) and name != ANONYMOUS else None
    if plan is None:
        return None
    terms = [term(rule, item, now) for rule in plan.rules if (term := _TERMS.get(type(rule)))]
    if None in terms:
        return None
    return plan if all(terms) else solution.plans[solution.default_plan]


def _rooms(plan: Plan | None, item: Item, windows: Windows, cost: int) -> list[Room]:
    if plan is None:
        return []
    return [quota(rule, item, windows, cost) for rule in plan.rules if (quota := _QUOTAS.get(type(rule)))]


def judge(subject: Subject, item: Item | None, solution: Solution, windows: Windows, cost: int, now: int) -> Decision:
    """The decision of the one write, given `item` as it is before the write. A test holds that both always agree."""
    if isinstance(subject, Visitor):
        plan = solution.anonymous_plan
        if plan is None:
            return refuse(Reason.TOKEN_MISSING, solution)
        rooms = _rooms(plan, item or {}, windows, cost)
        reason = Reason.OK_ANONYMOUS if _fits(rooms, cost) else Reason.ANONYMOUS_QUOTA_EXCEEDED
        decision = _told(reason, subject, item or {}, plan, solution, rooms)
        if decision.allowed:
            return decision
        return decision._replace(visitor=pseudonym(subject.address_hash, windows.open["day"].counter[1:]))
    if item is None:
        return refuse(Reason.ENTITLEMENT_MISSING, solution, subject.user_id)
    plan = effective_plan(item, solution, now)
    rooms = _rooms(plan, item, windows, cost)
    return _told(_holder_reason(subject, item, plan, rooms, cost), subject, item, plan, solution, rooms)


def _holder_reason(subject: Holder, item: Item, plan: Plan | None, rooms: list[Room], cost: int) -> Reason:
    if item.get("status") == SUSPENDED:
        return Reason.ENTITLEMENT_SUSPENDED
    # Any other status, such as one of a later version, is denied.
    if item.get("status") != ACTIVE:
        return Reason.ENTITLEMENT_REVOKED
    if item.get("jti") != subject.jti:
        return Reason.TOKEN_SUPERSEDED
    if plan is None:
        return Reason.PLAN_UNKNOWN
    return Reason.OK if _fits(rooms, cost) else Reason.QUOTA_EXCEEDED


def _fits(rooms: list[Room], cost: int) -> bool:
    # A request that costs nothing is only verified: an exhausted quota does not deny it.
    return cost == 0 or all(room.fits for room in rooms)


def describe(
    reason: Reason, subject: Subject, item: Item, plan: Plan | None, solution: Solution, windows: Windows
) -> Decision:
    """A decision with the counters of `item` under `plan`."""
    return _told(reason, subject, item, plan, solution, _rooms(plan, item, windows, 0))


def _told(
    reason: Reason, subject: Subject, item: Item, plan: Plan | None, solution: Solution, rooms: list[Room]
) -> Decision:
    # `min` takes the first of equals, and `Plan.rules` lists windows that reset within a day last.
    tightest = min(rooms, key=_remaining) if rooms else None
    return Decision(
        reason=reason,
        solution_id=solution.solution_id,
        user_id=subject.user_id,
        plan=plan.name if plan else "",
        limit=tightest.limit if tightest else None,
        used=tightest.used if tightest else _count(item, "total") if plan else None,
        remaining=_remaining(tightest) if tightest else None,
        resets_at=tightest.resets_at if tightest else "",
        upgrade_url=solution.upgrade_url_after(reason.value) if reason.is_wall else solution.upgrade_url,
        resign=isinstance(subject, Holder) and subject.resign,
    )


def _remaining(room: Room) -> int:
    return max(0, room.limit - room.used)  # a limit that was lowered leaves nothing


def _count(item: Item, name: str) -> int:
    value = item.get(name, 0)
    return value if type(value) is int else 0
