"""`gatepass entitlements`: the access of users to solutions."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from math import floor
from typing import Any, Final

from entitlements.decision import ACTIVE, REVOKED, SUSPENDED, effective_plan
from entitlements.directory import Directory
from entitlements.identifiers import require_solution_id
from entitlements.windows import windows_at
from gatepass.commands import transfer
from gatepass.commands.arguments import add_json, add_solution, add_user
from gatepass.commands.users import user_of
from gatepass.environment import Environment
from gatepass.output import print_record, print_rows
from gatepass.razorpay_access import end_subscriptions, live_subscriptions
from gatepass.refusals import CommandError
from token_service.access.grants import Access
from token_service.access.records import REASON_LENGTH, Entitlement, to_the_second

COLUMNS: Final = ("user", "solution", "status", "plan", "today", "total", "granted", "paid_until")
VERBS: Final = {
    "grant": "grant access, also after a revocation",
    "set-plan": "change the plan, effective on the next request",
    "add-credits": "add requests for a user of a prepaid plan to those that are left",
    "suspend": "suspend access; the token stays the same",
    "resume": "end a suspension",
    "revoke": "end access and the token permanently, and cancel the user's subscriptions",
}


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("entitlements", help="list, grant, change, move and revoke access").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    list_ = verbs.add_parser("list", help="the entitlements of a user or a solution")
    add_user(list_, required=False)
    add_solution(list_, required=False)
    list_.add_argument("--status", choices=(ACTIVE, SUSPENDED, REVOKED), help="only entitlements with this status")
    list_.add_argument("--plan", metavar="NAME", help="only entitlements with this plan, lapsed or not")
    add_json(list_)
    list_.set_defaults(run=run_list)
    show = verbs.add_parser("show", help="one entitlement")
    add_user(show)
    add_solution(show)
    add_json(show)
    show.set_defaults(run=run_show)
    for verb, text in VERBS.items():
        parser = verbs.add_parser(verb, help=text)
        add_user(parser)
        add_solution(parser)
        _add_what(verb, parser)
        add_json(parser)
        if verb == "revoke":
            parser.add_argument("--yes", action="store_true", help="do not ask (asked on a terminal only)")
        parser.set_defaults(run=run_change)
    transfer.add_verbs(verbs)


def _add_what(verb: str, parser: argparse.ArgumentParser) -> None:
    if verb == "grant":
        parser.add_argument("--plan", help="a plan of the solution (default: its default_plan)")
    elif verb == "set-plan":
        parser.add_argument("--plan", required=True, help="a plan of the solution")
        parser.add_argument(
            "--until",
            type=moment,
            metavar="DATE",
            help="when a paid plan lapses, in UTC: 2027-03-31 (at the end of that day) or 2027-03-31T18:00Z (default: "
            "never)",
        )
    elif verb == "add-credits":
        parser.add_argument("--credits", required=True, type=int, metavar="N", help="how many requests")
    elif verb == "suspend":
        parser.add_argument(
            "--reason",
            metavar="TEXT",
            help=f"why, in at most {REASON_LENGTH} characters and without personal data: it stays in the audit",
        )


def moment(text: str) -> int:
    """Seconds since the epoch of an ISO 8601 date or date-time; of a date, the midnight (UTC) that ends it."""
    try:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            when = datetime.fromisoformat(text)
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        else:
            when = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date: write 2027-03-31, or a date-time in UTC such as 2027-03-31T18:00Z"
        ) from None
    return floor(when.timestamp())


class _Rows:
    """Entitlements as rows, with today's use and limit. Each solution is read once."""

    def __init__(self, environment: Environment) -> None:
        self._directory, self._now = Directory(environment.repository.get_item), time.time()

    def row(self, found: Entitlement) -> dict[str, Any]:
        used, limit = self._today(found)
        row = {
            "user": found.user_id,
            "solution": found.solution_id,
            "status": found.status,
            "plan": found.plan,
            "used_today": used,
            "day_limit": limit,
            "total": found.total,
            "granted": found.granted,
            "paid_until": found.paid_until,
            "created_at": found.created_at,
        }
        return row | ({"suspended_reason": found.suspended_reason} if found.suspended_reason else {})

    def _today(self, found: Entitlement) -> tuple[int | None, int | None]:
        """Use and limit of the solution's current day; None if there is no such solution."""
        solution = self._directory.solution(found.solution_id, self._now)
        if solution is None:
            return None, None
        plan = effective_plan(found.to_item(), solution, floor(self._now))
        used = found.counters.get(windows_at(self._now, solution.timezone).open["day"].counter, 0)
        return used, plan.limit("day") if plan else None


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: times as dates, use beside its limit."""
    used, limit = row["used_today"], row["day_limit"]
    today = "" if used is None else str(used) if limit is None else f"{used}/{limit}"
    return row | {"today": today, "paid_until": to_the_second(row["paid_until"])}


def run_list(options: argparse.Namespace) -> int:
    """List by user, by solution or by both."""
    by_user = options.user is not None or options.email is not None
    if not by_user and not options.solution:
        raise CommandError("give --user, --email or --solution: the whole table is never listed")
    environment = Environment.read(options.table)
    solution = require_solution_id(options.solution) if options.solution else None
    found: Iterable[Entitlement]
    if by_user:
        found = environment.access.of_user(user_of(options, environment))
    else:
        found = environment.access.of_solution(options.solution)
    rows = _Rows(environment)
    chosen = [
        rows.row(one)
        for one in found
        if solution in (None, one.solution_id)
        and options.status in (None, one.status)
        and options.plan in (None, one.plan)
    ]
    shown = chosen if options.json else [_readable(row) for row in chosen]
    print_rows(shown, COLUMNS, options.json, "no entitlements: gatepass entitlements grant makes one")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Show one."""
    environment, solution = Environment.read(options.table), require_solution_id(options.solution)
    user = user_of(options, environment)
    found = environment.access.find(user, solution)
    if found is None:
        raise CommandError(f"user {user} has no entitlement to {solution}: gatepass entitlements grant makes one")
    _print(environment, found, options.json)
    return 0


