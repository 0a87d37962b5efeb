"""The command on a terminal, and what signals do to it: in processes of their own."""

import os
import pty
import re
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gatepass.attach import record as records
from tests.gatepass.attach.conftest import ARN, World
from tests.support import preloaded
from tests.support.emulators import CREDENTIALS, ROOT
from tests.support.signer import SOLUTION
from token_service.repository import Repository


def environment(world: World) -> dict[str, str]:
    settings = {
        "AWS_ENDPOINT_URL": world.endpoint,
        "GATEPASS_TABLE": world.table.name,
        "TERM": "xterm",
        "COLUMNS": "120",
    }
    return os.environ | CREDENTIALS | settings


def attach(api: str, *more: str) -> list[str]:
    return ["attach", api, "--solution", SOLUTION, "--authorizer-arn", ARN, *more]


class Terminal:
    """A pseudo-terminal with the command in it."""

    def __init__(self, world: World, *arguments: str) -> None:
        self.end, other = pty.openpty()
        self.process = subprocess.Popen(
            preloaded.command(*arguments), cwd=ROOT, env=environment(world), stdin=other, stdout=other,
            stderr=other, close_fds=True,
        )  # fmt: skip
        os.close(other)
        self.seen = ""

    def read_until(self, text: str) -> None:
        while text not in self.seen:
            self.seen += os.read(self.end, 4096).decode()

    def answer(self, text: str) -> int:
        os.write(self.end, text.encode())
        try:
            while data := os.read(self.end, 4096):
                self.seen += data.decode()
        except OSError:  # Linux tells the end of a terminal so
            pass
        return self.process.wait(60)


@contextmanager
def terminal(world: World, *arguments: str) -> Iterator[Terminal]:
    opened = Terminal(world, *arguments)
    try:
        yield opened
    finally:
        opened.process.kill()
        opened.process.wait()
        os.close(opened.end)


def test_it_shows_asks_counts_and_ends_as_it_was_told(world: World) -> None:
    api = world.rest_api()
    before = world.state(api, "REST")
    for answer in ("n\n", "\n", "\x04"):
        with terminal(world, *attach(api)) as opened:
            opened.read_until("Attach? [y/N]")
            assert re.search(r"~ route POST /search +CUSTOM \w+ -> CUSTOM the gate", opened.seen)
            assert opened.answer(answer) == 1
        assert world.state(api, "REST") == before
    with terminal(world, *attach(api)) as opened:
        opened.read_until("Attach? [y/N]")
        assert opened.answer("y\n") == 0
    assert "attaching" in opened.seen
    assert re.search(r"(\d+) of \1: deployment", opened.seen)
    assert "changes, read back and as planned" in opened.seen
    with terminal(world, "detach", api) as opened:
        opened.read_until("Detach? [y/N]")
        assert opened.answer("yes\n") == 0
    assert world.state(api, "REST") == before


def test_what_somebody_changes_while_it_asks_is_not_overwritten(world: World) -> None:
    api = world.v2_api()
    (route,) = [r["RouteId"] for r in world.v2.get_routes(ApiId=api)["Items"] if r["RouteKey"] == "POST /search"]
    with terminal(world, *attach(api)) as opened:
        opened.read_until("Attach? [y/N]")
        world.v2.update_route(ApiId=api, RouteId=route, AuthorizationType="AWS_IAM")
        before = world.state(api, "HTTP")
        assert opened.answer("y\n") == 1
    assert "changed while the command waited for an answer" in opened.seen
    assert world.state(api, "HTTP") == before
    assert world.attach(api) == 0
    with terminal(world, "detach", api) as opened:
        opened.read_until("Detach? [y/N]")
        (fresh,) = [r["RouteId"] for r in world.v2.get_routes(ApiId=api)["Items"] if r["RouteKey"] == "$default"]
        world.v2.update_route(ApiId=api, RouteId=fresh, AuthorizationType="AWS_IAM")
        assert opened.answer("y\n") == 1
    assert "changed while the command waited for an answer" in opened.seen


