"""Fill a Lambda bundle: pinned wheels for the function's platform, the named packages, and bytecode for both.

Called by the Makefile's `build-…` targets, which `sam build` calls. It uses only the standard library,
because it runs under any Python that `make` finds.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = os.environ.get("BUNDLE_PYTHON") or "3.13"
"""The functions' runtime. Without Python 3.13, the benchmarks bundle for the Python that they run on."""
PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}
ROOT = Path(__file__).parents[1]


def install(requirements: Path, target: Path, architecture: str) -> None:
    """Install wheels for Lambda's Amazon Linux 2023 (glibc 2.34), independent of this machine."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    command += ["--target", str(target), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", PYTHON, "-r", str(requirements)]
    for glibc in ("2_34", "2_28", "2_17"):
        command += ["--platform", f"manylinux_{glibc}_{PLATFORMS[architecture]}"]
    command += ["--platform", f"manylinux2014_{PLATFORMS[architecture]}"]
    subprocess.run(command, check=True)  # noqa: S603


BUILD_TIME_ONLY = ("cffi", "pycparser")
"""cryptography's wheel needs only `_cffi_backend`. The compiler in these packages is for building extensions."""
ASKS_FOR_ITS_VERSION = "razorpay-"
"""Razorpay's SDK reads its own metadata in every request, and logs a warning without it."""


def prune(target: Path) -> None:
    """Remove what no import needs."""
    folders = [target / name for name in BUILD_TIME_ONLY if (target / name).is_dir()]
    for pattern in ("*.dist-info", "bin", "**/__pycache__", "**/tests"):
        folders.extend(path for path in target.glob(pattern) if not path.name.startswith(ASKS_FOR_ITS_VERSION))
    for folder in folders:
        shutil.rmtree(folder)
    for pattern in ("*.pyi", "*.c", "*.h", "py.typed"):
        for file in target.rglob(pattern):
            file.unlink()


def compile_all(target: Path) -> None:
    """Compile to unchecked-hash bytecode (PEP 552), because file times in Lambda are not reliable.

    Lambda's code folder is read-only, so a function without bytecode compiles everything again at each cold start.
    """
    python = shutil.which(f"python{PYTHON}")
    version = f"python{PYTHON}"
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        python = sys.executable
    if python is None or subprocess.run([python, "-c", ""], check=False).returncode:  # noqa: S603
        print(f"bundle: {version} was not found: the bundle has no bytecode and starts more slowly", file=sys.stderr)
        return
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(target), "-p", "/var/task", str(target)]
    subprocess.run(command, check=True)  # noqa: S603


def main() -> None:
    """Build one bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifacts", type=Path, required=True, help="the folder to fill; sam empties it")
    parser.add_argument("--requirements", type=Path, help="pinned packages to install")
    parser.add_argument("--source", type=Path, default=ROOT, help="the folder that contains the packages")
    parser.add_argument("packages", nargs="*", help="packages of this repository to copy")
    options = parser.parse_args()
    architecture = os.environ.get("ARCHITECTURE") or "arm64"
    if architecture not in PLATFORMS:
        sys.exit(f"bundle: ARCHITECTURE is {architecture!r}: it must be one of {', '.join(PLATFORMS)}")
    options.artifacts.mkdir(parents=True, exist_ok=True)
    if options.requirements:
        install(ROOT / options.requirements, options.artifacts, architecture)
    for package in options.packages:
        shutil.copytree(options.source / package, options.artifacts / package, dirs_exist_ok=True)
    prune(options.artifacts)
    compile_all(options.artifacts)


if __name__ == "__main__":
    main()
