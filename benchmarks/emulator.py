"""Cold starts under the Lambda runtime interface emulator that aws-sam-cli brings along."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from benchmarks.bundles import ARCHITECTURE, ROOT
from benchmarks.stage import Stage
from tests.support.emulators import free_port

INVOCATION: Final = "/2015-03-31/functions/function/invocations"
START_SECONDS: Final = 20


@dataclass(frozen=True)
class ColdStart:
    """From the start of the runtime's process to the first answer. `peak_mib` is the process's VmHWM after it."""

    cpu_ms: float
    wall_ms: float
    peak_mib: float
    answer: str


def find_emulator() -> Path | None:
    """The emulator's binary for this machine, beside the `sam` of the project's environment or of PATH."""
    found = shutil.which("sam")
    folders = [ROOT / ".venv-sam", *([Path(found).resolve().parents[1]] if found else [])]
    pattern = f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}"
    return next((path for folder in folders for path in folder.glob(pattern)), None)


def cold_start(stage: Stage, emulator: Path, peer: str, event: str) -> ColdStart:
    """Start the runtime with a peer and ask it once, against the canned server.

    The emulator starts the runtime when it gets its first invocation, so the time until the answer is the time of the
    runtime's whole start (and the emulator's own part, which is the same for all and in the floor).
    """
    with _emulator(stage, emulator, peer) as (process, port):
        begun = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        connection.request("POST", INVOCATION, event)
        answer = connection.getresponse().read().decode()
        wall = time.perf_counter() - begun
        runtime = _child(process.pid)
        # clock_getcpuclockid(3): the clock of a process's CPU time, all of its threads, the ended ones too.
        cpu = time.clock_gettime_ns(~runtime << 3 | 2)
        status = Path(f"/proc/{runtime}/status").read_text()
        connection.close()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return ColdStart(cpu / 1e6, wall * 1e3, peak / 1024, answer)


@contextmanager
def _emulator(stage: Stage, emulator: Path, peer: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    binary = stage.folder / emulator.name
    if not binary.exists():
        shutil.copy(emulator, binary)
        binary.chmod(0o755)
    port, log = free_port(), stage.folder / "emulator.log"
    command = [str(binary), "--log-level", "error", "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
    command += [stage.python.executable, "-m", "awslambdaric", stage.bundles[peer].handler]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=stage.bundles[peer].folder,
            env=stage.environment(peer),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, port)
        yield process, port
    except (OSError, RuntimeError) as error:
        raise SystemExit(f"bench: no cold start of {peer}: {error}\n{log.read_text()}") from error
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        with suppress(OSError):
            connection.connect()
            connection.close()
            return
        time.sleep(0.005)
    raise RuntimeError("the emulator does not listen")


def _child(pid: int) -> int:
    """The one process that the emulator has started: the runtime (proc_pid_task(5))."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    if len(children) != 1:
        raise RuntimeError(f"the emulator has {len(children)} children instead of one runtime")
    return int(children[0])
