"""What the three commands of an attachment say, and ask."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gatepass.attach.api_state import ApiState
from gatepass.attach.document import value_to_json
from gatepass.attach.executor import OnWritten
from gatepass.attach.plan import AttachmentPlan
from gatepass.attach.resources import (
    BackendMethod,
    CorsConfiguration,
    CustomResponse,
    HttpAuthorizer,
    NarrowPermission,
    PreflightMock,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    SolutionLink,
    WebSocketAuthorizer,
)
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


def in_words(value: ResourceValue | None) -> str:
    """A value as the table of the plan, and that of the drift, show it."""
    match value:
        case None:
            return "none"
        case RouteAuthorization():
            name = "the gate" if value.is_gate else value.authorizer
            return " ".join(filter(None, (value.type, name)))
        case NarrowPermission():
            return f"only {value.parameters.get('SourceArn') or value.parameters.get('Principal')}"
        case SolutionLink():
            return value.solution_id
        case RestAuthorizer() | HttpAuthorizer() | WebSocketAuthorizer():
            return f"{value.type}, cache {value.ttl} s"
        case CustomResponse():
            return f"{value.status or 'own status'}, {len(value.templates)} template(s)"
        case CorsConfiguration() if value.allow_headers or value.allow_origins:
            return f"origins {','.join(value.allow_origins)}; headers {','.join(value.allow_headers)}"
        case BackendMethod():
            return f"a backend ({value.put_integration['type']})"
        case PreflightMock() if origin := value.headers.get("Access-Control-Allow-Origin"):
            return f"mock, origin {origin}"
    return str(value_to_json(value))


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
def counting(what: str, total: int) -> Iterator[OnWritten]:
    """How many of `total` changes are done, on a terminal."""
    with progress(what, total) as bar:
        done = iter(range(1, total + 1))
        yield lambda key: bar.show(1, f"{next(done)} of {total}: {key}")
