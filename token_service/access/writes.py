"""Changes of an entitlement in DynamoDB's words: each on condition that it is still what it was computed from."""

from entitlements.decision import REVOKED
from entitlements.items import DELETING, Wire, account_key, entitlement_key, item_to_wire, to_wire
from token_service.access.changes import Change
from token_service.access.records import Entitlement

Action = tuple[str, Wire]
"""One of a transaction's: `Put`, `Update`, `Delete` or `ConditionCheck`, and its parameters without TableName.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItem.html
"""


def create(new: Entitlement) -> list[Action]:
    """A new entitlement, of an account that is not being deleted.

    Whoever deletes an account marks it first and looks for its entitlements then: none may come after the mark.
    """
    living: Wire = {
        "Key": account_key(new.user_id).wire,
        "ConditionExpression": f"attribute_not_exists({DELETING})",
    }
    item = entitlement_key(new.user_id, new.solution_id).wire | item_to_wire(new.to_item())
    return [("ConditionCheck", living), ("Put", {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})]


def update(current: Entitlement, change: Change) -> Wire:
    """The change as an UpdateItem. See `Change.ends_access` for the one that depends on nothing."""
    names = {f"#s{n}": name for n, name in enumerate(change.set)}
    values = {f":s{n}": to_wire(value) for n, value in enumerate(change.set.values())}
    expression = "SET " + ", ".join(f"#s{n} = :s{n}" for n in range(len(change.set)))
    if change.remove:
        expression += " REMOVE " + ", ".join(change.remove)
    if change.ends_access:
        condition: Wire = {
            "ConditionExpression": "attribute_exists(pk) AND #status <> :revoked",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":revoked": to_wire(REVOKED)},
        }
    else:
        condition = _unchanged(current, change.credits)
    return {
        "Key": entitlement_key(current.user_id, current.solution_id).wire,
        "UpdateExpression": expression,
        "ConditionExpression": condition["ConditionExpression"],
        "ExpressionAttributeNames": names | condition["ExpressionAttributeNames"],
        "ExpressionAttributeValues": values | condition["ExpressionAttributeValues"],
    }


def check(current: Entitlement) -> Action:
    """That an entitlement which needs no change is still the one that needs none."""
    return "ConditionCheck", {
        "Key": entitlement_key(current.user_id, current.solution_id).wire,
        **_unchanged(current, with_credits=False),
    }


def _unchanged(current: Entitlement, with_credits: bool) -> Wire:
    names = {"#status": "status", "#plan": "plan"}
    values = {
        ":was_generation": to_wire(current.generation),
        ":was_status": to_wire(current.status),
        ":was_plan": to_wire(current.plan),
    }
    condition = "generation = :was_generation AND #status = :was_status AND #plan = :was_plan"
    until = current.paid_until
    condition += " AND " + ("attribute_not_exists(paid_until)" if until is None else "paid_until = :was_until")
    if until is not None:
        values[":was_until"] = to_wire(until)
    if with_credits:
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
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
