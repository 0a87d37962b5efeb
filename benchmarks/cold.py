"""What a cold start costs, peer after peer in turns."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.bundles import FLOOR, OURS, PEERS
from benchmarks.emulator import cold_start
from benchmarks.stage import Stage
from benchmarks.warm import rotated
from benchmarks.world import Case

SHOWN_MODULES: Final = 20


def measure(stage: Stage, emulator: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU and wall time to the first answer in ms, peak memory in MiB and calls made, by peer and round."""
    names = (*PEERS, FLOOR)
    events = {name: next(stage.world.events(name, Case.ALLOW, 1)) for name in names}
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for turn in range(-1, rounds):  # one round before the first reads all files into the page cache
        for name in rotated(names, turn):
            before = sum(stage.calls().values())
            start = cold_start(stage, emulator, name, events[name])
            calls = sum(stage.calls().values()) - before
            if json.loads(start.answer).get("isAuthorized") is not True:
                sys.exit(f"bench: the first answer of {name} was {start.answer}")
            if turn >= 0:
                figures = {"cpu_ms": start.cpu_ms, "wall_ms": start.wall_ms, "peak_mib": start.peak_mib, "calls": calls}
                for unit, value in figures.items():
                    found[name].setdefault(unit, []).append(value)
    return found


def import_profile(stage: Stage) -> list[dict[str, Any]]:
    """The modules whose own code takes longest when ours is imported, in ms (`python -X importtime`)."""
    module = stage.bundles[OURS].handler.rpartition(".")[0]
    done = subprocess.run(  # noqa: S603
        [stage.python.executable, "-X", "importtime", "-c", f"import {module}"],
        cwd=stage.bundles[OURS].folder,
        env=stage.environment(OURS),
        capture_output=True,
        text=True,
        check=True,
    )
    rows: list[dict[str, Any]] = []
    for line in done.stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        total, _, name = rest.partition("|")
        if own.strip().isdigit():
            rows.append({"module": name.strip(), "own_ms": int(own) / 1e3, "total_ms": int(total) / 1e3})
    return sorted(rows, key=lambda row: -row["own_ms"])[:SHOWN_MODULES]
