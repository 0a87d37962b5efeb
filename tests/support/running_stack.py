"""`gatepass local` in a process of its own, as a terminal shows it."""

import json
import re
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread, Timer

from tests.support.command import Command
from tests.support.emulators import ROOT


class RunningStack:
    """The process, and what it told until it was ready.

    All that it tells is read at once: it would stand still when the pipe is full.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process, self.told = process, ""
        self.heard: list[str] = []
        """Every line so far."""
        self._lines: SimpleQueue[str] = SimpleQueue()
        Thread(target=self._read, daemon=True).start()
        while not self.told.endswith("of the gate:\n"):
            self.told += (line := self.line())
            assert line, self.told

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.append(line)
            self._lines.put(line)
        self._lines.put("")

    def line(self) -> str:
        """The next line; empty when the process has ended."""
        return self._lines.get()

    def named(self, what: str) -> str:
        found = re.search(rf"^{what} +(\S+)$", self.told, re.MULTILINE)
        assert found is not None, self.told
        return found[1]

    @property
    def exported(self) -> dict[str, str]:
        """The variables, as a shell would read them."""
        lines = [shlex.split(line) for line in self.told.splitlines() if line.startswith("export ")]
        return dict(word.split("=", 1) for _, word in lines)

    def code(self, email: str) -> str:
        """The code that was mailed last to an address."""
        with urllib.request.urlopen(f"{self.named('the inbox')}mails.json", timeout=30) as answer:
            return str([mail["code"] for mail in json.load(answer) if mail["email"] == email][-1])

    def end(self, number: int) -> str:
        """What it still tells after a signal."""
        self.process.send_signal(number)
        return "".join(iter(self.line, ""))


@contextmanager
def running_stack(gatepass: Command, *arguments: str, cwd: Path = ROOT) -> Iterator[RunningStack]:
    """Run it on free ports until the end of the block."""
    command = ["gatepass", "local", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=cwd, env=gatepass.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        # Whoever waits for a line that never comes reads the end of the output instead.
        limit = Timer(1_200, process.kill)
        limit.daemon = True
        limit.start()
        try:
            yield RunningStack(process)
        finally:
            limit.cancel()
            process.kill()  # a failure in the block must not wait for a stack that nobody ends
