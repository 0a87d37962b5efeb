"""`gatepass attach` and `detach`: the gate in front of an API that exists, and away again."""

import argparse
import secrets
from collections.abc import Sequence
from dataclasses import replace

from entitlements.identifiers import require_api_id
from entitlements.items import api_key
from gatepass.attach import apply, pending, snippets, undo
from gatepass.attach import record as records
from gatepass.attach.apis import MARK, Api, exists
from gatepass.attach.aws import CallFailed
from gatepass.attach.plan import Change, Goal, Plan
from gatepass.attach.planning import plan_attach
from gatepass.attach.record import Record
from gatepass.attach.work import Work
from gatepass.commands.arguments import add_json, add_solution
from gatepass.commands.attach_dialogue import agreed, counting, say, show
from gatepass.commands.solutions import required_solution
from gatepass.environment import Environment
from gatepass.interrupts import ending_on_signals
from gatepass.refusals import CommandError


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the two commands."""
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


def run_attach(options: argparse.Namespace) -> int:
    """Plan, ask, apply, verify."""
    environment = Environment.read(options.table)
    api_id = require_api_id(options.api)
    solution = required_solution(environment, options.solution)
    old = records.load(environment.repository, api_id)
    arn = options.authorizer_arn or (old.options["authorizer_arn"] if old else authorizer_arn(environment))
    if len(arn.split(":")) not in (7, 8) or ":function:" not in arn:
        raise CommandError(f"--authorizer-arn: {arn} is no ARN of a Lambda function or its alias")
    work = Work(environment.aws, environment.repository, api_id, options.stage or (old.stage if old else None), arn)
    if work.api.stack and not options.force_managed:
        print(snippets.for_api(work.api.kind, arn), end="")
        raise CommandError(f"the stack {work.api.stack} manages this API, and its next deployment would take "
                      "the gate away: put the lines above into its template, with preflight as "
                      "docs/infrastructure-as-code.md has it, and before you deploy it run gatepass solutions link "
                      f"{solution.solution_id} {api_id}; or give --force-managed")  # fmt: skip
    if old and old.stage != work.stage:
        raise CommandError(f"the API is attached at stage {old.stage}: detach it there first")
    goal = Goal(solution, arn, tuple(options.only), tuple(options.except_), options.replace_auth,
                options.replace_responses)  # fmt: skip
    if old and old.status == "attaching":
        goal = _resumed(goal, old)
    plan, foreign = plan_attach(work, goal, old)
    show(work, plan.changes, plan, foreign, options.json)
    if not plan.changes and (old is None or old.status == "attached"):
        say(options, f"{api_id} is attached to {solution.solution_id}: nothing to do")
        return 0
    if foreign and not options.deploy_pending:
        raise CommandError("a deployment would publish what others have not deployed yet:\n"
                      + "\n".join(foreign) + "\nDeploy it first, or give --deploy-pending")  # fmt: skip
    if options.dry_run or not agreed(options, "Attach?"):
        return 0 if options.dry_run else 1
    if not options.yes:
        work.read()
        _unchanged(plan.changes, plan_attach(work, goal, old)[0].changes)
    asked = {"authorizer_arn": arn, "only": goal.only, "except_": goal.except_, "replace_auth": goal.replace_auth,
             "replace_responses": goal.replace_responses, "run": secrets.token_hex(4)}  # fmt: skip
    kept = _kept(old, work.api) if old else {}
    changes = kept | {change.key: change for change in plan.changes}
    record = Record(api_id, solution.solution_id, "attaching", work.api.kind, work.api.stage, asked, changes)
    with ending_on_signals(), counting("attaching", plan.changes) as progress:
        apply.attach(work, plan.changes, record, old, progress)
    say(options, f"attached {api_id} to {solution.solution_id}: {len(plan.changes)} changes, read back and as planned")
    return 0


def run_detach(options: argparse.Namespace) -> int:
    """Put everything back."""
    environment = Environment.read(options.table)
    old = _recorded(environment, options.api)
    if not exists(environment.aws, old.api_id):
        return _forget(environment, old, options)
    work = Work(environment.aws, environment.repository, old.api_id, old.stage, old.options["authorizer_arn"],
                stage_may_be_gone=True)  # fmt: skip
    changes = undo.plan_detach(work, old, f"{MARK}detach {secrets.token_hex(4)}")
    deploys = any(change.key == "deployment" and change.now.startswith(MARK) for change in changes)
    foreign = pending.pending(work.aws, work.api) if deploys else []
    show(work, changes, Plan(left_alone=undo.left_alone(work, old)), foreign, options.json)
    if foreign and not options.deploy_pending:
        raise CommandError("the stage was deployed by others since, and needs a new deployment, which "
                      "would publish what is not deployed yet:\n" + "\n".join(foreign)
                      + "\nDeploy it first, or give --deploy-pending")  # fmt: skip
    if options.dry_run or not agreed(options, "Detach?"):
        return 0 if options.dry_run else 1
    if not options.yes:
        work.read()
        _unchanged(changes, undo.plan_detach(work, old, MARK))
    with ending_on_signals(), counting("detaching", changes) as progress:
        apply.detach(work, changes, old, progress)
    say(options, f"detached {old.api_id}: it is as it was before")
    return 0


def _forget(environment: Environment, old: Record, options: argparse.Namespace) -> int:
    """End the attachment of an API that was deleted: what is left of it is the link and the record."""
    print(f"there is no API {old.api_id} any more: its link and record go")
    if options.dry_run or not agreed(options, "Detach?"):
        return 0 if options.dry_run else 1
    environment.repository.delete_item(api_key(old.api_id))
    records.delete(environment.repository, old)
    say(options, f"detached {old.api_id}, which had been deleted")
    return 0


def _resumed(goal: Goal, old: Record) -> Goal:
    """The goal with what the run that was cut off was asked for, where this one is asked for nothing."""
    asked = old.options
    if goal.only or goal.except_ or goal.replace_auth or goal.replace_responses:
        return goal
    return replace(goal, only=tuple(asked["only"]), except_=tuple(asked["except_"]),
                   replace_auth=asked["replace_auth"], replace_responses=asked["replace_responses"])  # fmt: skip


def _kept(old: Record, api: Api) -> dict[str, Change]:
    """The record's changes that still stand: those that a detach had undone before it was cut off are over."""
    if old.status != "detaching":
        return old.changes
    return {key: one for key, one in old.changes.items()
            if key == "deployment" or api.values.get(key) != one.origin}  # fmt: skip


