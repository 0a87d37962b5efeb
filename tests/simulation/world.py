"""Everything of one run: the table, the cloud, containers of the product, and the people who use them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from authorizer.answers import Unauthorized
from authorizer.handler import make_handler
from entitlements.directory import Directory
from entitlements.gate import Gate
from entitlements.items import StoreUnavailable
from entitlements.refusals import Refused
from entitlements.token import parse
from gatepass.local.razorpay.webhooks import Delivery
from tests.simulation.cloud import RAZORPAY_URL, CloudCognito, CloudKms, CloudRazorpay, CloudSession, account_of
from tests.simulation.faults import Faults
from tests.simulation.injection import injected
from tests.simulation.market import APIS, GRACE_DAYS, PLANS, open_market
from tests.simulation.monitor import Monitor, Operation, signed_by, token_id
from tests.simulation.scheduler import Scheduler
from tests.simulation.wire import ServedTable, SimulatedClient, SimulatedGateStore, Wire
from tests.support.interruptions import Killed
from tests.support.memory_dynamodb import MemoryDynamoDB
from token_service.access.grants import Access
from token_service.errors import Busy
from token_service.payments.failures import RazorpayRefusal
from token_service.payments.settlement import Unmatched
from token_service.repository import Repository
from token_service.services import Services, build
from token_service.settings import Settings
from token_service.signing.keys import Keys
from token_service.signing.kms import CREATE_ATTEMPTS, Kms
from token_service.stream_handler import Consumer, NotPublished
from token_service.usage.daily import DailyUsage

SETTINGS = Settings("t", "us-east-1", "pool", "client", "stack", razorpay_url=RAZORPAY_URL, razorpay_secret="razorpay")
EXPECTED = (StoreUnavailable, Busy, Refused, RazorpayRefusal, Unmatched, NotPublished)
"""What an operation may raise: its caller gets an error, and nothing more is promised."""
GATE_SECONDS, SERVICE_SECONDS, JOB_SECONDS = 9.0, 29.0, 120.0
"""The time-outs of the functions (template.yaml)."""


@dataclass
class Person:
    """Somebody with an email address, and perhaps an account."""

    email: str
    user: str = ""
    tokens: list[tuple[str, str, str]] = field(default_factory=list)
    """Every token that was ever returned, with its user and solution."""
    references: list[str] = field(default_factory=list)
    deleting: bool = False


class Taken(NamedTuple):
    """A payment that Razorpay took."""

    payment_id: str
    plan: str
    days: int
    ends: float
    """When what it pays for ends at the latest, if that is known from Razorpay alone; else 0."""


class World:
    """One run."""

    def __init__(self, seed: int, keep_trace: bool = False) -> None:
        self.scheduler = Scheduler(seed, keep_trace)
        self.random = self.scheduler.random
        self.wire = Wire(self.scheduler, Faults.drawn(self.random))
        self.table = MemoryDynamoDB(lambda: self.scheduler.now)
        self.served = ServedTable(self.table, self.wire)
        self.kms, self.cognito = CloudKms(self.scheduler), CloudCognito()
        self.session = CloudSession(self.wire, self.served, self.kms, self.cognito)
        self.razorpay = CloudRazorpay(
            self.wire, account_of(self.random, lambda: self.scheduler.now + self.razorpay_skew)
        )
        self.skewed = self.random.random() < 0.7
        self.razorpay_skew = self.skew()
        open_market(self.table, self.kms, self.razorpay.account)
        self.monitor = Monitor(self.scheduler)
        self.monitor.captured = self.captured
        self.monitor.faultless = not self.wire.faults.kinds and not self.wire.faults.conflicts
        self.table.contents.applied.append(self.monitor.applied)
        self.people = [Person(f"person{n}@example.com") for n in range(2)]
        self.waiting: list[Delivery] = []
        self.delivered: list[Delivery] = []
        self._collected = 0
        self.consumed = 0
        self.sells = self.lost_events = False
        self.cancelling: set[str] = set()
        """Users who tried to cancel."""

    def skew(self) -> float:
        """How far a machine's clock is ahead: two of them differ by 5 s at most."""
        return self.random.uniform(-2.5, 2.5) if self.skewed else 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Until the end of the block, the product lives here."""
        with injected(self.scheduler, self.razorpay):
            try:
                yield
            finally:
                self.scheduler.close()

    # ---- operations --------------------------------------------------------------------------------------------------

    def do(self, operation: Operation, seconds: float, action: Callable[[], Any]) -> tuple[str, Any]:
        """Carry an operation out in the name of the current actor. Returns how it ended, and its value."""
        actor = self.scheduler.current
        assert actor is not None
        actor.operation, actor.deadline = operation, self.scheduler.now + seconds
        self.monitor.begin(operation)
        self.scheduler.note("begins", operation.kind, operation.user, operation.solution)
        value: Any = None
        try:
            value = action()
            outcome = "ok"
        except Killed:
            outcome = "killed"
        except EXPECTED as error:
            outcome = error.code.value if isinstance(error, Refused) else type(error).__name__
        actor.operation, actor.deadline = None, float("inf")
        if operation.kind in ("gate", "validate") and outcome == "ok":
            outcome, value = value
        self.scheduler.note("ends", operation.kind, outcome)
        self.monitor.end(operation, outcome, value)
        return outcome, value

    # ---- Razorpay ----------------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Take over the events that happened at Razorpay."""
        deliveries = self.razorpay.account.outbox.deliveries
        self.waiting += deliveries[self._collected :]
        self._collected = len(deliveries)

    def captured(self, user: str, solution: str) -> list[Taken]:
        """The payments that were ever taken from a user, by Razorpay's entities alone."""
        account, found = self.razorpay.account, []
        for one in account._payments.values():
            if not (one["captured"] or one["amount_refunded"]):
                continue
            invoice = account._invoices.get(one["invoice_id"]) if one["invoice_id"] else None
            sold: Any = (
                account._subscriptions[invoice["subscription_id"]] if invoice else account._orders[one["order_id"]]
            )
            notes = sold["notes"] or {}
            if not notes or (notes["user"], notes["solution"]) != (user, solution):
                continue
            price = PLANS[solution][notes["plan"]]["price"]
            ends = float("inf") if not ({"days", "interval"} & price.keys()) else 0.0
            if invoice:
                ends = invoice["billing_end"] + GRACE_DAYS * 86_400
            found.append(Taken(one["id"], notes["plan"], price.get("days", 0), ends))
        return found

    def new_user(self, person: Person) -> str:
        """The person signs up."""
        person.user = str(UUID(int=self.random.getrandbits(128), version=4))
        self.cognito.emails[person.user] = person.email
        self.monitor.persons[person.user] = person.email
        return person.user