def _print(environment: Environment, found: Entitlement, as_json: bool) -> None:
    row = _Rows(environment).row(found)
    print_record(row if as_json else row | {"paid_until": to_the_second(found.paid_until)}, as_json)


def run_change(options: argparse.Namespace) -> int:
    """Carry out a change and print the result."""
    environment, solution = Environment.read(options.table), require_solution_id(options.solution)
    user = user_of(options, environment)
    changes: dict[str, Callable[[Access], Entitlement]] = {
        "grant": lambda a: a.grant(user, solution, options.plan),
        "set-plan": lambda a: a.set_plan(user, solution, options.plan, options.until),
        "add-credits": lambda a: a.add_credits(user, solution, options.credits),
        "suspend": lambda a: a.suspend(user, solution, _reason(options.reason)),
        "resume": lambda a: a.resume(user, solution),
        "revoke": lambda a: a.revoke(user, solution),
    }
    if options.verb == "revoke":
        if not options.yes and sys.stdin.isatty() and not _confirmed(environment, user, solution):
            return 1
        # First, while a failure can still be repeated: nobody may be charged for access that has ended.
        end_subscriptions(environment, user, solution)
    found = changes[options.verb](environment.access)
    if options.json:
        _print(environment, found, True)
        return 0
    more = f", paid until {to_the_second(found.paid_until)}" if found.paid_until is not None else ""
    if options.verb == "add-credits":
        more = f", {(found.granted or 0) - found.total} credits left"
    print(f"{found.user_id} {found.solution_id}: {found.status}, plan {found.plan}{more}")
    return 0


def _confirmed(environment: Environment, user: str, solution: str) -> bool:
    live = len(live_subscriptions(environment, user, solution))
    ends = f"{live} subscription(s) are cancelled at Razorpay, and the token" if live else "The token"
    print(f"Revoke {user} in {solution}? {ends} ends for good. [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _reason(text: str | None) -> str:
    if text is not None and not text.strip():
        raise CommandError("--reason is empty: give a reason, or leave it out")
    return (text or "").strip()
