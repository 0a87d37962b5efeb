"""The events for other systems: what a record of the stream means for those who listen on the event bus. Pure.

Everything is read from the record alone, so an event whose delivery failed is made again when the record is delivered
again, with the same id. Entries of the bus:
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from entitlements.items import Item
from entitlements.plans import Plan
from entitlements.rules import AtMost, CreditsLeft
from entitlements.solution import Solution
from entitlements.windows import LIFETIME, WINDOWS, window_of
from token_service.usage.stream import StreamRecord

SOURCE: Final = "gatepass"
PLAN_CHANGED, QUOTA_REACHED = "Plan Changed", "Quota Threshold Reached"
REVOKED, PAYMENT_APPLIED = "Entitlement Revoked", "Payment Applied"
THRESHOLDS: Final = (80, 100)
"""Percent of a quota."""
_ENDINGS: Final = ("revoked", "account_deleted")


class Notice(NamedTuple):
    """An event: what happened, its id to recognize a repetition by, and its details."""

    kind: str
    notice_id: str
    at: float
    detail: Mapping[str, str | int]

    def entry(self, bus: str) -> dict[str, Any]:
        """The entry of a PutEvents request."""
        moment = datetime.fromtimestamp(self.at, UTC)
        detail = {"id": self.notice_id, "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), **self.detail}
        return {
            "EventBusName": bus,
            "Source": SOURCE,
            "DetailType": self.kind,
            "Time": moment,
            "Detail": json.dumps(detail, separators=(",", ":")),
        }


def notices(record: StreamRecord, solution: Solution | None) -> Iterator[Notice]:
    """The events in a record of an entitlement, an audit entry, or a payment; `solution` is the entitlement's."""
    if record.kind == "entitlement" and record.event == "MODIFY" and solution is not None:
        yield from _thresholds(record, solution)
    elif record.event == "INSERT" and record.new is not None:
        if record.kind == "audit":
            yield from _of_entry(record, record.new)
        elif record.kind == "payment" and "returned" not in record.new:
            yield _applied(record, record.new)


def _of_entry(record: StreamRecord, entry: Item) -> Iterator[Notice]:
    who: dict[str, str | int] = {"user_id": record.key.subject, "solution_id": str(entry.get("solution", ""))}
    event = entry.get("event")

    def notice(kind: str, *names: str) -> Notice:
        known = {name: entry[name] for name in names if name in entry}
        return Notice(kind, f"{record.key.subject}/{record.key.sk}/{kind}", record.at, who | known)

    if entry.get("plan") != entry.get("plan_before") and "plan_before" in entry:
        yield notice(PLAN_CHANGED, "plan", "plan_before", "paid_until")
    if event in _ENDINGS:
        yield notice(REVOKED, "event")


def _applied(record: StreamRecord, payment: Item) -> Notice:
    names = ("payment_id", "plan", "amount", "currency")
    known: dict[str, str | int] = {name: payment[name] for name in names if name in payment}
    who = {"user_id": record.key.subject, "solution_id": str(payment.get("solution", ""))}
    return Notice(PAYMENT_APPLIED, f"{record.key.subject}/{payment.get('payment_id')}", record.at, who | known)


def _thresholds(record: StreamRecord, solution: Solution) -> Iterator[Notice]:
    """The quotas of which a request used up a threshold: the part before it was below, and the part after it is not."""
    old, new = record.old or {}, record.new or {}
    plan = _plan(new, record.at, solution)
    if plan is None:
        return
    for window, counter, limit in _quotas(plan, old, new):
        before, after = old.get(counter, 0), new.get(counter, 0)
        if type(before) is not int or type(after) is not int:
            continue
        for percent in THRESHOLDS:
            level = -(-limit * percent // 100)
            if before < level <= after:
                ident = f"{record.key.subject}/{solution.solution_id}/{counter}/{percent}% of {limit}"
                detail: dict[str, str | int] = {
                    "user_id": record.key.subject,
                    "solution_id": solution.solution_id,
                    "plan": plan.name,
                    "window": window,
                    "limit": limit,
                    "used": after,
                    "percent": percent,
                }
                yield Notice(QUOTA_REACHED, ident, record.at, detail)


def _quotas(plan: Plan, old: Item, new: Item) -> Iterator[tuple[str, str, int]]:
    """The name of each quota's window, the counter's attribute, and the limit."""
    letters = {window.name: window for window in WINDOWS}
    for rule in plan.rules:
        if isinstance(rule, AtMost):
            if rule.window == LIFETIME:
                yield LIFETIME, "total", rule.limit
                continue
            for name in new:
                found = window_of(name)
                if found is letters[rule.window] and new[name] != old.get(name):
                    yield rule.window, name, rule.limit
        elif isinstance(rule, CreditsLeft) and type(new.get("granted")) is int and new["granted"] > 0:
            yield "credits", "total", new["granted"]


def _plan(item: Item, at: float, solution: Solution) -> Plan | None:
    """The plan that applied: the default one where the stored one had lapsed."""
    until = item.get("paid_until")
    lapsed = type(until) is int and until <= at
    return solution.plans.get(solution.default_plan if lapsed else str(item.get("plan", "")))
