"""`gatepass local` and `gatepass demo`: the whole stack, which ends with everything it started."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from gatepass import cli
from gatepass.commands import init
from gatepass.local import emulated_aws
from tests.support.command import Command
from tests.support.emulators import ROOT
from tests.support.running_stack import running_stack


def test_the_demo_ends_by_itself_and_well_also_where_the_shell_has_a_proxy(gatepass: Command) -> None:
    gatepass.environment |= {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    run = gatepass("demo")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "33 of 33 steps" in run.stdout
    assert "\x1b" not in run.stdout


def test_the_local_stack_answers_programs_and_another_shell_and_ends_on_an_interrupt(gatepass: Command) -> None:
    with running_stack(gatepass) as local:
        children = children_of(local.process)
        with urllib.request.urlopen(local.named("the API"), b'{"query": "message queue"}', timeout=30) as answer:
            assert "SQS" in json.load(answer)["hits"][0]["name"]
        assert local.line().startswith("ok_anonymous")
        service = local.named("token service").removesuffix("/v1/docs")
        ask = json.dumps({"solution_id": "faiss-search", "method": "POST", "path": "/search", "spend": False}).encode()
        with urllib.request.urlopen(f"{service}/v1/validate", ask, timeout=30) as answer:
            assert json.load(answer)["used"] == 1
        with urllib.request.urlopen(f"{service}/.well-known/jwks.json", timeout=30) as answer:
            assert len(json.load(answer)["keys"]) == 1
        another_shell_works_with_the_lines_that_it_printed(local.told, gatepass)
        assert "nothing was kept" in local.end(signal.SIGINT)
    assert local.process.returncode == 0
    assert children
    assert not any(Path("/proc", child).exists() for child in children)


def another_shell_works_with_the_lines_that_it_printed(told: str, gatepass: Command) -> None:
    lines = "\n".join(line for line in told.splitlines() if line.startswith(("export", "curl")))
    script = f"{lines}\ngatepass entitlements list --solution faiss-search\ngatepass tokens explain $TOKEN --solution faiss-search"
    shell = Command(None, Path(gatepass.environment["PATH"].partition(":")[0]))
    shell.environment |= {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9", "GATEPASS_TABLE": "another"}
    run = shell.shell(["bash", "-euo", "pipefail", "-c", script])
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("SQS") == 2
    assert "00000000-0000-4000-8000-000000000001" in run.stdout
    assert "reason      ok" in run.stdout


SOLD = """
solution_id: echo
name: Echo
frontend_url: https://echo.example.com/
marketplace_url: https://marketplace.example.com/
default_plan: few
plans: {anonymous: {limits: {lifetime: 1}}, few: {limits: {day: 2}}}
"""
HANDLER = """
import os, json

def answer(event, context):
    who = event["requestContext"]["authorizer"]
    if event["path"] == "/fail":
        raise RuntimeError("the database is away")
    return {"statusCode": 200, "body": json.dumps([event["httpMethod"], event["path"], who["reason"], who["plan"]])}