class GateContainer:
    """One container of the authorizer's function."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.skew = world, name, world.skew()
        self.restart()

    def restart(self) -> None:
        self.gate = Gate(SimulatedGateStore(self.world.wire, self.world.served))
        self._handle = make_handler(self.gate, self.world.scheduler.clock, lambda line: None)

    def request(self, solution: str, user: str, token: str, address: str, path: str) -> str:
        """One request through API Gateway."""
        world = self.world
        operation = decision("gate", solution, user, token, address, path)
        outcome, _ = world.do(operation, GATE_SECONDS, lambda: self._answer(solution, token, address, path))
        if outcome == "killed":
            self.restart()
        return outcome

    def _answer(self, solution: str, token: str, address: str, path: str) -> tuple[str, Any]:
        try:
            answer = self._handle(event(APIS[solution], token, address, path), None)
        except Unauthorized:
            return "unauthorized", None
        except Exception as error:
            if str(error) != "store_unavailable":
                raise
            return "store_unavailable", None
        return ("allowed" if answer["isAuthorized"] else answer["context"]["reason"]), answer["context"]


def decision(
    kind: str, solution: str, user: str, token: str, address: str, path: str, spends: bool = True
) -> Operation:
    known = token.startswith("gp1_") and parse(token) is not None
    detail = {
        "jti": token_id(token) if known else "",
        "kid": signed_by(token) if known else "",
        "address": address,
        "cost": 0 if path == "/health" else 1,
        "spends": spends,
    }
    return Operation(kind, user if known else "", solution, detail=detail)


def event(api: str, token: str, address: str, path: str) -> dict[str, Any]:
    """What API Gateway sends to the authorizer of an HTTP API (payload format 2.0)."""
    method = "GET" if path == "/health" else "POST"
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:us-east-1:123456789012:{api}/$default/{method}{path}",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {token}"} if token else {},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": api,
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": address, "userAgent": "x"},
        },
    }


class ServiceContainer:
    """One container of the token service, or of a job, or a command of an operator."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.skew = world, name, world.skew()
        self.restart()

    def restart(self) -> None:
        clock = self.world.scheduler.clock
        self.services: Services = build(SETTINGS, clock, self.world.scheduler.sleep, self.world.session)

    def serve(
        self, operation: Operation, action: Callable[[], Any], seconds: float = SERVICE_SECONDS
    ) -> tuple[str, Any]:
        outcome, value = self.world.do(operation, seconds, action)
        if outcome == "killed":
            self.restart()
        return outcome, value


class OperatorDesk:
    """An operator's computer: every command is a new process."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.skew = world, name, world.skew()
        client = SimulatedClient(world.wire, "dynamodb", world.served.carry_out, attempts=2)
        kms = Kms(SimulatedClient(world.wire, "kms", world.kms.carry_out, attempts=CREATE_ATTEMPTS))
        clock = world.scheduler.clock
        self.repository = Repository(client, "t")
        self.access = Access(self.repository, clock, "operator")
        self.keys = Keys(self.repository, lambda: kms, clock, "operator", lambda: "stack")


class UsageContainer:
    """One container of the stream's consumer."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.skew = world, name, world.skew()
        self.restart()

    def restart(self) -> None:
        client = SimulatedClient(self.world.wire, "dynamodb", self.world.served.carry_out, attempts=3, seconds=5.0)
        repository = Repository(client, "t")
        usage = DailyUsage(repository, Directory(repository.get_item))
        self.consumer = Consumer(usage, self._publish)

    def _publish(self, notices: Any) -> None:
        try:
            self.world.wire.exchange("put_events", lambda: None, 1.0)
        except Exception as error:
            raise NotPublished(str(error)) from error
