"""What the three commands of an attachment say, and ask."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gatepass.attach.document import value_to_json
from gatepass.attach.executor import OnWritten, ReadBack
from gatepass.attach.live_api import LiveApi
from gatepass.attach.outcome import stored_as
from gatepass.attach.plan import Action, AttachmentPlan, ResourceChange
from gatepass.attach.words import details, in_words
from gatepass.output import progress
from gatepass.refusals import CommandError


def show(live: LiveApi, plan: AttachmentPlan, options: argparse.Namespace) -> None:
    """Print the plan, with all that the answers say if `options` ask for it."""
    state = live.state
    if options.json:
        facts = {"api": state.api_id, "kind": state.kind, "stage": state.stage, "authorizer_arn": live.arn,
                 "changes": [_row(change, options.verbose) for change in plan.changes],
                 "left_alone": plan.left_alone, "notes": plan.notes, "warnings": plan.warnings,
                 "pending": list(plan.pending)}  # fmt: skip
        print(json.dumps(facts, indent=2))
        return
    print(f"{state.kind} API {state.api_id}, stage {state.stage}")
    print(f"gate: {live.arn}")
    width = max((len(str(change.key)) for change in plan.changes), default=0)
    for change in plan.changes:
        print(f"  {change.action} {str(change.key).ljust(width)}  {_from_to(change)}")
        if options.verbose:
            _show_details(change)
    for route, why in plan.left_alone.items():
        print(f"left alone: {route}: {why}")
    for note in plan.notes:
        print(f"note: {note}")
    for warning in plan.warnings:
        print(f"warning: {warning}")
    if plan.changes:
        counts = Counter(change.action for change in plan.changes)
        print(
            f"Plan: {counts[Action.ADD]} to add, {counts[Action.CHANGE]} to change, {counts[Action.REMOVE]} to remove."
        )


def _row(change: ResourceChange, verbose: bool) -> dict[str, Any]:
    row = {"what": str(change.key), "action": change.action.name.lower(),
           "from": in_words(change.was), "to": in_words(change.now)}  # fmt: skip
    return row | {"was": value_to_json(change.was), "now": value_to_json(change.now)} if verbose else row


def _from_to(change: ResourceChange) -> str:
    match change.action:
        case Action.ADD:
            return in_words(change.now)
        case Action.REMOVE:
            return in_words(change.was)
        case Action.CHANGE:
            return f"{in_words(change.was)} -> {in_words(change.now)}"


def _show_details(change: ResourceChange) -> None:
    was, now = details(change.was), details(change.now)
    for name in dict.fromkeys([*was, *now]):
        if was.get(name) == now.get(name):
            print(f"        {name}: {now[name]}")
            continue
        for mark, values in ((Action.REMOVE, was), (Action.ADD, now)):
            if name in values:
                print(f"      {mark} {name}: {values[name]}")


def say(options: argparse.Namespace, text: str) -> None:
    """Tell people, out of the way of `--json`."""
    print(text, file=sys.stderr if options.json else sys.stdout)


def tell_stored(options: argparse.Namespace, stored: ReadBack) -> str:
    """Tell what a gateway stores otherwise than it was written; empty if that is nothing, and else how to sum it up."""
    for key, value in stored.items():
        say(options, f"note: {stored_as(key, value)}")
    return f"{len(stored)} of them stored in another form" if stored else ""


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
