"""`gatepass status`: whether APIs are attached as recorded."""

import argparse
from dataclasses import replace
from typing import Any

from entitlements.identifiers import require_api_id
from entitlements.items import attachment_prefix
from gatepass.attach import pending, undo
from gatepass.attach import record as records
from gatepass.attach.plan import Goal, in_words
from gatepass.attach.planning import plan_attach
from gatepass.attach.work import Work
from gatepass.commands.arguments import add_json
from gatepass.commands.solutions import required_solution
from gatepass.environment import Environment
from gatepass.output import print_rows
from gatepass.refusals import CommandError


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    status = nouns.add_parser("status", help="whether APIs are attached as recorded; exit status 1 if not")
    status.add_argument("api", nargs="?", metavar="API_ID")
    status.add_argument("--all", action="store_true", help="every attached API")
    add_json(status)
    status.set_defaults(run=run_status)


def run_status(options: argparse.Namespace) -> int:
    """Compare with the record; exit status 1 where anything is not as attached."""
    if bool(options.api) == options.all:
        raise CommandError("name one API, or give --all")
    environment = Environment.read(options.table)
    if options.all:
        apis = sorted(key.subject for key in environment.repository.scan_keys(attachment_prefix()))
    else:
        apis = [options.api]
    rows = [row for api in apis for row in _status(environment, api)]
    print_rows(rows, ("api", "solution", "status", "what", "wanted", "is"), options.json, "no API is attached")
    return 0 if all(row["status"] == "attached" for row in rows) else 1


def _status(environment: Environment, api_id: str) -> list[dict[str, Any]]:
    old = records.load(environment.repository, require_api_id(api_id))
    row = {"api": api_id, "solution": old.solution_id if old else None}
    if old is None:
        return [row | {"status": "not attached"}]
    solution = required_solution(environment, old.solution_id)
    asked = old.options
    goal = Goal(solution, asked["authorizer_arn"], replace_auth=asked["replace_auth"],
                replace_responses=asked["replace_responses"])  # fmt: skip
    try:
        work = Work(environment.aws, environment.repository, api_id, old.stage, goal.authorizer_arn)
        there = work.api.routes
        goal = replace(goal, only=tuple(route for route in asked["only"] if route in there),
                       except_=tuple(route for route in asked["except_"] if route in there))  # fmt: skip
        plan, _ = plan_attach(work, goal, old)
        lines = pending.pending(work.aws, work.api)
        stale = [line for line in lines if pending.route_of(line) != pending.STAGE]
    except CommandError as error:
        return [row | {"status": "drifted", "what": str(error)}]
    found = undo.drift(work, old, plan.changes, stale)
    state = "drifted" if old.status == "attached" else "partly"
    if not found:
        return [row | {"status": "attached" if old.status == "attached" else state}]
    return [
        row | {"status": state, "what": one["what"], "wanted": in_words(one["wanted"]), "is": in_words(one["is"])}
        for one in found
    ]
