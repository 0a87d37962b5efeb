"""The Makefile: every target says what it is for."""

import re
import subprocess

import pytest

from tests.support.emulators import ROOT


@pytest.mark.usefixtures("processes")
def test_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([A-Za-z-]+):(?!=)", text, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in shown.splitlines() if len(line.split()) > 2} == targets
