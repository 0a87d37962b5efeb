"""The command `gatepass` in a process of its own, in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.emulators import CREDENTIALS, ROOT


class Command:
    def __init__(self, endpoint: str | None, bin_folder: Path, **environment: str) -> None:
        script = bin_folder / "gatepass"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gatepass "$@"\n')
        script.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GATEPASS_"))}
        self.environment = kept | {"PATH": f"{bin_folder}:{os.environ['PATH']}"} | CREDENTIALS | environment
        if endpoint:
            self.environment["AWS_ENDPOINT_URL"] = endpoint

    def __call__(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return self.shell(["gatepass", *arguments], stdin)

    def shell(self, command: list[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, input=stdin, capture_output=True, text=True, timeout=120
        )
