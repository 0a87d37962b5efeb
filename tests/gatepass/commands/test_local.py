"""`gatepass local` and `gatepass demo`: the whole stack, which ends with everything it started."""

import json
import re
import signal
import socket
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.emulators import ROOT


def test_the_demo_ends_by_itself_and_well(gatepass: Command) -> None:
    run = gatepass("demo")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "30 of 30 steps" in run.stdout
    assert "\x1b" not in run.stdout


def test_the_local_stack_answers_and_ends_on_an_interrupt(gatepass: Command) -> None:
    command = ["gatepass", "local", "--port", "0"]
    with (
        subprocess.Popen(command, cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, text=True) as local,
        ExitStack() as ended,
    ):
        assert local.stdout is not None
        ended.callback(local.kill)  # a failure below must not wait for a stack that nobody ends
        told = ""
        while not told.endswith("decision of the gate:\n"):
            told += (line := local.stdout.readline())
            assert line, told
        api = re.search(r"the API +(\S+)", told)
        service = re.search(r"token service +(http://[\d.:]+)", told)
        assert api is not None
        assert service is not None
        with urllib.request.urlopen(api[1], b'{"query": "message queue"}', timeout=30) as answer:
            assert "SQS" in json.load(answer)["hits"][0]["name"]
        assert local.stdout.readline().startswith("ok_anonymous")
        ask = json.dumps({"solution_id": "faiss-search", "method": "POST", "path": "/search", "spend": False}).encode()
        with urllib.request.urlopen(f"{service[1]}/v1/validate", ask, timeout=30) as answer:
            assert json.load(answer)["used"] == 1
        with urllib.request.urlopen(f"{service[1]}/.well-known/jwks.json", timeout=30) as answer:
            assert len(json.load(answer)["keys"]) == 1
        local.send_signal(signal.SIGINT)
        assert "nothing was kept" in local.stdout.read()
    assert local.returncode == 0


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGHUP])
def test_no_emulator_outlives_the_local_stack(gatepass: Command, signal_: int) -> None:
    with subprocess.Popen(
        ["gatepass", "local", "--port", "0"], cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, text=True
    ) as local:
        assert local.stdout is not None
        while not (line := local.stdout.readline()).startswith("Ctrl-C"):
            assert line
        children = Path(f"/proc/{local.pid}/task/{local.pid}/children").read_text().split()
        local.send_signal(signal_)
        assert "nothing was kept" in local.stdout.read()
    assert children
    assert not any(Path("/proc", child).exists() for child in children)


def test_a_proxy_of_the_shells_is_none_of_the_local_stacks_business(gatepass: Command) -> None:
    gatepass.environment |= {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    run = gatepass("demo")
    assert run.returncode == 0, run.stderr


def test_a_port_in_use_is_a_clear_refusal(gatepass: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = gatepass("local", "--port", str(taken.getsockname()[1]))
    assert (run.returncode, "give --port" in run.stderr) == (1, True)
