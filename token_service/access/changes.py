"""A change of an entitlement: what is written, on which condition, and what the audit says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from entitlements.decision import REVOKED
from entitlements.items import Wire, entitlement_key, to_wire
from entitlements.plans import Plan
from token_service.access.records import Entitlement


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


def with_credits(current: Entitlement, credits: int) -> int:
    """What `granted` becomes when credits are bought.

    A purchase adds to what is left, and never to a debt: use under other plans was not bought by these credits.
    """
    return max(current.total, current.granted or 0) + credits


def credits_of(plan: Plan, current: Entitlement) -> dict[str, str | int]:
    """What to set when somebody goes over to a plan: a prepaid one brings its credits along."""
    return {} if plan.credits is None else {"granted": with_credits(current, plan.credits)}


def update_request(current: Entitlement, change: Change) -> Wire:
    """The change, on condition that the entitlement is still what it was computed from (see `ends_access`)."""
    names = {f"#s{n}": name for n, name in enumerate(change.set)}
    values = {f":s{n}": to_wire(value) for n, value in enumerate(change.set.values())}
    update = "SET " + ", ".join(f"#s{n} = :s{n}" for n in range(len(change.set)))
    if change.remove:
        update += " REMOVE " + ", ".join(change.remove)
    if change.ends_access:
        condition = "attribute_exists(pk) AND #status <> :revoked"
        names["#status"] = "status"
        values[":revoked"] = to_wire(REVOKED)
    else:
        condition = "generation = :was_generation AND #status = :was_status AND #plan = :was_plan"
        names |= {"#status": "status", "#plan": "plan"}
        values |= {
            ":was_generation": to_wire(current.generation),
            ":was_status": to_wire(current.status),
            ":was_plan": to_wire(current.plan),
        }
        until = current.paid_until
        condition += " AND " + ("attribute_not_exists(paid_until)" if until is None else "paid_until = :was_until")
        if until is not None:
            values[":was_until"] = to_wire(until)
    if change.credits:
        # Two purchases at once change nothing else that would tell: both must count.
        granted = current.granted
        condition += " AND " + ("attribute_not_exists(granted)" if granted is None else "granted = :was_granted")
        if granted is not None:
            values[":was_granted"] = to_wire(granted)
        # As long as something is left, use does not matter, and a busy user can buy more.
        unspent = granted is not None and current.total <= granted
        condition += " AND #total " + ("<= :was_granted" if unspent else "= :was_total")
        names["#total"] = "total"
        if not unspent:
            values[":was_total"] = to_wire(current.total)
    return {
        "Key": entitlement_key(current.user_id, current.solution_id).wire,
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
