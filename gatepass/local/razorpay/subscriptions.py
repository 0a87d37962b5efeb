"""The rules for plans and subscriptions, as far as requests of the API go.

States: https://razorpay.com/docs/payments/subscriptions/states/.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from gatepass.local.razorpay import fields, subscription_entities
from gatepass.local.razorpay.cycles import MIN_INTERVAL, cycle_start
from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.orders import OrderBook, find
from gatepass.local.razorpay.refusal import RazorpayRefused

FINAL = frozenset({"cancelled", "completed", "expired"})
MAX_YEARS = 100  # of a subscription. Razorpay's own limits depend on the period; dates end here before Python's do
_ASKED = frozenset({"plan_id", "total_count", "quantity", "start_at", "expire_by", "customer_notify", "notes"})


@dataclass
class BillingProgress:
    """What a subscription's entity does not show."""

    anchor: int  # when the first cycle began or begins, if that is known
    begun: int = 0  # cycles with an invoice, paid or not
    invoice_id: str | None = None  # of the latest cycle
    cancel_at_cycle_end: bool = False


class SubscriptionBook(OrderBook):
    """Plans and subscriptions of one account. See `RazorpayAccount`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._plans: dict[str, Entity] = {}
        self._subscriptions: dict[str, Entity] = {}
        self._progress: dict[str, BillingProgress] = {}
        self.refuses_cycle_end = False
        """Refuse to cancel at the end of a cycle, also while one is going on."""
        self.forgets_cycle_end = False
        """Take such a request, and go on (razorpay-node#452)."""

    # ---- plans -------------------------------------------------------------------------------------------------------

    def create_plan(self, body: Mapping[str, Any]) -> Entity:
        """Create a plan. Nothing changes it later: Razorpay has no request for that."""
        fields.only(body, {"period", "interval", "item", "notes"})
        period = fields.text(body, "period", required=True) or ""
        if period not in MIN_INTERVAL:
            raise RazorpayRefused("The selected period is invalid.", field="period")
        interval = fields.integer(body, "interval", None, least=MIN_INTERVAL[period])
        asked = body.get("item")
        if not isinstance(asked, dict):
            raise RazorpayRefused("The item field is required.", field="item")
        fields.only(asked, {"name", "amount", "currency", "description"})
        currency = fields.currency(asked)
        item = {
            "name": fields.text(asked, "name", required=True),
            "description": fields.text(asked, "description"),
            "amount": fields.amount(asked, currency),
            "currency": currency,
        }
        ids = f"plan_{self._new_id()}", f"item_{self._new_id()}"
        plan = subscription_entities.plan(ids, item, period, interval, fields.notes(body), self._now())
        self._plans[plan["id"]] = plan
        return deepcopy(plan)

    def plan(self, plan_id: str) -> Entity:
        """One plan."""
        return deepcopy(find(self._plans, plan_id))

    def plans(self) -> list[Entity]:
        """All plans, oldest first."""
        return deepcopy(list(self._plans.values()))

    # ---- subscriptions -----------------------------------------------------------------------------------------------

    def create_subscription(self, body: Mapping[str, Any]) -> Entity:
        """Create a subscription. A repeated request makes another one: there is no idempotency here either."""
        fields.only(body, _ASKED)
        plan = find(self._plans, fields.text(body, "plan_id", required=True) or "")
        now, subscription_id = self._now(), f"sub_{self._new_id()}"
        total = fields.integer(body, "total_count", None, least=1)
        start_at = fields.time(body, "start_at", now)
        subscription = subscription_entities.subscription(
            subscription_id,
            plan["id"],
            now,
            total_count=total,
            quantity=fields.integer(body, "quantity", 1, least=1),
            start_at=start_at,
            end_at=None if start_at is None else self._start_of(plan, start_at, total - 1),
            expire_by=fields.time(body, "expire_by", now),
            customer_notify=fields.flag(body, "customer_notify", default=True),
            notes=fields.notes(body),
            short_url=f"{self._checkout_url}?subscription_id={subscription_id}",
        )
        self._start_of(plan, now, total)  # refuses a number of cycles that leads out of the calendar
        self._subscriptions[subscription_id] = subscription
        self._progress[subscription_id] = BillingProgress(start_at or now)
        return deepcopy(subscription)

    def subscription(self, subscription_id: str) -> Entity:
        """One subscription."""
        return deepcopy(self._current(subscription_id))

    def subscriptions(self, plan_id: str | None = None) -> list[Entity]:
        """All subscriptions, or those of one plan, oldest first."""
        self.let_time_pass()
        return deepcopy([s for s in self._subscriptions.values() if plan_id in (None, s["plan_id"])])

    def cancel_subscription(self, subscription_id: str, body: Mapping[str, Any]) -> Entity:
        """Cancel now, or with `cancel_at_cycle_end` when the current cycle ends. It cannot be undone.

        What is to happen at the end of the cycle shows in no field, and can be asked for again and again
        (razorpay-node#452, razorpay-node#330).
        """
        subscription = self._current(subscription_id)
        fields.only(body, {"cancel_at_cycle_end"})
        later = fields.flag(body, "cancel_at_cycle_end", default=False)
        if subscription["status"] in FINAL:
            # The failure response of https://razorpay.com/docs/api/payments/subscriptions/cancel-subscription/
            raise RazorpayRefused(
                f"Subscription is not cancellable in {subscription['status']} status.", field="status", validation=False
            )
        if not later:
            self._cancel(subscription)
        elif subscription["current_end"] is None or self.refuses_cycle_end:
            # Known from integrations, as the next one; neither is documented.
            raise RazorpayRefused(
                "Subscription cannot be cancelled since no billing cycle is going on", validation=False
            )
        elif self._progress[subscription_id].begun == subscription["total_count"]:
            raise RazorpayRefused(
                "Subscription cannot be cancelled at cycle end since the last cycle is going on already.",
                validation=False,
            )
        else:
            self._progress[subscription_id].cancel_at_cycle_end = not self.forgets_cycle_end
        return deepcopy(subscription)

    def pause_subscription(self, subscription_id: str, body: Mapping[str, Any]) -> Entity:
        """Pause an active subscription. One that is only authenticated is cancelled by that, as documented."""
        self._now_only(body, "pause_at")
        return self._pause(subscription_id, "self")

    def resume_subscription(self, subscription_id: str, body: Mapping[str, Any]) -> Entity:
        """Resume a paused subscription, unless the customer paused it: then the customer alone can resume it."""
        self._now_only(body, "resume_at")
        return self._resume(subscription_id, "self")

    def let_time_pass(self) -> None:
        """Apply what the clock has brought: subscriptions expire, and end with their cycle if that was asked for.

        Every request and every act does this first; a test that moves its clock can do it for the events.
        """
        now = self._now()
        for subscription in self._subscriptions.values():
            limits = [subscription[name] for name in ("start_at", "expire_by") if subscription[name] is not None]
            if subscription["status"] == "created" and limits and now >= min(limits):
                subscription |= {"status": "expired", "charge_at": None}
            elif (
                self._progress[subscription["id"]].cancel_at_cycle_end
                and subscription["status"] not in FINAL
                and now >= subscription["current_end"]
            ):
                self._cancel(subscription)

    # ---- steps -------------------------------------------------------------------------------------------------------

    def _current(self, subscription_id: str) -> Entity:
        self.let_time_pass()
        return find(self._subscriptions, subscription_id)

    def _start_of(self, plan: Entity, anchor: int, number: int) -> int:
        try:
            start = cycle_start(anchor, plan["period"], plan["interval"], number)
        except (OverflowError, ValueError):
            start = None
        if start is None or start - anchor > MAX_YEARS * 365.25 * 24 * 3600:
            raise RazorpayRefused(f"The subscription must end within {MAX_YEARS} years.", field="total_count")
        return start

    def _cancel(self, subscription: Entity) -> None:
        subscription |= {"status": "cancelled", "ended_at": self._now(), "charge_at": None}
        self._tell("subscription.cancelled", subscription=subscription)

    def _pause(self, subscription_id: str, by: str) -> Entity:
        subscription = self._current(subscription_id)
        if subscription["status"] == "authenticated":
            self._cancel(subscription)
        elif subscription["status"] == "active":
            subscription |= {
                "status": "paused", "charge_at": None, "paused_at": self._now(), "pause_initiated_by": by,
            }  # fmt: skip
            self._tell("subscription.paused", subscription=subscription)
        else:
            raise _wrong_state("paused", subscription)
        return deepcopy(subscription)

    def _resume(self, subscription_id: str, by: str) -> Entity:
        subscription = self._current(subscription_id)
        if subscription["status"] != "paused":
            raise _wrong_state("resumed", subscription)
        if subscription["pause_initiated_by"] != by:
            raise RazorpayRefused("Only the party that paused the subscription can resume it.", field="status")
        subscription |= {
            "status": "active", "charge_at": subscription["current_end"], "pause_initiated_by": None,
        }  # fmt: skip
        self._tell("subscription.resumed", subscription=subscription)
        return deepcopy(subscription)

    def _now_only(self, body: Mapping[str, Any], name: str) -> None:
        fields.only(body, {name})
        if body.get(name, "now") != "now":
            raise RazorpayRefused(f"The {name} must be now.", field=name)


def _wrong_state(action: str, subscription: Entity) -> RazorpayRefused:
    return RazorpayRefused(
        f"Subscription cannot be {action} in {subscription['status']} status.", field="status", validation=False
    )
