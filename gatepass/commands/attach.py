"""`gatepass attach`, `detach` and `status`: the gate in front of an API that exists."""

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from entitlements.identifiers import require_api_id
from gatepass.attach import apply, pending, snippets
from gatepass.attach import record as records
from gatepass.attach.apis import MARK
from gatepass.attach.plan import Change, Goal, Plan, in_words, make_plan
from gatepass.attach.record import Record
from gatepass.attach.work import Work
from gatepass.commands.arguments import add_json, add_solution
from gatepass.commands.solutions import required_solution
from gatepass.environment import Environment
from gatepass.output import print_rows
from token_service.errors import Refused


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the three commands."""
    attach = nouns.add_parser("attach", help="put the gate in front of an API that exists")
    attach.add_argument("api", metavar="API_ID")
    add_solution(attach)
    attach.add_argument("--stage", metavar="NAME", help="needed where the API has several")
    attach.add_argument("--only", action="append", default=[], metavar="ROUTE", help="'POST /search'; repeatable")
    attach.add_argument("--except", action="append", default=[], dest="except_", metavar="ROUTE", help="repeatable")
    attach.add_argument("--authorizer-arn", metavar="ARN", help="default: the stack's output AuthorizerArn")
    attach.add_argument("--replace-auth", action="store_true", help="switch routes with IAM, Cognito or JWT too")
    attach.add_argument("--replace-responses", action="store_true", help="replace the API's own gateway responses")
    attach.add_argument("--deploy-pending", action="store_true", help="deploy other people's pending changes too")
    attach.add_argument("--force-managed", action="store_true", help="even though CloudFormation manages the API")
    attach.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    attach.add_argument("--yes", action="store_true", help="do not ask")
    add_json(attach)
    attach.set_defaults(run=run_attach)
    detach = nouns.add_parser("detach", help="put an API back as it was before attach")
    detach.add_argument("api", metavar="API_ID")
    detach.add_argument("--deploy-pending", action="store_true", help="deploy other people's pending changes too")
    detach.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    detach.add_argument("--yes", action="store_true", help="do not ask")
    add_json(detach)
    detach.set_defaults(run=run_detach)
    status = nouns.add_parser("status", help="whether APIs are attached as they should be; exit status 1 if not")
    status.add_argument("api", nargs="?", metavar="API_ID")
    status.add_argument("--all", action="store_true", help="every attached API")
    add_json(status)
    status.set_defaults(run=run_status)


def run_attach(options: argparse.Namespace) -> int:
    """Plan, ask, apply, verify."""
    environment = Environment.read(options.table)
    api_id = require_api_id(options.api)
    solution = required_solution(environment, options.solution)
    old = records.load(environment.repository, api_id)
    arn = options.authorizer_arn or (old.options["authorizer_arn"] if old else authorizer_arn(environment))
    if len(arn.split(":")) not in (7, 8) or ":function:" not in arn:
        raise Refused("arn_invalid", f"--authorizer-arn: {arn} is no ARN of a Lambda function or its alias")
    work = Work(environment.aws, environment.repository, api_id, options.stage or (old.stage if old else None), arn)
    if work.api.stack and not options.force_managed:
        print(snippets.for_api(work.api.kind, arn), end="")
        raise Refused("api_managed", f"the stack {work.api.stack} manages this API, and its next deployment would take "
                      "the gate away: put the lines above into its template, then gatepass solutions link "
                      f"{solution.solution_id} {api_id}; or give --force-managed")  # fmt: skip
    if old and old.stage != work.stage:
        raise Refused("other_stage", f"the API is attached at stage {old.stage}: detach it there first")
    goal = Goal(solution, arn, tuple(options.only), tuple(options.except_), options.replace_auth,
                options.replace_responses)  # fmt: skip
    plan, foreign = _plan(work, goal, old)
    _show(work, plan.changes, plan, foreign, options.json)
    if not plan.changes and (old is None or old.status == "attached"):
        _say(options, f"{api_id} is attached to {solution.solution_id}: nothing to do")
        return 0
    if foreign and not options.deploy_pending:
        raise Refused("pending_changes", "a deployment would publish what others have not deployed yet:\n"
                      + "\n".join(foreign) + "\nDeploy it first, or give --deploy-pending")  # fmt: skip
    if options.dry_run or not _agreed(options, "Attach?"):
        return 0 if options.dry_run else 1
    asked = {"authorizer_arn": arn, "only": goal.only, "except_": goal.except_, "replace_auth": goal.replace_auth,
             "replace_responses": goal.replace_responses}  # fmt: skip
    kept = old.changes if old else {}
    changes = kept | {change.key: change for change in plan.changes}
    record = Record(api_id, solution.solution_id, "attaching", work.api.kind, work.api.stage, asked, changes)
    with _progress(len(plan.changes)) as progress:
        apply.attach(work, plan.changes, record, old, progress)
    _say(options, f"attached {api_id} to {solution.solution_id}: {len(plan.changes)} changes, read back and as planned")
    return 0


def _plan(work: Work, goal: Goal, old: Record | None) -> tuple[Plan, list[str]]:
    """The plan, and other people's pending changes that its deployment would publish."""
    marker = f"{MARK}attach {secrets.token_hex(4)}"
    recorded = old.changes if old else {}
    plan = make_plan(work.api, goal, recorded, marker)
    lines = pending.pending(work.aws, work.api)
    ours = {key.partition(" ")[2] for key in recorded if key.startswith("route ")}
    ours |= {f"OPTIONS {key.partition(' ')[2]}" for key in recorded if key.startswith("preflight ")}
    ours |= {key.partition(" ")[2] for key in recorded if key.startswith("preflight OPTIONS ")}
    stale = [line for line in lines if pending.route_of(line) in ours]
    deploys = any(change.key == "deployment" for change in plan.changes)
    unfinished = old is not None and old.status != "attached" and not work.api.auto_deploy
    at_marker = str(work.api.values["deployment"]).startswith(MARK)
    if (stale or (unfinished and not at_marker)) and not deploys:
        present = work.api.values["deployment"]
        was = recorded.get("deployment")
        plan.changes.append(Change("deployment", present, marker, was.origin if was else present))
        deploys = True
    if deploys and work.api.kind == "WEBSOCKET":
        plan.notes.append("the stage of a WebSocket API cannot be compared: whatever is pending is published too")
    return plan, [line for line in lines if line not in stale] if deploys else []


