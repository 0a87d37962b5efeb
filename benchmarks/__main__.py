"""Measure everything in one run and write `DATE.md`, `DATE.svg` and `DATE.json`: `python -m benchmarks`."""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3

from benchmarks import cold, growth, plot, report, warm
from benchmarks.bundles import ARCHITECTURE, ROOT, Python
from benchmarks.distance import away
from benchmarks.emulator import find_emulator
from benchmarks.growth import Sizes
from benchmarks.stage import set_up
from benchmarks.warm import Effort
from benchmarks.world import World

FULL: Final = (
    Effort(rounds=25, decisions=200, wall_rounds=15, wall_decisions=500),
    20,
    Sizes(
        solutions=(1, 10, 100, 1_000),
        plans=(1, 5, 10, 20),
        entitlements=(1_000, 10_000, 100_000, 1_000_000),
        rounds=9,
        users=300,
    ),
)
QUICK: Final = (
    Effort(rounds=2, decisions=20, wall_rounds=2, wall_decisions=20),
    1,
    Sizes(solutions=(1, 10), plans=(1, 5), entitlements=(100, 1_000), rounds=2, users=20),
)
"""Warm effort, cold starts of each peer, growth."""


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything once, in a minute: the figures mean nothing")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="FOLDER")
    parser.add_argument(
        "--bundles", type=Path, metavar="FOLDER", help="where the peers' bundles are kept for the next run"
    )
    options = parser.parse_args()
    emulator = find_emulator()
    if emulator is None:
        sys.exit("bench: the Lambda runtime interface emulator is missing: put aws-sam-cli on PATH or in .venv-sam")
    effort, starts, sizes = QUICK if options.quick else FULL
    say = _Progress()
    say("bundling all peers")
    with set_up(World(), options.bundles) as stage:
        data: dict[str, Any] = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "quick": options.quick,
            "machine": _machine(stage.python),
            "zipped_bytes": {name: bundle.zipped_bytes for name, bundle in stage.bundles.items()},
        }
        say("warm decisions")
        data["warm"] = warm.measure(stage, effort)
        say("cold starts")
        data["cold"] = cold.measure(stage, emulator, starts)
        data["imports"] = cold.import_profile(stage)
        say("wall time against DynamoDB Local")
        endpoint = stage.dynamodb_local()
        warm.fill(stage, endpoint)
        data["wall"] = warm.measure_wall(stage, endpoint, effort, warm.NEAR)
        with away(endpoint) as farther:
            data["far"] = warm.measure_wall(stage, farther, effort, warm.FAR)
        say("growth, which fills tables first")
        data["growth"] = growth.measure(stage, endpoint, sizes)
    options.results.mkdir(parents=True, exist_ok=True)
    page, picture, raw = (options.results / f"{data['date']}.{kind}" for kind in ("md", "svg", "json"))
    raw.write_text(json.dumps(data, indent=1) + "\n")
    plot.draw(data, picture)
    page.write_text(report.render(data, picture.name))
    say(f"done: {page}")


class _Progress:
    """Says on standard error what is under way, and since when."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"bench: {time.monotonic() - self._begun:4.0f} s  {what}", file=sys.stderr)


def _machine(python: Python) -> dict[str, Any]:
    """What the figures depend on, and nothing that names the machine."""
    asked = "import platform, ssl; print(platform.python_version()); print(ssl.OPENSSL_VERSION)"
    told = subprocess.run([python.executable, "-c", asked], check=True, capture_output=True, text=True)  # noqa: S603
    version, openssl = told.stdout.splitlines()
    return {
        "cores": os.cpu_count(),
        "architecture": ARCHITECTURE,
        "python": version,
        "openssl": openssl,
        "boto3": boto3.__version__,
    }


if __name__ == "__main__":
    main()
