"""What the three commands of an attachment say, and ask."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gatepass.attach.api_state import ApiState
from gatepass.attach.executor import OnWritten, ReadBack
from gatepass.attach.outcome import stored_as
from gatepass.attach.plan import AttachmentPlan
from gatepass.attach.words import in_words
from gatepass.output import print_rows, progress
from gatepass.refusals import CommandError


def show(state: ApiState, plan: AttachmentPlan, as_json: bool) -> None:
    """Print the plan."""
    rows = [{"what": str(c.key), "from": in_words(c.was), "to": in_words(c.now)} for c in plan.changes]
    if as_json:
        facts = {"api": state.api_id, "kind": state.kind, "stage": state.stage, "changes": rows,
                 "left_alone": plan.left_alone, "notes": plan.notes, "warnings": plan.warnings,
                 "pending": list(plan.pending)}  # fmt: skip
        print(json.dumps(facts, indent=2))
        return
    print(f"{state.kind} API {state.api_id}, stage {state.stage}")
    if rows:
        print_rows(rows, ("what", "from", "to"), False, "")
    for route, why in plan.left_alone.items():
        print(f"left alone: {route}: {why}")
    for note in plan.notes:
        print(f"note: {note}")
    for warning in plan.warnings:
        print(f"warning: {warning}")


def say(options: argparse.Namespace, text: str) -> None:
    """Tell people, out of the way of `--json`."""
    print(text, file=sys.stderr if options.json else sys.stdout)


def tell_stored(options: argparse.Namespace, stored: ReadBack) -> str:
    """Tell what a gateway stores otherwise than it was written; empty if that is nothing, and else how to sum it up."""
    for key, value in stored.items():
        say(options, f"note: {stored_as(key, value)}")
    return f"of which {len(stored)} read back otherwise" if stored else ""


def agreed(options: argparse.Namespace, question: str) -> bool:
    """Ask, unless told not to."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise CommandError("stdin is not a terminal: pass --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def counting(what: str, total: int) -> Iterator[OnWritten]:
    """How many of `total` changes are done, on a terminal."""
    with progress(what, total) as bar:
        done = iter(range(1, total + 1))
        yield lambda key: bar.show(1, f"{next(done)} of {total}: {key}")
