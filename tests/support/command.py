"""The command `gatepass` in an environment of its own."""

import contextlib
import io
import os
import subprocess
import sys
import traceback
from pathlib import Path
from unittest import mock

from gatepass import cli
from tests.support import preloaded
from tests.support.emulators import CREDENTIALS, ROOT

Completed = subprocess.CompletedProcess[str]
SERVERS = ("demo", "emulator", "local")
"""They change their process for good: a process of their own ends with them."""

PIPE_BYTES = 65_536
"""What a pipe on Linux takes before anybody reads (pipe(7))."""


class Command:
    """A call runs the command in this process, which spares the start of an interpreter; `shell` starts processes."""

    def __init__(self, endpoint: str | None, bin_folder: Path, **environment: str) -> None:
        preloaded.write_script(bin_folder / "gatepass")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GATEPASS_"))}
        self.environment = kept | {"PATH": f"{bin_folder}:{os.environ['PATH']}"} | CREDENTIALS | environment
        if endpoint:
            self.environment["AWS_ENDPOINT_URL"] = endpoint

    def __call__(self, *arguments: str, stdin: str = "") -> Completed:
        text = stdin.encode()
        if arguments[0] in SERVERS or len(text) > PIPE_BYTES:
            return self.shell(["gatepass", *arguments], stdin)
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(text)
        told, complained = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with (
            os.fdopen(reading, encoding="utf-8") as given,
            contextlib.chdir(ROOT),
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch.object(sys, "stdin", given),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(complained),
        ):
            status = self._status(arguments)
        out, err = (stream.buffer.getvalue().decode() for stream in (told, complained))
        return subprocess.CompletedProcess(["gatepass", *arguments], status, out, err)

    @staticmethod
    def _status(arguments: tuple[str, ...]) -> int:
        """What the interpreter makes of the command's end."""
        try:
            return cli.main(arguments)
        except SystemExit as end:
            return int(end.code or 0)
        except Exception:
            traceback.print_exc()
            return 1

    @property
    def preloaded(self) -> dict[str, str]:
        """The environment for processes, in which `gatepass` starts at once."""
        return self.environment | {"PRELOADED": preloaded.address()}

    def shell(self, command: list[str], stdin: str = "") -> Completed:
        return subprocess.run(
            command, cwd=ROOT, env=self.preloaded, input=stdin, capture_output=True, text=True, timeout=120
        )
