"""`gatepass doctor`: checks a deployed stack end to end, changes nothing, and says what to do."""

import argparse
import json
import os
import time
from dataclasses import replace
from typing import Final

from gatepass.aws_calls import CallFailed
from gatepass.commands.arguments import add_json
from gatepass.doctor import (
    api_checks,
    decision_check,
    front_checks,
    key_checks,
    request_check,
    role_checks,
    stack_checks,
    store_checks,
)
from gatepass.doctor.checkup import Check, CheckStatus, Line, check_all
from gatepass.doctor.patient import Patient
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from gatepass.stack_outputs import stack_outputs

CHECKS: Final[tuple[Check, ...]] = (
    *store_checks.CHECKS,
    *key_checks.CHECKS,
    *stack_checks.CHECKS,
    *role_checks.CHECKS,
    *front_checks.CHECKS,
    *api_checks.CHECKS,
    *decision_check.CHECKS,
)


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = nouns.add_parser("doctor", help="check a deployed stack end to end; exit status 1 if anything is wrong")
    parser.add_argument("--stack", metavar="NAME", help="the stack (default: that of the table)")
    parser.add_argument(
        "--request", action="store_true", help="also send each attached API a request that the gate refuses"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check everything; exit status 1 where there is a problem."""
    patient = Patient(_environment(options), time.time(), options.stack or "")
    lines, checks = list[Line](), CHECKS + (request_check.CHECKS if options.request else ())
    width = max(len(check.name) for check in checks)
    for line in check_all(patient, checks):
        lines.append(line)
        if not options.json:
            remedy = f"\n{'':{width + 11}}{line.remedy}" if line.remedy else ""
            print(f"{line.status:<7}  {line.check:<{width}}  {line.what}{remedy}", flush=True)
    if options.json:
        print(json.dumps([line._asdict() for line in lines], indent=2))
    problems = sum(line.status is CheckStatus.PROBLEM for line in lines)
    if not options.json:
        print(f"{problems} problem{'s' if problems != 1 else ''}" if problems else "no problems")
    return 1 if problems else 0


def _environment(options: argparse.Namespace) -> Environment:
    """That of the table; with --stack, of that stack's table, whatever GATEPASS_TABLE says."""
    if not options.stack or options.table:
        return Environment.read(options.table)
    environment = Environment.read(os.environ.get("GATEPASS_TABLE") or "?")
    try:
        outputs = stack_outputs(environment.aws, options.stack)
    except CallFailed as error:
        raise CommandError(
            f"the stack {options.stack} cannot be read: {error}: check --stack and AWS_REGION, and that your AWS "
            "credentials allow cloudformation:DescribeStacks; or set GATEPASS_TABLE instead of --stack"
        ) from error
    if "TableName" not in outputs:
        raise CommandError(f"the stack {options.stack} has no output TableName: it is not Gatepass's")
    return replace(environment, table=outputs["TableName"])
