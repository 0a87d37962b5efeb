"""One account on a clock that stands still, with ids that count up."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count

import pytest

from gatepass.local.razorpay import LocalRazorpay, RazorpayAccount

NOW = 1_764_000_000


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def counting_ids():
    numbers = count(1)
    return lambda: f"{next(numbers):014}"


PLAN = {"period": "monthly", "interval": 1, "item": {"name": "Pro", "amount": 49900, "currency": "INR"}}


class Told:
    """The events of an account since the last look."""

    def __init__(self, account):
        self.account = account
        self.seen = 0

    def new(self):
        fresh = self.account.outbox.deliveries[self.seen :]
        self.seen += len(fresh)
        return [json.loads(delivery.body) for delivery in fresh]

    def names(self):
        return [event["event"] for event in self.new()]


class Receiver(HTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.status = 204
        self.statuses: list[int] = []  # of the next posts, before `status`
        self.received: list[tuple[str, bytes, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hook?x=1"


class ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body, dict(self.headers)))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format, *args):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def told(account):
    return Told(account)


@pytest.fixture
def plan_id(account):
    return account.create_plan(PLAN)["id"]


@pytest.fixture
def subscribe(account, plan_id):
    """A new subscription of three months; returns its id."""
    return lambda **more: account.create_subscription({"plan_id": plan_id, "total_count": 3} | more)["id"]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def account(clock):
    return RazorpayAccount(clock, counting_ids(), key_secret="key-secret", webhook_secret="hook-secret")


@pytest.fixture
def stand_in(clock):
    with LocalRazorpay(
        key_id="rzp_test_key",
        key_secret="key-secret",
        webhook_secret="hook-secret",
        clock=clock,
        new_id=counting_ids(),
    ) as running:
        yield running
