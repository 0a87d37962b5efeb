"""scripts/with_progress.py: nobody waits before a silent screen."""

import os
import pty
import re
import subprocess
import sys

import pytest

from scripts import with_progress
from tests.support.emulators import ROOT

SCRIPT = str(ROOT / "scripts" / "with_progress.py")
pytestmark = pytest.mark.usefixtures("processes")


def shown(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], code: str) -> tuple[int, str]:
    monkeypatch.setattr(with_progress, "EVERY", 0.2)
    monkeypatch.setattr(sys, "argv", [SCRIPT, "installing it", sys.executable, "-uc", code])
    status = with_progress.main()
    out, err = capfd.readouterr()
    assert out == ""
    return status, err


def test_without_a_terminal_lines_say_what_it_is_at_and_for_how_long(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, told = shown(monkeypatch, capfd, "import time; print('Collecting one'); time.sleep(1)")
    first, *between, last = told.splitlines()
    assert (status, first) == (0, "installing it …")
    assert re.fullmatch(r"installing it: [01] s  Collecting one", between[-1])
    assert re.fullmatch(r"installing it: done after \d s", last)


def test_a_failure_shows_everything_and_has_the_commands_status(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, told = shown(monkeypatch, capfd, "import sys; print('no space'); sys.exit('left on device')")
    assert status == 1
    assert told.splitlines()[-3:] == [
        "installing it: failed with exit status 1 after 0 s",
        "no space",
        "left on device",
    ]


def test_a_terminal_shows_one_line_that_changes() -> None:
    code = "import time; print('Downloading ' + 'x' * 500); time.sleep(1)"
    parent, child = pty.openpty()
    with subprocess.Popen([sys.executable, SCRIPT, "it", sys.executable, "-uc", code], stderr=child):
        os.close(child)
        told = b""
        while b"done after" not in told:
            told += os.read(parent, 4096)
    os.close(parent)
    assert b"\r\x1b[Kit: 0 s  Downloading xxx" in told
    assert told.count(b"\n") <= 1  # a longer line would wrap, and leave its first part behind
