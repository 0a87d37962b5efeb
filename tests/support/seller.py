"""A marketplace that sells by Razorpay's stand-in, on one table, with one clock to turn."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from entitlements.items import entitlement_key, solution_key
from entitlements.solution import solution_from_document
from gatepass.local.razorpay import LocalRazorpay, RazorpayAccount
from gatepass.local.razorpay.webhooks import Delivery
from tests.support import emulators
from tests.support.api import Api
from tests.support.in_process_razorpay import InProcessRazorpay
from tests.support.market import START
from tests.support.signer import SOLUTION, USER
from tests.support.table import Table
from token_service.access.grants import Access
from token_service.access.records import Entitlement
from token_service.payments.razorpay_plans import recurring, request_for, terms_of
from token_service.payments.wiring import build_payments
from token_service.repository import Repository

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_key", "the-key-secret", "the-webhook-secret"
PLANS: dict[str, Any] = {
    "anonymous": {"limits": {"lifetime": 3}},
    "registered": {"limits": {"day": 10}},
    "pro": {"limits": {}, "price": {"amount": 49900, "currency": "INR", "interval": "month"}},
    "max": {"limits": {}, "price": {"amount": 99900, "currency": "INR", "interval": "month"}},
    "pass-30": {"limits": {}, "price": {"amount": 19900, "currency": "INR", "days": 30}},
    "pass-7": {"limits": {}, "price": {"amount": 6900, "currency": "INR", "days": 7}},
    "forever": {"limits": {}, "price": {"amount": 499900, "currency": "INR"}},
    "pack-100": {"credits": 100, "price": {"amount": 9900, "currency": "INR"}},
}
DAY = 86_400


class Seller:
    """The services of payments, the account at the stand-in, and the plans of a user."""

    def __init__(
        self, table: Table, razorpay: LocalRazorpay | InProcessRazorpay, times: list[float], plans: Any = PLANS
    ) -> None:
        self.table, self._times = table, times
        self.server: Any = razorpay
        self.secret = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}
        self.repository = Repository(table.client, table.name, lambda _: None)
        self.access = Access(self.repository, self.clock, "operator")
        self.solution = table.put_solution(plans=plans)
        self.delivered = 0
        self.restart()
        self.push_plans()

    def clock(self) -> float:
        return self._times[0]

    @property
    def now(self) -> float:
        """The time of everybody: this service, Razorpay, and the gate."""
        return self._times[0]

    @now.setter
    def now(self, time: float) -> None:
        self._times[0] = time

    def restart(self, note: Callable[[str], object] = lambda text: None) -> None:
        """As a new container, which notes what it reads of the secret."""

        def read() -> str:
            text = json.dumps(self.secret)
            note(text)
            return text

        self.payments = build_payments(self.repository, self.clock, read, self.server.url)

    def push_plans(self) -> None:
        with self.server.account() as account:
            pushed = {
                terms_of(plan): account.create_plan(request_for(self.solution, plan))["id"]
                for plan in recurring(self.solution)
            }
        self.payments.razorpay_plans.remember(SOLUTION, pushed)

    @contextmanager
    def account(self) -> Iterator[RazorpayAccount]:
        """What payers, banks and Razorpay do."""
        with self.server.account() as account:
            yield account

    def order(self, plan: str, user: str = USER, replace: bool = False) -> str:
        """The id of an order or subscription that the user, who has signed in for the solution, is to pay."""
        if self.access.find(user, SOLUTION) is None:
            self.access.grant(user, SOLUTION)
        return self.payments.checkout.start(user, SOLUTION, plan, replace).reference

    def pay(self, plan: str, user: str = USER, replace: bool = False) -> str:
        """Order and pay, and tell nobody yet; the payment's id."""
        reference = self.order(plan, user, replace)
        with self.account() as account:
            paid = account.authenticate(reference) if reference.startswith("sub_") else account.pay(reference)
        return str(paid["id"])

    def events(self) -> Sequence[Delivery]:
        """The events that happened since the last time."""
        with self.account() as account:
            happened = account.outbox.deliveries[self.delivered :]
            self.delivered += len(happened)
        return happened

    def deliver(self, deliveries: Sequence[Delivery] | None = None) -> None:
        """Hand events to the webhook, by default those that happened since the last time."""
        for delivery in self.events() if deliveries is None else deliveries:
            self.payments.webhook.receive(delivery.body, delivery.signature or "", delivery.event_id)

    def held(self, user: str = USER) -> Entitlement:
        found = self.access.find(user, SOLUTION)
        assert found is not None
        return found

    def plan(self, user: str = USER) -> str:
        """The plan by which the gate decides now."""
        held = self.held(user)
        lapsed = held.paid_until is not None and held.paid_until <= self.now
        return "registered" if lapsed else held.plan

    def days_left(self, user: str = USER) -> float | None:
        until = self.held(user).paid_until
        return None if until is None else round((until - self.now) / DAY, 3)

    def use(self, requests: int, user: str = USER) -> None:
        """As many requests through the gate."""
        self.table.client.update_item(
            TableName=self.table.name,
            Key=entitlement_key(user, SOLUTION).wire,
            UpdateExpression="ADD #total :n",
            ExpressionAttributeNames={"#total": "total"},
            ExpressionAttributeValues={":n": {"N": str(requests)}},
        )

    def states(self, user: str = USER) -> list[str]:
        return [one.state for one in self.payments.books.payments(user)]

    def to_do(self) -> list[tuple[str, str]]:
        return [(entry.state, entry.reason) for entry in self.payments.inbox.entries()]

    def changes(self) -> list[dict[str, Any]]:
        """The audit of changes by payments, oldest first."""
        entries = [i for i in self.table.all() if i["sk"].startswith("audit#") and i["event"] == "payment_settled"]
        return sorted(entries, key=lambda item: str(item["sk"]))


@contextmanager
def selling_api(api: Api) -> Iterator[LocalRazorpay]:
    """Let the token service's HTTP API sell by a stand-in of its own, as a new container does with its variables."""
    name = f"razorpay-{api.table.name}"
    secret = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}
    emulators.client("secretsmanager", api.moto).create_secret(Name=name, SecretString=json.dumps(secret))
    solution = solution_from_document((api.table.get(solution_key(SOLUTION)) or {})["document"])
    with LocalRazorpay(key_id=KEY_ID, key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET) as server:
        api.wire(replace(api.settings, razorpay_url=server.url, razorpay_secret=name))
        with server.account() as account:
            plans = {
                terms_of(plan): account.create_plan(request_for(solution, plan))["id"] for plan in recurring(solution)
            }
        api.services.payments.razorpay_plans.remember(SOLUTION, plans)
        yield server


@contextmanager
def selling(table: Table) -> Iterator[Seller]:
    """A seller and its account at the stand-in."""
    times = [float(START)]
    with LocalRazorpay(
        key_id=KEY_ID, key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET, clock=lambda: times[0]
    ) as server:
        yield Seller(table, server, times)
