"""Razorpay's plans for a solution's recurring prices. They cannot be changed there: a new price is a new plan.

https://razorpay.com/docs/api/payments/subscriptions/create-plan/
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from entitlements.items import razorpay_plans_key
from entitlements.plans import Plan
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.payments.purchase import price_of
from token_service.repository import Repository

PERIODS: Final[Mapping[str, str]] = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}


class RazorpayPlans:
    """The ids of pushed plans, for the account's present mode: test and live have plans of their own."""

    def __init__(self, repository: Repository, mode: Callable[[], str]) -> None:
        """`mode` tells `test` or `live`."""
        self._repository, self._mode = repository, mode

    def of(self, solution_id: str, plan: Plan) -> str:
        """The id of a plan's Razorpay plan. Raises `Refused` if it was not pushed."""
        found = self.pushed(solution_id).get(terms_of(plan))
        if found is None:
            raise Refused(
                Code.PAYMENTS_NOT_CONFIGURED,
                f"Razorpay has no plan for {plan.name} of {solution_id}: run gatepass razorpay plans push",
            )
        return found

    def pushed(self, solution_id: str) -> dict[str, str]:
        """The ids of a solution's pushed plans by their terms; none if none was pushed in this mode."""
        item = self._repository.get_item(razorpay_plans_key(solution_id)) or {}
        found: dict[str, str] = json.loads(item.get(self._mode(), "{}"))
        return found

    def remember(self, solution_id: str, pushed: Mapping[str, str]) -> None:
        """Store the ids, beside those of the other mode."""
        self._repository.update_item(
            {
                "Key": razorpay_plans_key(solution_id).wire,
                "UpdateExpression": "SET #mode = :plans",
                "ExpressionAttributeNames": {"#mode": self._mode()},
                "ExpressionAttributeValues": {":plans": {"S": json.dumps(dict(pushed), sort_keys=True)}},
            }
        )


def recurring(solution: Solution) -> list[Plan]:
    """The plans that need a Razorpay plan."""
    return [plan for plan in solution.plans.values() if plan.price and plan.model == "recurring"]


def unpushed(solution: Solution, pushed: Mapping[str, str]) -> list[Plan]:
    """The recurring plans whose price is not at Razorpay."""
    return [plan for plan in recurring(solution) if terms_of(plan) not in pushed]


def terms_of(plan: Plan) -> str:
    """What makes two prices the same Razorpay plan, as one text."""
    price = price_of(plan)
    return f"{plan.name} {price.amount} {price.currency} {price.every} {price.interval}"


def request_for(solution: Solution, plan: Plan) -> dict[str, Any]:
    """The request that creates the plan at Razorpay."""
    price = price_of(plan)
    return {
        "period": PERIODS[str(price.interval)],
        "interval": price.every,
        "item": {
            "name": f"{solution.name}: {plan.name}"[:100],
            "amount": price.amount,
            "currency": price.currency,
        },
        "notes": {"solution": solution.solution_id, "terms": terms_of(plan)},
    }


def matching(solution: Solution, plan: Plan, existing: Iterable[Mapping[str, Any]]) -> str:
    """The id of an existing plan that an earlier push made for this price; empty if there is none."""
    wanted = request_for(solution, plan)
    for one in existing:
        item, notes = one.get("item"), one.get("notes")
        if (
            isinstance(item, Mapping)
            and isinstance(notes, Mapping)
            and (one.get("period"), one.get("interval")) == (wanted["period"], wanted["interval"])
            and all(item.get(name) == wanted["item"][name] for name in ("amount", "currency"))
            and dict(notes) == wanted["notes"]
        ):
            return str(one["id"])
    return ""
