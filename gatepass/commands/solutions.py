"""`gatepass solutions`: the solutions, and the APIs linked to them."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from entitlements.identifiers import require_api_id, require_solution_id
from entitlements.items import Key, api_key, api_prefix, solution_key, solution_prefix
from entitlements.solution import ConfigError, Solution, read_solution, solution_from_document
from entitlements.spend import require_fit
from gatepass.commands.arguments import add_api, add_json
from gatepass.commands.solution_apply import (
    applied_before,
    apply,
    difference,
    require_few_origins,
    require_pushed,
    warnings,
)
from gatepass.deployed_portal import deployed_portal
from gatepass.environment import Environment
from gatepass.output import print_rows
from gatepass.refusals import CommandError


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("solutions", help="apply, list and show solutions; link APIs to them").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    apply_ = verbs.add_parser("apply", help="write the configuration of solutions from YAML files")
    apply_.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a YAML file of one solution")
    apply_.add_argument("--dry-run", action="store_true", help="check the files, show what would change, write nothing")
    apply_.set_defaults(run=run_apply)
    list_ = verbs.add_parser("list", help="list the solutions")
    add_json(list_)
    list_.set_defaults(run=run_list)
    show = verbs.add_parser("show", help="print a solution's configuration")
    show.add_argument("solution", metavar="ID", help="the solution's ID")
    add_json(show)
    show.set_defaults(run=run_show)
    link = verbs.add_parser("link", help="link an API to its solution")
    link.add_argument("solution", metavar="ID", help="the solution's ID")
    add_api(link)
    link.add_argument(
        "--policy-responses", action="store_true", help="for an HTTP API whose authorizer has simple responses off"
    )
    link.set_defaults(run=run_link)
    unlink = verbs.add_parser("unlink", help="unlink an API; the gate then refuses every request to it")
    unlink.add_argument("solution", metavar="ID", nargs="?", help="the solution that it must be linked to")
    add_api(unlink)
    unlink.set_defaults(run=run_unlink)


def run_apply(options: argparse.Namespace) -> int:
    """Check every file before the first is written: a broken one changes nothing."""
    solutions = read_files(options.files, options.table)
    for solution, path in zip(solutions, options.files, strict=True):
        require_few_origins(solution, path)
    environment = Environment.read(options.table)
    for solution, path in zip(solutions, options.files, strict=True):
        require_pushed(environment.repository, solution, path)
    for solution, path in zip(solutions, options.files, strict=True):
        before = applied_before(environment.repository, solution.solution_id)
        print(difference(before, solution, path), end="")
        for warning in warnings(before, solution, environment.access):
            print(f"gatepass: {warning}", file=sys.stderr)
        if options.dry_run:
            print(f"would apply {solution.solution_id}")
            continue
        new = apply(environment.repository, solution)
        print(f"applied {solution.solution_id}: effective everywhere within 60 seconds")
        if new and solution.token_delivery == "query":
            print(
                f"gatepass: {solution.solution_id} has token_delivery: query, which puts tokens into the logs of web "
                "servers: fragment or code keeps them out",
                file=sys.stderr,
            )
    return 0


def read_files(paths: Sequence[Path], table: str | None) -> list[Solution]:
    """Read and check solution files, each of another solution; raises `CommandError`.

    A file without `marketplace_url` gets the portal of the table's stack, if it has one. `table` is the option's value.
    """

    @cache
    def portal_url() -> str:
        portal = deployed_portal(Environment.read(table))
        return f"{portal.url}/" if portal else ""

    solutions = [read_file(path, portal_url) for path in paths]
    if len({solution.solution_id for solution in solutions}) < len(solutions):
        raise CommandError("nothing was applied: two of the files have the same solution_id")
    return solutions


def read_file(path: Path, portal_url: Callable[[], str] = str) -> Solution:
    """Read and check a solution file; raises `CommandError` that names file, line and key of every fault.

    `portal_url` is asked only for a file without `marketplace_url`; it returns "" if there is no portal.
    """
    lines: dict[str, int] = {}
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = _lines(node, "") if node else {}
        solution = read_solution(_at_the_portal(yaml.safe_load(text), path, portal_url))
        require_fit(solution)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    except RecursionError as error:
        raise CommandError(f"{path} contains an alias of itself: write the value out") from error
    except yaml.YAMLError as error:
        raise CommandError(f"{path} is not YAML: {error}") from error
    except ConfigError as error:
        faults = [f"{path}:{_line(lines, key)}: {key}: {fault}" for key, fault in error.faults.items()]
        raise CommandError("nothing was applied\n" + "\n".join(faults)) from error
    return solution


def _at_the_portal(data: object, path: Path, portal_url: Callable[[], str]) -> object:
    """The settings with the portal as `marketplace_url`, where they name none."""
    if not isinstance(data, Mapping) or "marketplace_url" in data or not (url := portal_url()):
        return data
    print(f"{path}: names no marketplace_url, so it is the stack's portal, {url}", file=sys.stderr)
    return {**data, "marketplace_url": url}


def _lines(node: yaml.Node, prefix: str) -> dict[str, int]:
    """The line of each key, by its path. Refuses a repeated key, of which YAML would silently keep the last."""
    lines: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = f"{prefix}{key.value}"
            if path in lines:
                raise ConfigError({path: f"is repeated (lines {lines[path]} and {key.start_mark.line + 1})"})
            lines[path] = key.start_mark.line + 1
            lines |= _lines(value, f"{path}.")
    return lines


def _line(lines: dict[str, int], path: str) -> int:
    """The line of a key, or of the nearest key around it when it is missing."""
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path, 1)


def run_list(options: argparse.Namespace) -> int:
    """List the solutions with their APIs."""
    repository = Environment.read(options.table).repository
    apis: dict[str, list[str]] = {}
    for item in repository.scan(api_prefix()):
        apis.setdefault(item["solution_id"], []).append(Key.of(item).subject)
    rows = []
    for item in repository.scan(solution_prefix()):
        solution = solution_from_document(item["document"])
        linked = sorted(apis.get(solution.solution_id, []))
        rows.append(
            {
                "solution": solution.solution_id,
                "name": solution.name,
                "status": solution.status,
                "plans": list(solution.plans) if options.json else ", ".join(solution.plans),
                "apis": linked if options.json else ", ".join(linked),
            }
        )
    rows.sort(key=lambda row: str(row["solution"]))
    columns = ("solution", "name", "status", "plans", "apis")
    print_rows(rows, columns, options.json, "no solutions yet: gatepass solutions apply FILE")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print a solution as it is applied."""
    solution = required_solution(Environment.read(options.table), options.solution)
    mapping: dict[str, Any] = solution.to_mapping()
    if options.json:
        import json

        print(json.dumps(mapping, indent=2))
    else:
        print(yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True), end="")
        # As comments, so that what is printed can be edited and applied again.
        for name, plan in solution.plans.items():
            if plan.readable_price:
                print(f"# {name}: {plan.readable_price}")
    return 0


