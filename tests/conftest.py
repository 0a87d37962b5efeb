"""The emulators, one of each for a session, and tables, one for each test."""

import gc
import json
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from botocore.client import BaseClient

from tests.support import emulators, in_process, logs
from tests.support.api import Api
from tests.support.command import Command
from tests.support.crash import Crash
from tests.support.market import Marketplace
from tests.support.table import Table

for _name in [n for n in os.environ if n.startswith(("AWS_", "GATEPASS_")) and n != "GATEPASS_HISTORIES"]:
    del os.environ[_name]  # a developer's own account is never what a test meets
os.environ.update(
    emulators.CREDENTIALS,
    AWS_EC2_METADATA_DISABLED="true",
    # Handlers ask for the key ring when they are imported: here nobody answers, and nothing leaves this machine.
    AWS_ENDPOINT_URL="http://127.0.0.1:9",
    GATEPASS_TABLE="unused",
    GATEPASS_STACK="unused",
    GATEPASS_USER_POOL_ID="unused",
    GATEPASS_USER_POOL_CLIENT_ID="unused",
)
in_process.share_botocore_data()
# Two workers share two cores: OpenMP's threads, which FAISS starts, would spin for each other.
os.environ["OMP_NUM_THREADS"] = "1"

make_call = BaseClient._make_api_call

NOT_QUICK = {"moto_endpoint", "dynamodb_endpoint", "dynamodb_local_endpoint", "processes"}


@pytest.fixture(scope="session")
def processes() -> None:
    """For a test that starts programs of its own: it is none of the quick ones then."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "quick: starts no emulator and no process; given to tests by their fixtures")
    config.addinivalue_line("markers", "long: takes seconds; so it is none of the quick ones")


def pytest_itemcollected(item: pytest.Item) -> None:
    assert isinstance(item, pytest.Function)
    if NOT_QUICK.isdisjoint(item.fixturenames) and not item.get_closest_marker("long"):
        item.add_marker("quick")


SLOW = {
    "test_simulation.py",
    "test_planted_bugs.py",
    "test_failures.py",
    "test_benchmarks.py",
    "test_cli.py",
    "test_openapi.py",
    "test_api_docs.py",
    "test_keys.py",
    "test_local.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first: at the end two workers have only short ones to share."""
    items.sort(key=lambda item: item.path.name not in SLOW)


def pytest_collection_finish() -> None:
    """Look through what modules and the tests' items hold no more: it lives to the end, and is most of the heap."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not item.get_closest_marker("quick"):
        return (yield)

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError(f"{item.nodeid} starts a process: it needs the fixture `processes`")

    # An audit hook would find every way to start one, and takes 2% of the time of all tests.
    with (
        mock.patch.object(subprocess.Popen, "__init__", refuse),
        mock.patch.multiple(os, fork=refuse, posix_spawn=refuse, system=refuse),
    ):
        return (yield)


def pytest_runtest_teardown() -> None:
    seen, logs.found[:] = list(logs.found), []
    assert seen == []


@pytest.fixture(scope="session")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("moto") / "mailbox"


@pytest.fixture(scope="session")
def moto_endpoint(mailbox: Path) -> Iterator[str]:
    with in_process.moto(mailbox) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def dynamodb_local_endpoint() -> Iterator[str]:
    with emulators.dynamodb_local() as endpoint:
        in_process.UNSIGNED.add(urlsplit(endpoint).netloc)
        yield endpoint


@pytest.fixture(params=["moto", "dynamodb_local"])
def dynamodb_endpoint(request: pytest.FixtureRequest) -> str:
    """Both emulators in turn: what holds on one only would be an accident."""
    endpoint: str = request.getfixturevalue(f"{request.param}_endpoint")
    return endpoint


def _table_of_one_test(client: Any) -> Iterator[Table]:
    """Deleted at the end where that spares anything: DynamoDB Local looks after each table that it has, all the time."""
    endpoint = client.meta.endpoint_url
    # Tests let calls fail, of their own client or of all.
    sweeper = emulators.shared_client("dynamodb", endpoint)
    table = Table(client, f"t-{secrets.token_hex(6)}")
    yield table
    if not in_process.serves(urlsplit(endpoint).netloc):
        make_call(sweeper, "DeleteTable", {"TableName": table.name})


@pytest.fixture
def table(dynamodb_endpoint: str) -> Iterator[Table]:
    yield from _table_of_one_test(emulators.client("dynamodb", dynamodb_endpoint))


@pytest.fixture
def real_table(dynamodb_local_endpoint: str) -> Iterator[Table]:
    """On DynamoDB Local alone: atomic, and as strict as the real one."""
    yield from _table_of_one_test(emulators.client("dynamodb", dynamodb_local_endpoint, max_pool_connections=40))


@pytest.fixture
def gatepass(moto_endpoint: str, tmp_path: Path) -> Command:
    return Command(moto_endpoint, tmp_path, GATEPASS_TABLE=f"t-{secrets.token_hex(6)}")


@pytest.fixture
def api(table: Table, moto_endpoint: str, mailbox: Path) -> Api:
    return Api(table, moto_endpoint, mailbox)


@pytest.fixture
def real_api(real_table: Table, moto_endpoint: str, mailbox: Path) -> Api:
    return Api(real_table, moto_endpoint, mailbox)


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Crash:
    return Crash(monkeypatch)


@pytest.fixture
def market(table: Table, moto_endpoint: str) -> Marketplace:
    return Marketplace(table, moto_endpoint)


@pytest.fixture
def hanging_server() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class FailingServer:
    """Answers every request of DynamoDB's protocol with the error `code`."""

    def __init__(self) -> None:
        self.code, self.requests = "", 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.requests += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps(
                    {"__type": f"com.amazonaws.dynamodb.v20120810#{outer.code}", "message": "no"}
                ).encode()
                self.send_response(500 if outer.code == "InternalServerError" else 400)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def failing_server() -> Iterator[FailingServer]:
    failing = FailingServer()
    thread = threading.Thread(target=failing.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield failing
    failing.server.shutdown()
    failing.server.server_close()
