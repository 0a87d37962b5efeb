"""The Makefile: every target says what it is for."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

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


def test_a_clone_in_a_folder_with_a_space_sets_up_and_runs(processes: None, tmp_path: Path) -> None:
    clone = tmp_path / "my clones" / "gate pass"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    # With this environment's packages, so that pip finds them all installed.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    (site,) = (clone / ".venv").glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    demo = subprocess.run(["make", "demo"], cwd=clone, capture_output=True, text=True, timeout=120)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "33 of 33 steps passed" in demo.stdout
    where = "import gatepass; print(gatepass.__file__)"
    found = subprocess.run(
        [clone / ".venv/bin/python", "-c", where], cwd="/", capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(clone))
    linked = tmp_path / "gatepass"
    linked.symlink_to(clone / ".venv" / "bin" / "gatepass")
    assert subprocess.run([linked, "--version"], cwd="/", capture_output=True, text=True).stdout.startswith("gatepass ")
