"""`gatepass usage rebuild`: proves the totals of days, and corrects those that are not the sums of their parts."""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from entitlements.solution import Solution
from gatepass.commands.arguments import add_json, add_solution
from gatepass.commands.solutions import applied_solutions
from gatepass.commands.usage_table import many
from gatepass.environment import Environment
from gatepass.output import announce, print_rows
from token_service.usage.rebuild import NotRebuildable, Proof, Rebuild, WrongTotal, require_rebuildable
from token_service.usage.reports import Period, PeriodInvalid, today_in


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the verb."""
    rebuild = verbs.add_parser(
        "rebuild",
        help="recompute days from users' own days; exit status 1 if differences remain (reads the whole table)",
    )
    rebuild.add_argument("--from", dest="first", required=True, metavar="DATE", help="the first day: 2027-03-01")
    rebuild.add_argument("--to", dest="last", required=True, metavar="DATE", help="the last day: yesterday or earlier")
    add_solution(rebuild, required=False)
    rebuild.add_argument("--dry-run", action="store_true", help="list the differences, change nothing")
    add_json(rebuild)
    rebuild.set_defaults(run=lambda options: run(options, rebuild.error))


def run(options: argparse.Namespace, wrong: Callable[[str], NoReturn]) -> int:
    """Compare, correct, and print what was different; `wrong` ends the command for wrong use."""
    environment = Environment.read(options.table)
    now = time.time()
    solutions = applied_solutions(environment, options.solution)
    try:
        period = _period(options, solutions, now)
    except PeriodInvalid as error:
        wrong(f"--{error}")
    except NotRebuildable as error:
        wrong(str(error))
    announce("reading the whole table")
    proof = Rebuild(environment.repository).run(solutions, period, options.dry_run)
    if options.json:
        print(json.dumps(_as_json(proof), indent=2))
    else:
        _print(proof)
    return 1 if proof.differences and not proof.corrected else 0


def _period(options: argparse.Namespace, solutions: Mapping[str, Solution], now: float) -> Period:
    """The days; they must be over, and still recomputable, wherever a solution is."""
    period = Period.read(options.first, options.last, today_in("UTC", now))
    for one in solutions.values():
        require_rebuildable(period, today_in(one.timezone, now))
    return period


def _as_json(proof: Proof) -> dict[str, Any]:
    return {
        "days": proof.days,
        "subject_days": proof.subject_days,
        "subjects": len(proof.subjects),
        "differences": [one._asdict() for one in proof.differences],
        "corrected": proof.corrected,
    }


COLUMNS: Final = WrongTotal._fields


def _print(proof: Proof) -> None:
    subjects = f"{len(proof.subjects)} users and visitors"
    read = f"{many(proof.days, 'day')} of solutions, from {many(proof.subject_days, 'day')} of {subjects}"
    if not proof.differences:
        print(f"proved: {read}")
        return
    print_rows([one._asdict() for one in proof.differences], COLUMNS, False, "")
    print(f"{len(proof.differences)} different: {'corrected' if proof.corrected else 'not changed'}, in {read}")
