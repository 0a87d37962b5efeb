"""`gatepass razorpay plans push`: makes Razorpay's plans for the recurring prices of solutions."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from entitlements.plans import Plan
from entitlements.solution import Solution
from gatepass.commands.solutions import read_files
from gatepass.environment import Environment
from gatepass.output import announce
from gatepass.razorpay_access import payments_of
from gatepass.refusals import CommandError
from token_service.payments.failures import RazorpayRefusal
from token_service.payments.razorpay_plans import matching, recurring, request_for, terms_of

if TYPE_CHECKING:
    from token_service.payments.wiring import Payments

DRY: Final = "would be "


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("razorpay", help="make Razorpay's plans for recurring prices").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    plans = verbs.add_parser("plans", help="Razorpay's plans, of which each recurring price needs one").add_subparsers(
        dest="plans_verb", required=True, metavar="VERB"
    )
    push = plans.add_parser("push", help="make the plans that are missing, for the mode (test or live) of the keys")
    push.add_argument("files", nargs="+", type=Path, metavar="FILE", help="solutions, as for solutions apply")
    push.add_argument("--dry-run", action="store_true", help="say what would be made, make and store nothing")
    push.set_defaults(run=run_push)


def run_push(options: argparse.Namespace) -> int:
    """Check every file, then push plan by plan. Each is remembered at once, so that a repetition continues."""
    solutions = read_files(options.files, options.table)
    environment = Environment.read(options.table)
    mode = environment.razorpay_secret.mode
    with payments_of(environment) as payments:
        announce("reading Razorpay's plans")
        push = PlansPush(payments, options.dry_run)
        for solution in solutions:
            plans = recurring(solution)
            for plan in plans:
                done = push.plan(solution, plan)
                print(f"{solution.solution_id} {plan.name}, {plan.readable_price} ({mode}): {done}", flush=True)
            if not plans:
                print(f"{solution.solution_id}: no recurring prices, so nothing to push")
    return 0


class PlansPush:
    """Pushes plans to one account in one mode."""

    def __init__(self, payments: "Payments", dry_run: bool) -> None:
        """Reads all plans of the account: Razorpay cannot be asked for those of one solution."""
        self._razorpay, self._plans, self._dry_run = payments.razorpay, payments.razorpay_plans, dry_run
        self._existing = list(self._razorpay.plans())

    def plan(self, solution: Solution, plan: Plan) -> str:
        """Push one plan; what was done, in words. Raises `CommandError` if Razorpay refuses it."""
        known = self._plans.pushed(solution.solution_id)
        plan_id = known.get(terms_of(plan), "")
        # The keys may be those of another account by now, which lacks the plans of the first.
        if plan_id and any(one.get("id") == plan_id for one in self._existing):
            return f"{plan_id} is there already"
        plan_id, done = matching(solution, plan, self._existing), "found"
        if not plan_id:
            done = "created"
            plan_id = "" if self._dry_run else self._created(solution, plan)
        if self._dry_run:
            return f"{plan_id} {DRY}remembered" if plan_id else f"{DRY}created"
        self._plans.remember(solution.solution_id, {**known, terms_of(plan): plan_id})
        return f"{done} {plan_id}"

    def _created(self, solution: Solution, plan: Plan) -> str:
        try:
            return self._razorpay.create_plan(request_for(solution, plan))
        except RazorpayRefusal as refusal:
            raise CommandError(
                f"Razorpay refused the plan {plan.name} of {solution.solution_id}: {refusal}. The plans before it are "
                "pushed: correct the file, and run this again"
            ) from refusal
