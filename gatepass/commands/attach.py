"""`gatepass attach` and `detach`: the gate in front of an API that exists, and away again."""

import argparse

from entitlements.identifiers import require_api_id
from gatepass.attach.goal import AttachOptions
from gatepass.attach.session import AttachSession, DetachSession, ManagedApi
from gatepass.commands.arguments import add_api, add_json, add_solution
from gatepass.commands.attach_dialogue import agreed, counting, say, show, tell_stored
from gatepass.commands.solutions import required_solution
from gatepass.environment import Environment
from gatepass.interrupts import ending_on_signals


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the two commands."""
    attach = nouns.add_parser("attach", help="put the gate in front of an API that exists")
    add_api(attach)
    add_solution(attach)
    attach.add_argument("--stage", metavar="NAME", help="the stage; required if the API has more than one")
    attach.add_argument(
        "--only", action="append", default=[], metavar="ROUTE",
        help="attach only this route, such as 'POST /search'; repeatable",
    )  # fmt: skip
    attach.add_argument(
        "--except", action="append", default=[], dest="except_", metavar="ROUTE",
        help="leave this route as it is, such as 'OPTIONS /search'; repeatable",
    )  # fmt: skip
    attach.add_argument("--authorizer-arn", metavar="ARN", help="default: the stack's output AuthorizerArn")
    attach.add_argument("--replace-auth", action="store_true", help="switch routes with IAM, Cognito or JWT too")
    attach.add_argument("--replace-responses", action="store_true", help="replace the API's own gateway responses")
    attach.add_argument(
        "--force-managed", action="store_true",
        help="attach even if CloudFormation manages the API; its next deployment may undo it",
    )  # fmt: skip
    _add_common(attach)
    attach.set_defaults(run=run_attach)
    detach = nouns.add_parser("detach", help="put an API back as it was before attach")
    add_api(detach)
    _add_common(detach)
    detach.set_defaults(run=run_detach)


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--deploy-pending", action="store_true", help="deploy other people's pending changes too")
    command.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    command.add_argument("--verbose", action="store_true", help="show the headers and bodies of each answer")
    command.add_argument("--yes", action="store_true", help="do not ask")
    add_json(command)


def run_attach(options: argparse.Namespace) -> int:
    """Show the plan, ask, and attach."""
    environment = Environment.read(options.table)
    api_id = require_api_id(options.api)
    solution = required_solution(environment, options.solution)
    asked = AttachOptions(options.authorizer_arn or "", tuple(options.only), tuple(options.except_),
                          options.replace_auth, options.replace_responses)  # fmt: skip
    try:
        session = AttachSession.open(environment, api_id, solution, asked, options.stage, options.force_managed)
    except ManagedApi as error:
        print(error.snippet, end="")
        raise
    plan = session.plan()
    show(session.live, plan, options)
    if session.is_done(plan):
        say(options, f"{api_id} is attached to {solution.solution_id}: nothing to do")
        return 0
    if not options.deploy_pending:
        session.require_nothing_pending(plan)
    if options.dry_run or not agreed(options, "Attach?"):
        return 0 if options.dry_run else 1
    if not options.yes:
        session.require_unchanged(plan)
    with ending_on_signals(), counting("attaching", len(plan.changes)) as done:
        stored = session.apply(plan, done)
    outcome = tell_stored(options, stored) or "read back and as planned"
    say(options, f"attached {api_id} to {solution.solution_id}: {len(plan.changes)} changes, {outcome}")
    return 0


def run_detach(options: argparse.Namespace) -> int:
    """Show the plan, ask, and put everything back."""
    environment = Environment.read(options.table)
    api_id = require_api_id(options.api)
    session = DetachSession.open(environment, api_id)
    if not session.api_exists():
        return _forget(session, api_id, options)
    plan = session.plan()
    show(session.live, plan, options)
    if not options.deploy_pending:
        session.require_nothing_pending(plan)
    if options.dry_run or not agreed(options, "Detach?"):
        return 0 if options.dry_run else 1
    if not options.yes:
        session.require_unchanged(plan)
    with ending_on_signals(), counting("detaching", len(plan.changes)) as done:
        stored = session.apply(plan, done)
    say(options, f"detached {api_id}: {tell_stored(options, stored) or 'it is as it was before'}")
    return 0


def _forget(session: DetachSession, api_id: str, options: argparse.Namespace) -> int:
    print(f"API {api_id} no longer exists: its link and record are removed")
    if options.dry_run or not agreed(options, "Detach?"):
        return 0 if options.dry_run else 1
    session.forget()
    say(options, f"detached {api_id}, which had been deleted")
    return 0