def run_link(options: argparse.Namespace) -> int:
    """Write the API's item; an API must be unlinked before it can move to another solution."""
    environment = Environment.read(options.table)
    api = require_api_id(options.api)
    solution = required_solution(environment, options.solution)
    linked = environment.repository.get_item(api_key(api))
    if linked is not None and linked["solution_id"] != solution.solution_id:
        raise CommandError(f"the API belongs to {linked['solution_id']}: unlink it there first")
    responses = {"policy_responses": True} if options.policy_responses else {}
    environment.repository.put_item(api_key(api), {"solution_id": solution.solution_id, **responses})
    print(f"linked {api} to {solution.solution_id}")
    return 0


def run_unlink(options: argparse.Namespace) -> int:
    """Delete the API's item."""
    environment = Environment.read(options.table)
    linked = environment.repository.get_item(api_key(require_api_id(options.api)))
    if linked is None or options.solution not in (None, linked["solution_id"]):
        raise CommandError(f"the API {options.api} is not linked to {options.solution or 'any solution'}")
    environment.repository.delete_item(api_key(options.api))
    print(f"unlinked {options.api} from {linked['solution_id']}: the gate refuses it within 60 seconds")
    return 0


def required_solution(environment: Environment, solution_id: str) -> Solution:
    """The solution as applied; raises `CommandError` if there is none."""
    item = environment.repository.get_item(solution_key(require_solution_id(solution_id)))
    if item is None:
        raise CommandError(f"there is no solution {solution_id}: gatepass solutions list shows them")
    return solution_from_document(item["document"])


def applied_solutions(environment: Environment, solution_id: str | None) -> dict[str, Solution]:
    """The solution of that id, or all, by id. Raises `CommandError` if there is none."""
    if solution_id is not None:
        return {solution_id: required_solution(environment, solution_id)}
    items = environment.repository.scan(solution_prefix())
    found = {one.solution_id: one for one in (solution_from_document(item["document"]) for item in items)}
    if not found:
        raise CommandError("no solutions yet: gatepass solutions apply FILE")
    return dict(sorted(found.items()))
