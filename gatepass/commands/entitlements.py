"""`gatepass entitlements`: who may do what."""

import argparse
from collections.abc import Callable
from typing import Any

from entitlements.identifiers import require_solution_id, require_user_id
from gatepass.commands.arguments import add_json, add_solution, add_user
from gatepass.environment import Environment
from gatepass.output import print_record, print_rows
from token_service.access import Access
from token_service.errors import Refused
from token_service.records import Entitlement

COLUMNS = ("user", "solution", "status", "plan", "total", "granted")
VERBS = {
    "grant": "give access (again, after a revocation)",
    "set-plan": "change the plan; holds on the next request",
    "suspend": "stop access for a while",
    "resume": "end a suspension",
    "revoke": "end access, and the token for good",
}


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("entitlements", help="list, grant, change and revoke access").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    list_ = verbs.add_parser("list", help="the entitlements of a user or a solution")
    add_user(list_, required=False)
    add_solution(list_, required=False)
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
        if verb in ("grant", "set-plan"):
            parser.add_argument(
                "--plan", required=verb == "set-plan", help="a plan of the solution" + " (default: its default_plan)"
                if verb == "grant" else "a plan of the solution",
            )  # fmt: skip
        parser.set_defaults(run=run_change)


def _row(found: Entitlement) -> dict[str, Any]:
    return {
        "user": found.user_id,
        "solution": found.solution_id,
        "status": found.status,
        "plan": found.plan,
        "total": found.total,
        "granted": found.granted,
        "paid_until": found.paid_until,
        "created_at": found.created_at,
    }


def run_list(options: argparse.Namespace) -> int:
    """List by user, by solution or by both."""
    if not options.user and not options.solution:
        raise Refused("filter_missing", "give --user or --solution: the whole table is never listed")
    access = Environment.read(options.table).access
    if options.user:
        found = access.of_user(require_user_id(options.user))
        rows = [_row(e) for e in found if options.solution in (None, e.solution_id)]
    else:
        rows = [_row(e) for e in access.of_solution(require_solution_id(options.solution))]
    print_rows(rows, COLUMNS, options.json, "no entitlements: gatepass entitlements grant makes one")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Show one."""
    user, solution = require_user_id(options.user), require_solution_id(options.solution)
    found = Environment.read(options.table).access.find(user, solution)
    if found is None:
        raise Refused("entitlement_missing", f"user {user} has no entitlement to {solution}")
    print_record(_row(found), options.json)
    return 0


def run_change(options: argparse.Namespace) -> int:
    """Carry out a change and say how things stand."""
    user, solution = require_user_id(options.user), require_solution_id(options.solution)
    access = Environment.read(options.table).access
    changes: dict[str, Callable[[Access], Entitlement]] = {
        "grant": lambda a: a.grant(user, solution, options.plan),
        "set-plan": lambda a: a.set_plan(user, solution, options.plan),
        "suspend": lambda a: a.suspend(user, solution),
        "resume": lambda a: a.resume(user, solution),
        "revoke": lambda a: a.revoke(user, solution),
    }
    found = changes[options.verb](access)
    print(f"{found.user_id} {found.solution_id}: {found.status}, plan {found.plan}")
    return 0
