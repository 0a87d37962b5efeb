"""Run seeds of the simulation, each a whole life of a marketplace, or one of them again with its trace."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial

# The authorizer's module connects when it is imported: nobody answers there.
os.environ |= {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "GATEPASS_TABLE": "unused",
}

from tests.simulation.run import PARTS, Outcome, simulate

CHUNK = 25
SHOWN = 20
"""The most failures that are listed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every seed passed, 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--seed", type=int, help="run this one alone, and print its trace")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--only", choices=PARTS, default="", help="a part that every run has, without the others")
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 1 or chosen.jobs < 1:
        parser.error("--seeds and --jobs must be at least 1")
    if chosen.seed is not None:
        return _show(simulate(chosen.seed, True, chosen.only))
    return _sweep(range(chosen.first, chosen.first + chosen.seeds), chosen.jobs, chosen.only)


def _show(outcome: Outcome) -> int:
    print(*outcome.trace, sep="\n")
    print(
        f"seed {outcome.seed}: {outcome.failure or 'passed'}; {outcome.turns} turns, trace {outcome.fingerprint[:16]}"
    )
    return 1 if outcome.failure else 0


def _sweep(seeds: range, jobs: int, only: str) -> int:
    again = f" --only {only}" if only else ""
    failed, turns, begin = 0, 0, time.monotonic()
    for done, outcome in enumerate(_outcomes(seeds, jobs, only), 1):
        turns += outcome.turns
        if outcome.failure:
            failed += 1
            if failed <= SHOWN:
                print(f"seed {outcome.seed}: {outcome.failure}", flush=True)
                print(f"  replay: python -m tests.simulation --seed {outcome.seed}{again}", flush=True)
        if done % 5_000 == 0:
            print(f"{done} seeds, {failed} failed, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    seconds = time.monotonic() - begin
    print(f"{len(seeds)} seeds, {failed} failed, {turns} turns, {seconds:.0f} s")
    return 1 if failed else 0


def _outcomes(seeds: range, jobs: int, only: str) -> Iterator[Outcome]:
    run = partial(simulate, only=only)
    if jobs == 1:
        yield from map(run, seeds)
        return
    with multiprocessing.Pool(jobs) as pool:
        yield from pool.imap_unordered(run, seeds, CHUNK)


if __name__ == "__main__":
    sys.exit(main())
