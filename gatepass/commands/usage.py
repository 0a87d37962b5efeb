"""`gatepass usage`: what solutions are used for, by whom, what they earn, and what demand was refused."""

import argparse
import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from entitlements.items import use_prefix
from gatepass.commands import usage_rebuild
from gatepass.commands.arguments import add_json, add_solution
from gatepass.commands.solutions import applied_solutions
from gatepass.commands.usage_table import lines
from gatepass.environment import Environment
from gatepass.output import progress
from gatepass.refusals import CommandError
from token_service.usage.reports import Period, PeriodInvalid, Reports, stored, today_in
from token_service.usage.totals import SubjectDay

FORMATS: Final = ("table", "json", "csv")
COLUMNS: Final = ("solution", "day", "name", "number")
DEFAULT_TOP: Final = 10


class TopUser(NamedTuple):
    """What a user spent in a period."""

    user: str
    units: int
    days: int
    """Days with use."""
    last_day: str


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command, which also has a verb."""
    usage = nouns.add_parser("usage", help="what solutions are used for, what they earn, what demand was refused")
    add_solution(usage, required=False)
    usage.add_argument("--from", dest="first", metavar="DATE", help="the first day: 2027-03-01 (default: of 30 days)")
    usage.add_argument("--to", dest="last", metavar="DATE", help="the last day (default: today)")
    usage.add_argument("--format", choices=FORMATS, help="table (default), json, or csv: a row for each number")
    usage.add_argument(
        "--top", type=int, default=DEFAULT_TOP, metavar="N",
        help=f"how many of the users with the most units (default {DEFAULT_TOP}); 0 with --solution spares "
        "reading the whole table",
    )  # fmt: skip
    usage.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures too (needs matplotlib)")
    add_json(usage)
    usage.set_defaults(run=lambda options: run(options, usage.error))
    verbs = usage.add_subparsers(dest="verb", metavar="[VERB]")
    usage_rebuild.add_verb(verbs)


def run(options: argparse.Namespace, wrong: Callable[[str], NoReturn]) -> int:
    """Print the report; `wrong` ends the command for wrong use."""
    format_ = options.format or ("json" if options.json else "table")
    if options.json and format_ != "json":
        wrong(f"--json and --format {format_} contradict each other: give one of them")
    if options.top < 0:
        wrong("--top must be 0 or more")
    draw = _drawing(options.plot, wrong) if options.plot else None
    environment = Environment.read(options.table)
    now = time.time()
    solutions = applied_solutions(environment, options.solution)
    try:
        period = Period.read(
            options.first, options.last, max(today_in(one.timezone, now) for one in solutions.values())
        )
    except PeriodInvalid as error:
        wrong(f"--{error}")
    reports = Reports(environment.repository)
    if format_ == "csv":
        _print_csv(reports, solutions, period)
    if format_ != "csv" or draw:
        made = [reports.report(one.solution_id, one.name, period) for one in solutions.values()]
        document = {"from": str(period.first), "to": str(period.last), "solutions": made}
        if format_ != "csv":
            _add_top_users(environment, document, period, options.top)
            print(json.dumps(document, indent=2) if format_ == "json" else "\n".join(lines(document)))
        if draw:
            draw(document)
    return 0


def _drawing(path: Path, wrong: Callable[[str], NoReturn]) -> Callable[[Mapping[str, Any]], None]:
    """What draws into a file. Asked for first, so that nothing is read for a picture that cannot be drawn."""
    try:
        from gatepass.commands.usage_plot import draw
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        wrong("--plot needs matplotlib, which is not installed: run pip install matplotlib")
    if not path.absolute().parent.is_dir():
        wrong(f"--plot {path}: there is no folder {path.parent}: make it first")

    def drawn(document: Mapping[str, Any]) -> None:
        try:
            draw(document, path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        print(f"drew {path}", file=sys.stderr)

    return drawn


def _print_csv(reports: Reports, solutions: Iterable[str], period: Period) -> None:
    """A row for each number of each day that is not 0, under the names of token_service/usage/totals.py."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for solution in solutions:
        for day, counts in sorted(reports.days(solution, period.first, period.last).items()):
            writer.writerows((solution, day, name, number) for name, number in sorted(counts.items()))


# ---- top users -------------------------------------------------------------------------------------------------------


def _add_top_users(environment: Environment, document: Mapping[str, Any], period: Period, number: int) -> None:
    if not number:
        return
    with progress("reading users' days") as bar:

        def read() -> Iterator[SubjectDay]:
            for count, item in enumerate(environment.repository.scan(use_prefix()), 1):
                bar.show(0, str(count))
                yield SubjectDay.from_item(item)

        top = top_users(read(), period, number)
    for report in document["solutions"]:
        report["top_users"] = [one._asdict() for one in top.get(report["solution_id"], [])]


def top_users(days: Iterable[SubjectDay], period: Period, number: int) -> dict[str, list[TopUser]]:
    """The users with the most units in a period, by solution, from the days of users and visitors."""
    first, last = stored(period.first), stored(period.last)
    found: dict[str, dict[str, TopUser]] = defaultdict(dict)
    for one in days:
        if one.visitor or not first <= one.day <= last or one.units <= 0:
            continue
        users = found[one.solution]
        before = users.get(one.subject, TopUser(one.subject, 0, 0, ""))
        latest = max(before.last_day, date.fromisoformat(one.day).isoformat())
        users[one.subject] = TopUser(one.subject, before.units + one.units, before.days + 1, latest)
    return {
        solution: sorted(users.values(), key=lambda one: (-one.units, one.user))[:number]
        for solution, users in found.items()
    }
