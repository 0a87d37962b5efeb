"""moto's server in its own process: DynamoDB, KMS, and Cognito on a loopback port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gatepass.refusals import CommandError

START_SECONDS: Final = 60


@contextmanager
def moto_server(mailbox: Path) -> Iterator[str]:
    """Run the server until the end of the block. Yields its URL. Mailed codes go to the file `mailbox` (`aws.py`)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gatepass.local.aws", "-H", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {"GATEPASS_LOCAL_MAILBOX": str(mailbox)}
    server = subprocess.Popen(  # noqa: S603
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CommandError("the emulator (moto's server) did not start: run make setup again")
