"""docs/sam-local.md: its lines lead from a clone to answers, as they are."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.emulators import ROOT, unavailable

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "sam-local.md").read_text(), re.DOTALL)
EACH_TERMINAL, BUILD, EMULATOR, INVOKE, INVOKE_REFUSED, START_API, SEARCH = BLOCKS
VARIABLES = ROOT / ".gatepass" / "env.json"


def shell(lines: str) -> "subprocess.CompletedProcess[str]":
    script = f"set -euo pipefail\n{EACH_TERMINAL}\n{lines}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@contextmanager
def terminal(lines: str, log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A terminal in which the lines stay running; their processes are one group, as in a terminal."""
    script = f"set -euo pipefail\n{EACH_TERMINAL}\n{lines}"
    with log.open("wb") as output, subprocess.Popen(
        ["bash", "-c", script], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def wait_for(condition: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 300
    while subprocess.run(["bash", "-c", condition], cwd=ROOT, capture_output=True).returncode:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)


@pytest.fixture(scope="module")
def emulator(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        unavailable("a container engine (DOCKER_HOST)")
    shell(BUILD)
    log = tmp_path_factory.mktemp("sam") / "emulator.log"
    with terminal(EMULATOR, log) as process:
        wait_for(f"grep -q '^Press Ctrl-C' '{log}'", process, log)
        yield
    assert not VARIABLES.exists()


@pytest.mark.usefixtures("emulator")
def test_the_authorizer_allows_and_refuses() -> None:
    allowed, refused = shell(INVOKE), shell(INVOKE_REFUSED)
    for done, reason, effect in ((allowed, "ok", "Allow"), (refused, "entitlement_suspended", "Deny")):
        assert f'"reason":"{reason}"' in done.stdout + done.stderr
        policy = json.loads(done.stdout.splitlines()[-1])
        assert policy["policyDocument"]["Statement"][0]["Effect"] == effect


@pytest.mark.usefixtures("emulator")
def test_the_example_answers_behind_the_gate(tmp_path: Path) -> None:
    if subprocess.run(["python3.13", "-c", ""], capture_output=True).returncode:
        unavailable("Python 3.13, with which sam builds the example,")
    log = tmp_path / "api.log"
    with terminal(START_API, log) as process:
        wait_for("curl -s -o /dev/null http://127.0.0.1:3000/", process, log)
        by_token, anonymous, suspended = shell(SEARCH).stdout.replace("}{", "}\n{").splitlines()
    assert "hits" in by_token, (by_token, log.read_text())
    assert json.loads(by_token)["hits"][0]["name"] == "Amazon S3"
    assert json.loads(anonymous)["hits"][0]["name"] == "Amazon S3"
    assert "hits" not in suspended
    assert "not authorized" in suspended
