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

LOOPBACK: Final = "127.0.0.1"
START_SECONDS: Final = 60
UNTIL_STDIN_ENDS: Final = "--until-stdin-ends"
"""The server's option to end when its standard input does."""
# As `python -m gatepass.local.aws`, which would import what the current folder has of the same name, however.
_MODULE: Final = (
    f"import runpy, sys; sys.path.append({str(Path(__file__).parents[2])!r}); "
    "runpy.run_module('gatepass.local.aws', run_name='__main__', alter_sys=True)"
)


@contextmanager
def moto_server(mailbox: Path, host: str = LOOPBACK) -> Iterator[str]:
    """Run the server until the end of the block. Yields its URL. Mailed codes go to the file `mailbox` (`aws.py`).

    It also ends if this process is killed: it holds the reading end of a pipe that then closes.
    """
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise CommandError(f"{host} cannot be listened on ({error.strerror}): name another address") from error
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-c", _MODULE, "-H", host, "-p", str(port), UNTIL_STDIN_ENDS]
    environment = os.environ | {"GATEPASS_LOCAL_MAILBOX": str(mailbox)}
    server = subprocess.Popen(  # noqa: S603
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal is for this process, which then ends the server
    )
    try:
        _wait(server, host, port)
        yield f"http://{host}:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(server: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CommandError(
        "the emulator (moto's server) did not start: install the command again (make setup, or pip install .)"
    )
