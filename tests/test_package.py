"""`pip install .`: the command works without the repository."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.emulators import ROOT

COPIED = (
    "authorizer", "entitlements", "events", "examples", "gatepass", "portal", "requirements", "token_service",
    "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py",
)  # fmt: skip
RUN = "from gatepass.cli import main; sys.exit(main())"


@pytest.fixture(scope="module")
def wheel(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves files in the folder, and puts what an earlier build left there into wheels."""
    source = tmp_path_factory.mktemp("source")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    command = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", target, source]
    subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True, text=True)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(
    installed: Path, cwd: Path, code: str, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GATEPASS_"))}
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], cwd=cwd, env=kept | environment | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_wheel_holds_the_packages_and_nothing_else_of_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if ".dist-info" not in name} == {
        "authorizer",
        "entitlements",
        "gatepass",
        "token_service",
    }
    assert {f"gatepass/data/examples/faiss_search/{name}" for name in ("corpus.json", "word_vectors.npz")} <= names
    data = {"portal/index.html", "portal/vendor/uplot-1.6.32.min.js", "portal/vendor/SHA256SUMS"}
    assert {f"gatepass/data/{name}" for name in data} | {"gatepass/local/razorpay/checkout/checkout.js"} <= names
    for package in ("authorizer", "entitlements", "gatepass", "token_service"):
        assert {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")} <= names


def test_the_installed_demo_runs_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    """In a folder whose modules have the names of ours and of the standard library's."""
    for name in ("examples", "token_service", "secrets", "moto"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError(__file__)")
    code = f"import sys; sys.path = [p for p in sys.path if p != {str(ROOT)!r}]\n{RUN}"
    done = run(installed, tmp_path, code, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "33 of 33 steps passed" in done.stdout


def test_the_installed_command_has_the_fixture(installed: Path, tmp_path: Path, gatepass: Command) -> None:
    emulator = {name: value for name, value in gatepass.environment.items() if name.startswith(("AWS_", "GATEPASS_"))}
    done = run(installed, tmp_path, f"import sys; {RUN}", "init", "--fixture", **emulator)
    assert (done.returncode, "test-only keys" in done.stdout) == (0, True), done.stderr
    assert str(installed) in done.stdout


def imported() -> set[str]:
    """The top-level modules that the packages of the wheel import from elsewhere, also inside functions."""
    found = set()
    for package in ("authorizer", "entitlements", "gatepass", "token_service"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module]
                found |= {name.partition(".")[0] for name in names}
    return found - set(sys.stdlib_module_names) - set(COPIED)


def test_a_wheel_requires_every_package_that_it_imports(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])
    required = {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in lines if "extra ==" not in line}
    distributions = packages_distributions()
    # What others bring along: moto's server needs Flask and boto3 needs botocore.
    brought = {"botocore", "flask", "werkzeug"}
    # What only `gatepass usage --plot` needs, which says how to install it.
    optional = {"matplotlib"}
    missing = {
        module
        for module in imported() - brought - optional
        if not required & {distribution.lower().replace("_", "-") for distribution in distributions[module]}
    }
    assert missing == set()
    assert optional & required == set()
    assert {"boto3", "moto", "faiss-cpu"} <= required
