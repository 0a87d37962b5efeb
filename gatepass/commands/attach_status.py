"""`gatepass status`: whether APIs are attached as recorded."""

import argparse
from typing import Any

from entitlements.identifiers import require_api_id
from gatepass.attach import record as records
from gatepass.attach.drift import find_drift
from gatepass.attach.record import AttachStatus
from gatepass.attach.resources import ResourceValue
from gatepass.attach.words import in_words
from gatepass.commands.arguments import add_api, add_json
from gatepass.commands.solutions import required_solution
from gatepass.environment import Environment
from gatepass.output import print_rows
from gatepass.refusals import CommandError


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    status = nouns.add_parser("status", help="whether APIs are attached as recorded; exit status 1 if not")
    add_api(status, required=False)
    status.add_argument("--all", action="store_true", help="every attached API")
    add_json(status)
    status.set_defaults(run=run_status)


def run_status(options: argparse.Namespace) -> int:
    """Compare with the record; exit status 1 where anything is not as attached."""
    if bool(options.api) == options.all:
        raise CommandError("name one API, or pass --all")
    environment = Environment.read(options.table)
    if options.all:
        apis = sorted(records.attached_apis(environment.repository))
    else:
        apis = [options.api]
    rows = [row for api in apis for row in _status(environment, api)]
    print_rows(rows, ("api", "solution", "status", "what", "wanted", "is"), options.json, "no API is attached")
    return 0 if all(row["status"] == "attached" for row in rows) else 1


def _status(environment: Environment, api_id: str) -> list[dict[str, Any]]:
    record = records.load(environment.repository, require_api_id(api_id))
    row = {"api": api_id, "solution": record.solution_id if record else None}
    if record is None:
        return [row | {"status": "not attached"}]
    solution = required_solution(environment, record.solution_id)
    try:
        found = find_drift(environment.aws, environment.repository, record, solution)
    except CommandError as error:
        return [row | {"status": "drifted", "what": str(error)}]
    attached = record.status is AttachStatus.ATTACHED
    if not found:
        return [row | {"status": "attached" if attached else "partly"}]
    return [
        row | {"status": "drifted" if attached else "partly", "what": one.what, "wanted": _text(one.wanted),
               "is": _text(one.present)}
        for one in found
    ]  # fmt: skip


def _text(value: ResourceValue | str | None) -> str:
    return value if isinstance(value, str) else in_words(value)