def test_a_stage_that_others_deployed_since_is_detached_when_that_is_agreed_to(world: World) -> None:
    """Its deployment is made anew, under a name that is drawn again when the plan is compared."""
    api = world.rest_api()
    routes = world.routes(api, "REST")
    assert world.attach(api) == 0
    world.rest.create_deployment(restApiId=api, stageName="prod", description="theirs again")
    with terminal(world, "detach", api) as opened:
        opened.read_until("Detach? [y/N]")
        assert opened.answer("y\n") == 0
    assert world.routes(api, "REST") == routes


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGTERM"])
def test_two_operators_at_once_do_not_undo_each_other(world: World, name: str) -> None:
    """The second one goes on where the first is still at work; the first leaves it alone when it comes to its end, or
    is ended.
    """
    api = world.rest_api()
    with slowed(world, "update_method", *attach(api, "--yes")) as first:
        assert world.attach(api) == 0
        first.send_signal(getattr(signal, name))
        assert first.wait(60) == 1
        assert first.stderr is not None
        assert "another run is attaching or detaching this API" in first.stderr.read()
    assert world.run("status", api) == 0


# The command with a pause after the first call of one operation: it says so, and goes on by SIGUSR1.
SLOWED = """
import signal, sys, time
from gatepass.aws_calls import Aws
from gatepass.cli import main
plain, paused, resumed = Aws.call, [], []
signal.signal(signal.SIGUSR1, lambda *_: resumed.append(True))
def call(self, service, operation, **parameters):
    answer = plain(self, service, operation, **parameters)
    if operation == sys.argv[1] and not paused:
        paused.append(True)  # first: the signal may come while this line is printed, and the way back must not pause
        print("paused", flush=True)
        while not resumed:  # not signal.pause(), which would miss a signal that came just before it
            time.sleep(0.01)
    return answer
Aws.call = call
sys.exit(main(sys.argv[2:]))
"""


@contextmanager
def slowed(world: World, operation: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    command = preloaded.command("-c", textwrap.dedent(SLOWED), operation, *arguments)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(world), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            while (line := process.stdout.readline()) != "paused\n":
                assert line, process.stderr and process.stderr.read()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(("kind", "operation"), [("REST", "update_method"), ("HTTP", "update_route")])
def test_a_signal_half_way_rolls_back(world: World, kind: str, operation: str, name: str) -> None:
    api: Any = world.rest_api() if kind == "REST" else world.v2_api()
    before = world.state(api, kind)
    with slowed(world, operation, *attach(api, "--yes")) as process:
        assert world.state(api, kind) != before
        process.send_signal(getattr(signal, name))
        assert process.wait(60) == 1
        assert process.stderr is not None
        assert "everything is as it was before. Cause: interrupted" in process.stderr.read()
    assert world.state(api, kind) == before
    assert records.load(Repository(world.table.client, world.table.name), api) is None


def test_a_signal_half_way_through_detaching_is_finished_by_the_next_run(world: World) -> None:
    api = world.v2_api()
    before = world.state(api, "HTTP")
    assert world.attach(api) == 0
    with slowed(world, "update_route", "detach", api, "--yes") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        assert process.stderr is not None
        assert f"Run gatepass detach {api} again to finish" in process.stderr.read()
    assert world.run("status", api) == 1
    assert world.detach(api) == 0
    assert world.state(api, "HTTP") == before


def test_killed_half_way_it_is_finished_by_the_next_run(world: World) -> None:
    api = world.rest_api()
    before = world.state(api, "REST")
    with slowed(world, "put_method", *attach(api, "--yes")) as process:
        process.kill()
        process.wait()
    assert world.run("status", api) == 1
    assert world.attach(api) == 0
    assert world.run("status", api) == 0
    assert world.detach(api) == 0
    assert world.state(api, "REST") == before