def _unchanged(shown: Sequence[Change], now: Sequence[Change]) -> None:
    """Refuse where what was agreed to is no longer what would be done; each plan has a deployment's name of its own."""

    def comparable(changes: Sequence[Change]) -> list[Change]:
        return [change._replace(now="") if change.key == "deployment" else change for change in changes]

    if comparable(shown) != comparable(now):
        raise CommandError("the API was changed while this was asked, and nothing was done: run the "
                      "command again to see what it would do now")  # fmt: skip


def authorizer_arn(environment: Environment) -> str:
    """The output of the stack that the table belongs to."""
    try:
        stacks = environment.aws.call("cloudformation", "describe_stacks", StackName=environment.stack)["Stacks"]
    except CallFailed as error:
        raise CommandError(f"the stack {environment.stack} cannot be read ({error}): give "
                      "--authorizer-arn ARN") from error  # fmt: skip
    for output in stacks[0].get("Outputs", []):
        if output["OutputKey"] == "AuthorizerArn":
            return str(output["OutputValue"])
    raise CommandError(f"the stack {environment.stack} has no output AuthorizerArn: deploy it again, "
                  "or give --authorizer-arn ARN")  # fmt: skip


def _recorded(environment: Environment, api_id: str) -> Record:
    record = records.load(environment.repository, require_api_id(api_id))
    if record is None:
        raise CommandError(f"{api_id} is not attached; gatepass solutions unlink ends a mere link")
    return record
