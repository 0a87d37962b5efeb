"""`gatepass` in processes that are forked from one that has imported it, which spares each most of a second.

The script that tests find as `gatepass` is `preloaded_client.py`: it hands its streams, arguments, environment, and
folder to the server, passes signals on, and ends as the command did. Killed, it takes the command with it.
"""

import atexit
import gc
import marshal
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).with_name("preloaded_client.py")
STREAMS = 3
HEADER = 4


@cache
def address() -> str:
    """Of the server, which is started at first; "" where a process of its own each time is what it takes.

    A process that is forked is none that `coverage` begins to measure, and only Linux tells by a descriptor of its end.
    """
    if not hasattr(os, "pidfd_open") or "COVERAGE_PROCESS_CONFIG" in os.environ:
        return ""
    path = str(Path(tempfile.mkdtemp(prefix="gatepass-"), "s"))
    ours, theirs = socket.socketpair()
    server = subprocess.Popen(
        [sys.executable, "-P", __file__, path],
        cwd=ROOT,
        stdin=theirs.fileno(),
        stdout=theirs.fileno(),
        start_new_session=True,
    )
    theirs.close()
    assert ours.recv(1) == b"+", "the server of commands did not start"

    def end() -> None:
        ours.close()
        server.wait(20)
        Path(path).unlink(missing_ok=True)
        Path(path).parent.rmdir()

    atexit.register(end)
    return path


def command(*arguments: str) -> list[str]:
    """To start `gatepass` by, or Python on `-c` and a program."""
    return [sys.executable, "-I", "-S", str(CLIENT), address(), *arguments]


def write_script(path: Path) -> None:
    """A command `gatepass`, which asks the server that `PRELOADED` names, if any."""
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{CLIENT}" "${{PRELOADED-}}" "$@"\n')
    path.chmod(0o755)


# ---- in the server ---------------------------------------------------------------------------------------------------


def load() -> None:
    """Import what commands use, and read what botocore knows of the services that they call."""
    import boto3
    import botocore.loaders
    import botocore.session

    from gatepass import cli

    for command in ("", *cli.MODULES):
        cli.make_parser(command)
    botocore.session.create_loader = cache(botocore.loaders.create_loader)
    for service in ("dynamodb", "kms", "cognito-idp", "apigateway", "apigatewayv2", "lambda", "cloudformation", "ssm"):
        boto3.session.Session("a", "b", region_name="us-east-1").client(service)
    gc.collect()
    gc.freeze()


def serve(path: str) -> list[str]:
    """Fork for each call. Returns the arguments in the process that is to run them; ends with standard input."""
    os.environ.pop("PRELOADED", None)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(path)
        listener.listen(64)
        os.write(1, b"+")
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    os._exit(0)
                if key.fileobj is listener:
                    client, _ = listener.accept()
                    call, streams = _receive(client)
                    if call is None:
                        client.close()
                        continue
                    child = os.fork()
                    if child == 0:
                        client.close()
                        return _become(call, streams)
                    for stream in streams:
                        os.close(stream)
                    # A client whose process was ended sends its end; a command that has ended, its status.
                    ended = os.pidfd_open(child)
                    selector.register(client, selectors.EVENT_READ, (child, ended, client))
                    selector.register(ended, selectors.EVENT_READ, (child, ended, client))
                elif key.data is not None:
                    _react(selector, key.fileobj, *key.data)


def _react(selector: selectors.BaseSelector, ready: object, child: int, ended: int, client: socket.socket) -> None:
    if ready is client:
        told = client.recv(1)
        with suppress(ProcessLookupError):
            os.kill(child, told[0] if told else signal.SIGKILL)
        if not told:
            selector.unregister(client)
        return
    _, status = os.waitpid(child, 0)
    selector.unregister(ended)
    os.close(ended)
    with suppress(KeyError):
        selector.unregister(client)
    with suppress(OSError):
        client.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
    client.close()


def _receive(client: socket.socket) -> tuple[Any, list[int]]:
    """What a client asks for, and its streams; None if it has gone."""
    size, streams, _, _ = socket.recv_fds(client, HEADER, STREAMS)
    if len(size) < HEADER:
        return None, streams
    data, wanted = b"", int.from_bytes(size, "big")
    while len(data) < wanted:
        if not (more := client.recv(wanted - len(data))):
            return None, streams
        data += more
    return marshal.loads(data), streams  # noqa: S302 - from our own script


def _become(call: Any, streams: list[int]) -> list[str]:
    arguments, environment, folder = call
    os.setpgid(0, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    time.tzset()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode, buffering = "w" if number else "r", 1 if number == 2 else -1
        opened = open(number, mode, buffering, encoding="utf-8", closefd=False)  # noqa: SIM115 - to the end
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)
    sys.argv = ["gatepass", *arguments]
    return list(arguments)


def _status(arguments: list[str]) -> int:
    """What the interpreter makes of the command's end."""
    from gatepass.cli import main

    try:
        if arguments[:1] == ["-c"]:
            sys.argv[:] = ["-c", *arguments[2:]]
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - of a test
            return 0
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


def _leave(status: int) -> NoReturn:
    """As the interpreter does, but without taking a heap apart that is that of all commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    load()
    asked = serve(sys.argv[1])
    _leave(_status(asked))
