"""One container of the load run: the product's handler, asked without a pause (`python -m benchmarks.load_gate`).

It reads its orders (`Orders`, JSON) from standard input, and at the end writes what it saw (`Seen`, JSON).
"""

import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from authorizer.answers import AccessNotDecided, Unauthorized
from authorizer.handler import build_gate, make_handler
from benchmarks.figures import percentile
from benchmarks.load_crowd import Crowd, Orders

WINDOWS: Final = 12
"""Parts of a run's time, in each of which latency and memory are looked at by themselves."""


@dataclass
class Seen:
    """What one container saw. Subjects are partition keys without their kind, and `hot` ones among them."""

    reasons: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    unavailable: Counter[str] = field(default_factory=Counter)
    p50_ms: list[float] = field(default_factory=list)
    """Of allowed requests, by window."""
    p99_ms: list[float] = field(default_factory=list)
    resident_mib: list[float] = field(default_factory=list)
    calls: dict[str, float] = field(default_factory=dict)
    """Calls to the table for a decision of each reason, on average."""
    cpu_seconds: float = 0.0


class Gate:
    """The handler with what is seen of it from outside."""

    def __init__(self) -> None:
        """From the environment, as on Lambda."""
        self._lines: list[str] = []
        gate = build_gate(os.environ)
        store: Any = gate._store
        self.calls = 0
        self._exchange: Callable[..., Any] = store._exchange
        store._exchange = self._counted
        self._handle = make_handler(gate, write=self._lines.append)

    def _counted(self, *arguments: Any) -> Any:
        self.calls += 1
        return self._exchange(*arguments)

    def ask(self, event: dict[str, Any]) -> tuple[str, int, float]:
        """The reason, the calls that it took, and the seconds."""
        before, began = self.calls, time.perf_counter()
        with suppress(Unauthorized, AccessNotDecided):
            self._handle(event, None)
        took = time.perf_counter() - began
        return json.loads(self._lines.pop())["reason"], self.calls - before, took


def run(orders: Orders) -> Seen:
    """Ask until the time is over."""
    crowd, gate, seen = Crowd(orders), Gate(), Seen()
    calls: dict[str, int] = defaultdict(int)
    started = time.monotonic()
    window, times = orders.seconds / WINDOWS, list[float]()
    window_ends = started + window
    while (now := time.monotonic()) < started + orders.seconds:
        subject, event = crowd.next()
        reason, made, took = gate.ask(event)
        seen.reasons[reason] += 1
        calls[reason] += made
        if subject:
            seen.attempts[subject] += 1
            seen.allowed[subject] += reason.startswith("ok")
            seen.unavailable[subject] += reason == "store_unavailable"
        if reason == "ok":
            times.append(took)
        if now >= window_ends and times:
            seen.p50_ms.append(percentile(times, 50) * 1e3)
            seen.p99_ms.append(percentile(times, 99) * 1e3)
            seen.resident_mib.append(resident_mib())
            window_ends, times = window_ends + window, []
    seen.calls = {reason: calls[reason] / count for reason, count in seen.reasons.items()}
    seen.cpu_seconds = time.process_time()
    return seen


def resident_mib() -> float:
    """VmRSS of this process (proc_pid_status(5))."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(vars(run(Orders(**json.load(sys.stdin))))))
