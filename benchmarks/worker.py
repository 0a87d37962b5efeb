"""One peer, alive and warm: loads a handler, reads commands as JSON lines and answers each with one.

Standard library only, and run by its path: its world is the peer's bundle, as on Lambda.

    {"do": "measure", "events": FILE, "start": N, "count": N}   CPU and wall time of decisions, one after the other
    {"do": "answers", "events": [EVENT…]}                        what the handler answers
    {"do": "profile", "events": FILE, "count": N}                where the time goes
    {"do": "memory"}                                             peak resident memory in KiB
"""

import cProfile
import gc
import importlib
import json
import os
import pstats
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any


class Worker:
    """The handler, and what can be asked about it."""

    def __init__(self, handler: str) -> None:
        module, _, name = handler.rpartition(".")
        self._handle = getattr(importlib.import_module(module), name)

    def measure(self, events: str, start: int, count: int) -> dict[str, Any]:
        """Times in ns, with what was decided, over the file's lines from `start` on, again and again if they are fewer
        than `count`. An event is parsed anew each time, as the runtime does, and outside of what is measured.
        """
        texts = _lines(events, start, count)
        cpu, walls, outcomes = 0, [], Counter[str]()
        gc.collect()
        for n in range(count):
            event = json.loads(texts[n % len(texts)])
            cpu_before, wall_before = time.process_time_ns(), time.perf_counter_ns()
            try:
                answer = self._handle(event, None)
            except Exception as error:
                answer = error
            walls.append(time.perf_counter_ns() - wall_before)
            cpu += time.process_time_ns() - cpu_before
            outcomes[outcome(answer)] += 1
        return {"cpu_ns": cpu, "wall_ns": walls, "outcomes": outcomes}

    def answers(self, events: list[str]) -> list[Any]:
        """The answers themselves; an exception's text in its place."""
        found = []
        for event in events:
            try:
                found.append(self._handle(json.loads(event), None))
            except Exception as error:
                found.append(str(error))
        return found

    def profile(self, events: str, count: int) -> list[dict[str, Any]]:
        """The functions that take the most time themselves, in µs of a decision."""
        texts = _lines(events, 0, count)
        parsed = [json.loads(texts[n % len(texts)]) for n in range(count)]
        profiler = cProfile.Profile()
        profiler.enable()
        for event in parsed:
            self._handle(event, None)
        profiler.disable()
        rows: Any = pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
        top = sorted(rows, key=lambda row: row[1][2], reverse=True)[:20]
        return [
            {
                "function": f"{Path(file).name}:{line} {name}" if line else name,
                "calls": round(calls / count, 2),
                "own_us": round(own / count * 1e6, 2),
                "total_us": round(total / count * 1e6, 2),
            }
            for (file, line, name), (_, calls, own, total, _) in top
        ]

    def memory(self) -> int:
        """VmHWM (proc_pid_status(5))."""
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _lines(file: str, start: int, count: int) -> list[str]:
    with open(file) as lines:
        return list(islice(lines, start, start + count))


def outcome(answer: object) -> str:
    """An answer in one word: `allow`, `deny`, `unauthorized`, or what went wrong."""
    if isinstance(answer, dict):
        return "allow" if answer["isAuthorized"] is True else "deny"
    return "unauthorized" if str(answer) == "Unauthorized" else repr(answer)


def main() -> None:
    """Serve commands until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    # What the handler logs goes nowhere, but line by line, since the Lambda runtime writes each line at once too.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        command = json.loads(line)
        reply = getattr(worker, command.pop("do"))(**command)
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
