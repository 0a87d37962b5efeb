"""What `sam build` made, and a table that containers reach, for all tests with the real sam."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.emulators import ROOT, client, free_port, process, unavailable
from tests.support.table import Table

# As deployed with a schedule for the keys, so that its function is built too.
PARAMETERS = "Architecture=x86_64 KeyRotationDays=90"
# How a container reaches this machine; Docker Desktop and current engines know the second name.
HOST = os.environ.get("SAM_LOCAL_HOST", "host.docker.internal")


def sam(*arguments: str, timeout: float = 300) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"ARCHITECTURE": "x86_64", "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(
        ["sam", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout
    )


@pytest.fixture(scope="session", autouse=True)
def built(processes: None) -> None:
    if shutil.which("sam") is None:
        unavailable("sam (make test-sam installs it)")
    run = sam("build", "--parameter-overrides", PARAMETERS)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        unavailable("a container engine (DOCKER_HOST)")
    port = free_port()
    with process([sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", str(port)], port) as endpoint:  # noqa: S104 - where containers reach it
        yield Table(client("dynamodb", endpoint), "gatepass")


@pytest.fixture(scope="session")
def variables(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    port = table.client.meta.endpoint_url.rpartition(":")[2]
    settings = {"GATEPASS_TABLE": table.name, "AWS_ENDPOINT_URL": f"http://{HOST}:{port}"}
    path = tmp_path_factory.mktemp("sam") / "env.json"
    path.write_text(json.dumps({"Authorizer": settings | emulators.CREDENTIALS}))
    return path
