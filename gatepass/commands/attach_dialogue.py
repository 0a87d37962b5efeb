"""What the three commands of an attachment say, and ask."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gatepass.attach.apply import Progress
from gatepass.attach.plan import Change, Plan, in_words
from gatepass.attach.work import Work
from gatepass.output import print_rows, progress
from gatepass.refusals import CommandError


def show(work: Work, changes: Sequence[Change], plan: Plan, foreign: Sequence[str], as_json: bool) -> None:
    """Print the plan."""
    rows = [{"what": c.key, "from": in_words(c.was), "to": in_words(c.now)} for c in changes]
    if as_json:
        facts = {"api": work.api_id, "kind": work.api.kind, "stage": work.api.stage, "changes": rows,
                 "left_alone": plan.left_alone, "notes": plan.notes, "pending": list(foreign)}  # fmt: skip
        print(json.dumps(facts, indent=2))
        return
    print(f"{work.api.kind} API {work.api_id}, stage {work.api.stage}")
    if rows:
        print_rows(rows, ("what", "from", "to"), False, "")
    for route, why in plan.left_alone.items():
        print(f"left alone: {route}: {why}")
    for note in plan.notes:
        print(f"note: {note}")


def say(options: argparse.Namespace, text: str) -> None:
    """Tell people, out of the way of `--json`."""
    print(text, file=sys.stderr if options.json else sys.stdout)


def agreed(options: argparse.Namespace, question: str) -> bool:
    """Ask, unless told not to."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise CommandError("stdin is not a terminal: pass --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def counting(what: str, changes: Sequence[Change]) -> Iterator[Progress]:
    """How many changes are done, on a terminal."""
    with progress(what, len(changes)) as bar:
        done = iter(range(1, len(changes) + 1))
        yield lambda key: bar.show(1, f"{next(done)} of {len(changes)}: {key}")
