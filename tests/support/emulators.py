"""Servers on loopback ports of their own, and clients of them."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[2]
DYNAMODB_LOCAL = ROOT / ".tools" / "dynamodb-local"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}


def unavailable(what: str) -> None:
    """Skip where a tool is missing, by name; in CI nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and {what} is missing")
    pytest.skip(f"{what} is missing")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end_with_parent() -> None:
    """Let Linux end a server whose test run was killed before it could: prctl(2), PR_SET_PDEATHSIG."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextmanager
def process(command: Sequence[str | Path], port: int, cwd: Path = ROOT, **environment: str) -> Iterator[str]:
    """Run a server until the end of the block; yields its URL once it listens."""
    server = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_end_with_parent,
    )
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is not None:
                raise RuntimeError(f"the server ended with status {server.returncode}") from None
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server does not listen")


def dynamodb_local() -> Any:
    if shutil.which("java") is None:
        unavailable("Java, for DynamoDB Local,")
    if not DYNAMODB_LOCAL.is_dir():
        unavailable("DynamoDB Local (make tools, needs Maven)")
    port = free_port()
    main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
    # Quick to compile, with one collector's thread, and room for what calls leave behind: it lives for minutes, beside
    # workers that fill both cores.
    command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmn300m"]
    command += ["-Djava.library.path=.", "-cp", "*", main]
    command += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    return process(command, port, DYNAMODB_LOCAL)


@cache
def _session() -> Any:
    """One for all: what a session loads and registers takes longer than making a client of it."""
    return boto3.session.Session("testing", "testing", region_name="us-east-1")


def client(service: str, endpoint: str, **config: Any) -> Any:
    return _session().client(service, endpoint_url=endpoint, config=Config(**config))


@cache
def shared_client(service: str, endpoint: str) -> Any:
    """One for all tests, which takes no time to make: none may register handlers of its events."""
    return client(service, endpoint)
