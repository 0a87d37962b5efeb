"""`gatepass payments list --unfinished`: Razorpay's events that are not applied, why, and what to do about each."""

import argparse
import json
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from gatepass.environment import Environment
from gatepass.output import print_rows
from gatepass.refusals import CommandError
from token_service.access.records import to_the_second
from token_service.payments.inbox import DUE, KEPT_DAYS, LAPSE, UNKNOWN, UNMATCHED, Inbox, ToDo
from token_service.payments.razorpay import Unreadable, WebhookEvent

if TYPE_CHECKING:
    from token_service.payments.wiring import Payments

COLUMNS: Final = ("received", "age", "event", "about", "state", "reason", "attempts", "next_try")
SUBJECTS: Final = ("dispute", "payment", "refund", "subscription")
"""The entities that an event can be about, in the order in which the webhook looks for them."""
LATE_SECONDS: Final = 300
"""Age from which the end of a plan is not finished, rather than about to be."""

ADVICE: Final[Mapping[str, str]] = {
    "no_checkout": "nobody ordered this through Gatepass. If something else sells with the same Razorpay account, "
    "leave it; otherwise refund it in Razorpay's dashboard. Then run gatepass payments dismiss with its id",
    "wrong_amount": "the amount or the currency is not what was ordered, so nothing was given. Refund it in Razorpay's "
    "dashboard, or accept it and give the plan yourself (gatepass entitlements set-plan, add-credits). Then dismiss it",
    "no_entitlement": "the user has no entitlement, for example after the table was restored. Grant it (gatepass "
    "entitlements grant), then run gatepass payments reconcile; or refund the payment in Razorpay's dashboard",
    "plan_unknown": "the plan was removed from the solution. Put it back into its file, run gatepass solutions apply, "
    "then gatepass payments reconcile; or refund the payment in Razorpay's dashboard",
    DUE: "it is tried again by itself, at least once an hour. If it stays, the reason tells why: payments_unavailable "
    "(Razorpay does not answer: see its status page), payments_not_configured (the secret or a plan: see the token "
    "service's log), RefundRefused (a payment gives nothing, and its refund was refused or has failed: the log has "
    "Razorpay's message, such as a balance that is too low; or refund it in Razorpay's dashboard), RazorpayRefusal "
    "(the log has Razorpay's message); of any other, the log has the error",
    UNKNOWN: "Gatepass does not use this event, and deletes it after 90 days. Remove it from the webhook's events in "
    "Razorpay's dashboard",
    LAPSE: "a plan has ended and an earlier purchase should apply again, but the job of payments has not run: check "
    "its alarms and its log",
}
"""What to do, by the reason of an entry, or by its state."""


def run(options: argparse.Namespace) -> int:
    """List the entries, oldest first."""
    inbox, now = Inbox(Environment.read(options.table).repository), time.time()
    entries = [entry for entry in inbox.entries() if entry.state != LAPSE or entry.next_at + LATE_SECONDS < now]
    rows = [_row(inbox, entry, now) for entry in entries]
    if options.json:
        print(json.dumps([row | {"advice": ADVICE.get(_topic(row), "")} for row in rows], indent=2))
        return 0
    print_rows([_readable(row) for row in rows], COLUMNS, False, "no unfinished events")
    advise({_topic(row) for row in rows})
    return 0


def retry(payments: "Payments") -> None:
    """Try once more to apply the events that are no longer tried by themselves: their cause may be mended by now."""
    for entry in list(payments.inbox.entries()):
        if entry.state == UNMATCHED and not entry.next_at:
            payments.webhook.work_off(entry)


def dismiss(options: argparse.Namespace) -> int:
    """End an event that matches nothing, or that cannot be applied: it is no longer tried, listed, or reported."""
    inbox = Inbox(Environment.read(options.table).repository)
    wanted = [
        entry
        for entry in inbox.entries()
        if entry.state != LAPSE and options.event in (entry.event_id, _about(inbox, entry))
    ]
    if not wanted:
        raise CommandError(f"no unfinished event is {options.event}, or is about it: see payments list --unfinished")
    for entry in wanted:
        inbox.finish(entry, int(time.time()))
        print(f"{entry.event_id}: dismissed; {entry.event or 'the event'} is kept for {KEPT_DAYS} days")
    return 0


def advise(topics: Collection[str]) -> None:
    """Print what to do about each reason or state."""
    for topic, advice in ADVICE.items():
        if topic in topics:
            print(f"\n{topic}: {advice}.")


def _topic(row: Mapping[str, Any]) -> str:
    return str(row["reason"] if row["reason"] in ADVICE else row["state"])


def _row(inbox: Inbox, entry: ToDo, now: float) -> dict[str, Any]:
    return {
        "event_id": entry.event_id,
        "event": entry.event,
        "about": _about(inbox, entry),
        "state": entry.state,
        "reason": entry.reason,
        "attempts": entry.attempts,
        "received_at": entry.received_at,
        "age_seconds": max(0, int(now) - entry.received_at),
        "next_at": entry.next_at or None,
    }


def _about(inbox: Inbox, entry: ToDo) -> str:
    """The id that `gatepass payments show` takes, or that of another entity; for a lapse, the user and solution."""
    if entry.state == LAPSE:
        return f"{entry.user_id} {entry.solution}"
    try:
        entities = WebhookEvent.read(json.loads(inbox.body(entry.event_id) or "null")).entities
    except (Unreadable, ValueError, RecursionError):
        return ""
    found: Mapping[str, Any] = next((entities[kind] for kind in SUBJECTS if kind in entities), {})
    subject = found.get("payment_id") or found.get("id")
    return subject if isinstance(subject, str) and subject.isascii() and subject.isprintable() else ""


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "received": to_the_second(row["received_at"]),
        "age": _age(row["age_seconds"]),
        "next_try": to_the_second(row["next_at"]) or "none",
    }


def _age(seconds: int) -> str:
    if seconds < 3_600:
        return f"{seconds // 60} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 86_400 else f"{seconds / 86_400:.1f} d"