"""


def ask(url: str, token: str = "") -> tuple[int, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_ones_own_handler_runs_behind_the_gate_until_it_is_terminated(gatepass: Command, tmp_path: Path) -> None:
    (tmp_path / "echo_service.py").write_text(HANDLER)
    (tmp_path / "sold.yaml").write_text(SOLD)
    own = ("--app", "echo_service:answer", "--solution", "sold.yaml")
    with running_stack(gatepass, *own, cwd=tmp_path) as local:
        children = children_of(local.process)
        api, token = local.named("the API"), local.named("a token")
        assert local.named("the page") == "https://echo.example.com/"
        assert ask(api) == (200, ["GET", "/", "ok_anonymous", "anonymous"])
        status, refusal = ask(f"{api}things/7")
        assert (status, refusal["reason"]) == (403, "anonymous_quota_exceeded")
        assert refusal["upgradeUrl"] == f"{local.named('the portal')}?solution_id=echo&from=anonymous_quota_exceeded"
        with urllib.request.urlopen(refusal["upgradeUrl"], timeout=30) as page:
            assert 'name="solutions" content="echo"' in page.read().decode()
        assert ask(f"{api}things/7", token) == (200, ["GET", "/things/7", "ok", "few"])
        assert ask(f"{api}fail", token)[0] == 502
        told = local.end(signal.SIGTERM)
        assert "RuntimeError: the database is away" in told
        assert "nothing was kept" in told
    assert children
    assert not any(Path("/proc", child).exists() for child in children)


@pytest.mark.parametrize("arguments", [["--app", "app:handler"], ["--solution", "x.yaml"]])
def test_an_app_and_its_solution_are_given_together(gatepass: Command, arguments: list[str]) -> None:
    run = gatepass("local", *arguments)
    assert (run.returncode, "give both --app" in run.stderr) == (1, True)


@pytest.fixture
def no_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    @contextmanager
    def nothing(mailbox: Path, host: str) -> Iterator[str]:
        yield "http://127.0.0.1:9"

    monkeypatch.setattr(emulated_aws, "moto_server", nothing)
    with mock.patch.dict(os.environ):
        yield


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_port_in_use_is_refused_before_anything_is_started(
    place: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def started(*_: object) -> None:
        raise AssertionError("an emulator was started")

    monkeypatch.setattr(emulated_aws, "moto_server", started)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["local", "--port", str(port - place)]) == 1
    assert "cannot be used (Address already in use): give --port N" in capsys.readouterr().err


@pytest.mark.usefixtures("no_emulator")
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", [["demo"], ["local", "--port", "0"]])
def test_an_interrupt_during_a_command_of_the_start_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], signal_: signal.Signals
) -> None:
    monkeypatch.setattr(init, "run", lambda options: signal.raise_signal(signal_))
    monkeypatch.setattr(cli, "make_parser", cli.make_parser.__wrapped__)  # it keeps the commands it was made of
    assert cli.main(command) == 1
    assert capsys.readouterr() == ("", "gatepass: interrupted\n")


@pytest.mark.usefixtures("no_emulator")
def test_no_stack_is_served_if_a_command_of_its_start_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(init, "run", lambda options: 1)
    monkeypatch.setattr(cli, "make_parser", cli.make_parser.__wrapped__)
    assert cli.main(["local", "--port", "0"]) == 1
    assert "did not start: gatepass init failed" in capsys.readouterr().err


HIDDEN_INTERRUPT = """
import signal, sys
from contextlib import suppress
from gatepass import cli
from gatepass.commands import tokens

minted = tokens.run_mint

def mint(options):
    with suppress(KeyboardInterrupt):  # as a finalizer does, and a library that catches everything
        signal.raise_signal(signal.SIGINT)
    return minted(options)

tokens.run_mint = mint
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("command", "end"), [(["demo"], (1, 0)), (["local", "--port", "0"], (0, 1))])
def test_a_hidden_interrupt_ends_the_running_stack(gatepass: Command, command: list[str], end: tuple[int, int]) -> None:
    run = gatepass.shell([sys.executable, "-c", HIDDEN_INTERRUPT, *command])
    assert (run.returncode, run.stdout.count("nothing was kept"), "passed" in run.stdout) == (*end, False), run.stderr


def children_of(process: "subprocess.Popen[str]") -> list[str]:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def wait_for_the_end_of(children: list[str]) -> None:
    assert children
    end = time.monotonic() + 20
    while any(Path("/proc", child).exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_no_emulator_outlives_a_local_stack_that_is_killed(gatepass: Command) -> None:
    with running_stack(gatepass) as local:
        children = children_of(local.process)
        local.process.kill()
        wait_for_the_end_of(children)


def test_no_emulator_outlives_a_start_that_is_killed(gatepass: Command) -> None:
    command = ["gatepass", "local", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, text=True) as local:
        while not (children := children_of(local)):
            assert local.poll() is None
        local.kill()
        wait_for_the_end_of(children)
