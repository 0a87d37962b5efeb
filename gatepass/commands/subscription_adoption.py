"""`gatepass payments adopt`: a subscription that was made at Razorpay before there was Gatepass."""

import argparse
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from entitlements.currencies import readable
from entitlements.identifiers import require_solution_id
from entitlements.plans import Plan
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from gatepass.commands.arguments import add_solution, add_user
from gatepass.commands.users import user_of
from gatepass.environment import Environment
from gatepass.razorpay_access import payments_of
from gatepass.refusals import CommandError
from token_service.access.grants import require_solution
from token_service.payments.purchase import Purchase
from token_service.payments.razorpay_plans import request_for

ID: Final = re.compile(r"sub_[A-Za-z0-9]{1,40}")


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the verb."""
    adopt = verbs.add_parser(
        "adopt", help="match a subscription from before Gatepass to a user, a solution, and a plan"
    )
    adopt.add_argument("subscription", metavar="ID", help="sub_…, as Razorpay's dashboard shows it")
    add_user(adopt)
    add_solution(adopt)
    adopt.add_argument("--plan", required=True, metavar="NAME", help="the plan that it pays for, at the same price")
    adopt.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Store it as if it had been ordered here. Its payments are applied by `payments reconcile`, and by later events.

    A subscription that charges another price, or is over, is refused. Running it again changes nothing.
    """
    if not ID.fullmatch(options.subscription):
        raise CommandError(f"{options.subscription} is not the ID of a subscription: sub_ and letters or digits")
    environment = Environment.read(options.table)
    user_id = user_of(options, environment)
    solution = require_solution(environment.repository, require_solution_id(options.solution), time.time())
    plan = _recurring_plan(solution, options.plan)
    if environment.access.find(user_id, solution.solution_id) is None:
        raise Refused(
            Code.ENTITLEMENT_MISSING,
            f"{user_id} does not use {solution.solution_id} yet: run gatepass entitlements import or grant first",
        )
    with payments_of(environment) as payments:
        known = payments.books.purchase(options.subscription)
        if known is None:
            found = payments.razorpay.subscription(options.subscription)
            if found.over:
                raise CommandError(f"{options.subscription} is {found.status}: nothing is charged for it any more")
            _require_price(solution, plan, payments.razorpay.plan(found.plan_id))
            now = int(time.time())
            known = Purchase.of(plan, user_id, solution.solution_id, options.subscription, options.subscription, now)
            payments.books.ordered(known)
        if (known.user_id, known.solution, known.plan) != (user_id, solution.solution_id, plan.name):
            raise CommandError(
                f"{options.subscription} is {known.plan} of {known.solution} for {known.user_id}: nothing was changed"
            )
        payments.settlement.subscription(options.subscription)
    print(f"{options.subscription} is {plan.name} of {solution.solution_id} for {user_id}")
    return 0


def _recurring_plan(solution: Solution, name: str) -> Plan:
    plan = solution.plans.get(name)
    if plan is None or plan.price is None or plan.model != "recurring":
        sold = [one.name for one in solution.plans.values() if one.price and one.model == "recurring"]
        instead = f"use {' or '.join(sold)}" if sold else "it has none"
        raise CommandError(f"{name} is no recurring plan of {solution.solution_id}: {instead}")
    return plan


def _require_price(solution: Solution, plan: Plan, at_razorpay: Mapping[str, Any]) -> None:
    """A charge of another amount would be kept as unmatched, month by month."""
    wanted = request_for(solution, plan)
    item = at_razorpay.get("item") or {}
    terms = (item.get("amount"), item.get("currency"), at_razorpay.get("period"), at_razorpay.get("interval"))
    if terms != (wanted["item"]["amount"], wanted["item"]["currency"], wanted["period"], wanted["interval"]):
        amount, currency, period, interval = terms
        price = readable(int(amount or 0), str(currency))
        raise CommandError(
            f"the subscription charges {price} {period} (every {interval}), and {plan.name} costs "
            f"{plan.readable_price}: add a plan with that price to {solution.solution_id} and name it"
        )
