"""Changes of an entitlement as DynamoDB requests, each on condition that the entitlement is still as it was read."""

from entitlements.decision import REVOKED
from entitlements.items import DELETING, Wire, account_key, entitlement_key, item_to_wire, to_wire
from token_service.access.changes import Change
from token_service.access.records import Action, Entitlement


def create(new: Entitlement) -> list[Action]:
    """Create an entitlement, on condition that the account is not being deleted.

    A deletion marks the account before it lists the entitlements, so it would miss one created after the mark.
    """
    living: Wire = {
        "Key": account_key(new.user_id).wire,
        "ConditionExpression": f"attribute_not_exists({DELETING})",
    }
    item = entitlement_key(new.user_id, new.solution_id).wire | item_to_wire(new.to_item())
    return [("ConditionCheck", living), ("Put", {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})]


def update(current: Entitlement, change: Change) -> Wire:
    """The change as an UpdateItem. With `Change.ends_access`, the condition does not depend on what was read."""
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
        condition = _unchanged(current, change.set.get("granted") if change.credits else None)
    return {
        "Key": entitlement_key(current.user_id, current.solution_id).wire,
        "UpdateExpression": expression,
        "ConditionExpression": condition["ConditionExpression"],
        "ExpressionAttributeNames": names | condition["ExpressionAttributeNames"],
        "ExpressionAttributeValues": values | condition["ExpressionAttributeValues"],
    }


def _unchanged(current: Entitlement, new_granted: str | int | None) -> Wire:
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
    revision = current.payments_revision
    condition += " AND " + (
        "payments_revision = :was_revision" if revision else "attribute_not_exists(payments_revision)"
    )
    if revision:
        values[":was_revision"] = to_wire(revision)
    if new_granted is not None:
        # Concurrent purchases may change nothing but `granted`, and each of them must count.
        granted = current.granted
        condition += " AND " + ("attribute_not_exists(granted)" if granted is None else "granted = :was_granted")
        if granted is not None:
            values[":was_granted"] = to_wire(granted)
        # While credits are left, the result does not depend on `total`, so a user can buy more while sending requests.
        # Where credits are taken back, none that were used meanwhile may be among them.
        unspent = granted is not None and current.total <= granted
        values[":most_total"] = to_wire(min(granted or 0, int(new_granted)) if unspent else current.total)
        condition += " AND #total " + ("<= :most_total" if unspent else "= :most_total")
        names["#total"] = "total"
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
