"""Every peer bundled as a Lambda function is, by the one script that bundles ours; and what plays Lambda's runtime."""

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
OURS: Final = "ours"
PEERS: Final = (OURS, "good", "conventional", "jwt_only")
FLOOR: Final = "empty"
"""A handler that does nothing: what no peer can get below. Reported, not compared."""
BARE: Final = "bare"
"""One signed write and nothing else: the floor of a warm allow's wall time."""
OWN_WRITE: Final = "own_write"
"""The same, with the very write that the gate sends: what the table takes for its condition."""
RUNTIME: Final = "runtime"
WITH_DATABASE: Final = (OURS, "good", "conventional")
ARCHITECTURE: Final = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
LAMBDA_PYTHON: Final = "3.13"


@dataclass(frozen=True)
class Bundle:
    """`folder` is what would be /var/task; `zipped_bytes` its size as Lambda stores it."""

    folder: Path
    handler: str
    zipped_bytes: int


@dataclass(frozen=True)
class Python:
    """An interpreter and its version, as in 3.13."""

    executable: str
    version: str


def target_python() -> Python:
    """Lambda's Python where PATH has one that works, else the one that runs this (outside its environment)."""
    found = shutil.which(f"python{LAMBDA_PYTHON}")
    if found:
        # By what it says of itself: pyenv's shims are scripts that stand there for versions that are not.
        asked = [found, "-c", "import sys; print(sys.executable)"]
        told = subprocess.run(asked, capture_output=True, text=True)  # noqa: S603
        if told.returncode == 0:
            return Python(told.stdout.strip(), LAMBDA_PYTHON)
    executable: str = getattr(sys, "_base_executable", sys.executable)
    return Python(executable, f"{sys.version_info.major}.{sys.version_info.minor}")


def build(folder: Path, python: Python) -> dict[str, Bundle]:
    """Build all of them into a folder, and the runtime's packages beside them as `runtime`.

    What is there already stays, but for ours.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    environment |= {"ARCHITECTURE": ARCHITECTURE, "BUNDLE_PYTHON": python.version}

    def make(name: str) -> None:
        whole, part = folder / name, folder / f"{name}.part"
        if name == OURS:
            shutil.rmtree(whole, ignore_errors=True)
        if whole.exists():
            return
        shutil.rmtree(part, ignore_errors=True)
        command = _command(name, part)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: S603
        if done.returncode or "without bytecode" in done.stderr:
            raise SystemExit(f"bench: {name} could not be bundled with bytecode: {done.stdout}{done.stderr}")
        part.rename(whole)

    names = (*PEERS, FLOOR, BARE)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, (*names, RUNTIME)))
    return {name: Bundle(folder / name, _handler(name), _zipped(folder / name)) for name in names}


def _command(name: str, target: Path) -> list[str]:
    """Ours is made by the very target that `sam build` calls."""
    if name == OURS:
        return ["make", "-s", "build-Authorizer", f"ARTIFACTS_DIR={target}", f"PYTHON={sys.executable}"]
    command = [sys.executable, "scripts/bundle.py", "--artifacts", str(target)]
    if name == RUNTIME:
        return [*command, "--requirements", "requirements/bench_runtime.txt"]
    if name not in (FLOOR, BARE):
        command += ["--requirements", "requirements/bench_peers.txt"]
    return [*command, "--source", "benchmarks/peers", name]


def _handler(name: str) -> str:
    return "authorizer.handler.lambda_handler" if name == OURS else f"{name}.handler.lambda_handler"


def _zipped(folder: Path) -> int:
    known = folder.with_suffix(".size")
    if folder.name != OURS and known.exists():
        return int(known.read_text())
    archive = folder.with_suffix(".zip")
    files: Iterable[Path] = (path for path in sorted(folder.rglob("*")) if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in files:
            file.write(path, path.relative_to(folder))
    size = archive.stat().st_size
    archive.unlink()
    known.write_text(str(size))
    return size