def run_detach(options: argparse.Namespace) -> int:
    """Put everything back."""
    environment = Environment.read(options.table)
    old = _recorded(environment, options.api)
    work = Work(environment.aws, environment.repository, old.api_id, old.stage, old.options["authorizer_arn"])
    changes = apply.plan_detach(work, old, f"{MARK}detach {secrets.token_hex(4)}")
    deploys = any(change.key == "deployment" and change.now.startswith(MARK) for change in changes)
    foreign = pending.pending(work.aws, work.api) if deploys else []
    _show(work, changes, Plan(), foreign, options.json)
    if foreign and not options.deploy_pending:
        raise Refused("pending_changes", "the stage was deployed by others since, and needs a new deployment, which "
                      "would publish what is not deployed yet:\n" + "\n".join(foreign)
                      + "\nDeploy it first, or give --deploy-pending")  # fmt: skip
    if options.dry_run or not _agreed(options, "Detach?"):
        return 0 if options.dry_run else 1
    with _progress(len(changes)) as progress:
        apply.detach(work, changes, old, progress)
    _say(options, f"detached {old.api_id}: it is as it was before")
    return 0


def run_status(options: argparse.Namespace) -> int:
    """Compare with the record; exit status 1 where anything is not as attached."""
    if bool(options.api) == options.all:
        raise Refused("which", "name one API, or give --all")
    environment = Environment.read(options.table)
    if options.all:
        items = environment.repository.scan("api#", records.SORT_KEY, ("pk",))
        apis = sorted(item["pk"].removeprefix("api#") for item in items)
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
        plan, _ = _plan(work, goal, old)
        stale = pending.pending(work.aws, work.api)
    except Refused as error:
        return [row | {"status": "drifted", "what": str(error)}]
    found = apply.drift(work, old, plan.changes, stale)
    state = "drifted" if old.status == "attached" else "partly"
    if not found:
        return [row | {"status": "attached" if old.status == "attached" else state}]
    return [
        row | {"status": state, "what": one["what"], "wanted": in_words(one["wanted"]), "is": in_words(one["is"])}
        for one in found
    ]


def authorizer_arn(environment: Environment) -> str:
    """The stack's output; an emulator has no stack."""
    if environment.emulated:
        raise Refused("authorizer_unknown", "an emulator has no stack to look the authorizer up in: give "
                      "--authorizer-arn ARN")  # fmt: skip
    stacks = environment.aws.call("cloudformation", "describe_stacks", StackName=environment.stack)["Stacks"]
    for output in stacks[0].get("Outputs", []):
        if output["OutputKey"] == "AuthorizerArn":
            return str(output["OutputValue"])
    raise Refused("authorizer_unknown", f"the stack {environment.stack} has no output AuthorizerArn: deploy it again, "
                  "or give --authorizer-arn ARN")  # fmt: skip


def _recorded(environment: Environment, api_id: str) -> Record:
    record = records.load(environment.repository, require_api_id(api_id))
    if record is None:
        raise Refused("not_attached", f"{api_id} is not attached; gatepass solutions unlink ends a mere link")
    return record


def _show(work: Work, changes: Sequence[Change], plan: Plan, foreign: Sequence[str], as_json: bool) -> None:
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


def _say(options: argparse.Namespace, text: str) -> None:
    print(text, file=sys.stderr if options.json else sys.stdout)


def _agreed(options: argparse.Namespace, question: str) -> bool:
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise Refused("not_agreed", "nobody is there to ask: give --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def _progress(total: int) -> Iterator[apply.Progress]:
    """A bar on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda key: bar.update(task, advance=1, description=key)
