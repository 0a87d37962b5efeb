"""How ours grows with solutions, plans and entitlements: CPU and wall time of a warm allow on DynamoDB Local.

Each measurement asks about the same number of different users and tokens at every size, so that the size alone differs,
and about no more tokens than a container remembers as verified (1,000).
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.bundles import OURS
from benchmarks.figures import percentile
from benchmarks.stage import Stage, Worker
from benchmarks.tables import Client, write_entitlements
from benchmarks.warm import decide
from benchmarks.world import Case, configuration, entitlement, event, key_ring, solution, user_id
from entitlements.items import Item
from entitlements.solution import Solution

Series = dict[str, dict[str, list[float]]]
"""By size: `cpu_us`, `p50` and `p99` (ms) of each round."""

FRESH_SECONDS: Final = 50
"""A warm container's configuration is under 60 s old: the rounds end before it must be read again."""


@dataclass(frozen=True)
class Sizes:
    """What to grow to, and how long to measure."""

    solutions: Sequence[int]
    plans: Sequence[int]
    entitlements: Sequence[int]
    rounds: int
    users: int
    """Users asked about at each size of plans and entitlements; of solutions there are as many as the largest size."""


def measure(stage: Stage, endpoint: str, sizes: Sizes) -> dict[str, Series]:
    """All three."""
    return {
        "solutions": _solutions(stage, endpoint, sizes),
        "plans": _plans(stage, endpoint, sizes),
        "entitlements": _entitlements(stage, endpoint, sizes),
    }


def _solutions(stage: Stage, endpoint: str, sizes: Sizes) -> Series:
    """One container in front of many solutions, each with an API and at least one user."""
    client, users = Client(endpoint), max(sizes.solutions)
    runs: dict[int, tuple[Worker, str]] = {}
    for size in sizes.solutions:
        table = f"solutions-{size}"
        client.create(table)
        configs = [solution(f"solution-{n}") for n in range(size)]
        places = [(user_id(n), configs[n % size]) for n in range(users)]
        client.write(table, _items(configs, [entitlement(user, config.solution_id) for user, config in places]))
        events = stage.write_events(table, _events(stage, places))
        runs[size] = stage.worker(OURS, endpoint, table), events
    return _rounds(runs, sizes.rounds, users)


def _plans(stage: Stage, endpoint: str, sizes: Sizes) -> Series:
    """Solutions with few and with many different plans, and users on all of them."""
    client, table = Client(endpoint), "plans"
    client.create(table)
    runs: dict[int, tuple[Worker, str]] = {}
    for size in sizes.plans:
        config = solution(f"solution-{size}", plans=size)
        plans = [plan for plan in config.plans if plan != "anonymous"]
        places = [(user_id(n), config) for n in range(sizes.users)]
        users = [entitlement(user_id(n), config.solution_id, plan=plans[n % size]) for n in range(sizes.users)]
        client.write(table, _items([config], users))
        # A worker each: one for all would be asked about more tokens than it remembers as verified.
        events = stage.write_events(f"plans-{size}", _events(stage, places))
        runs[size] = stage.worker(OURS, endpoint, table), events
    return _rounds(runs, sizes.rounds, sizes.users)


def _entitlements(stage: Stage, endpoint: str, sizes: Sizes) -> Series:
    """Tables with few and with very many entitlements, and random users of each."""
    client, config = Client(endpoint), solution()
    runs: dict[int, tuple[Worker, str]] = {}
    for size in sizes.entitlements:
        table = f"entitlements-{size}"
        client.create(table)
        client.write(table, _items([config], []))
        write_entitlements(endpoint, table, size)
        chosen = random.Random(size).sample(range(size), min(size, sizes.users))  # noqa: S311
        events = stage.write_events(table, _events(stage, [(user_id(n), config) for n in chosen]))
        runs[size] = stage.worker(OURS, endpoint, table), events
    return _rounds(runs, sizes.rounds, sizes.users)


def _items(configs: Sequence[Solution], users: Sequence[Item]) -> list[Item]:
    settings = [item for config in configs for item in configuration(config, _api(config))]
    return [key_ring(), *settings, *users]


def _api(config: Solution) -> str:
    """Ids of APIs are letters and digits."""
    return "api" + config.solution_id.rpartition("-")[2]


def _events(stage: Stage, places: Sequence[tuple[str, Solution]]) -> Iterator[str]:
    for user, config in places:
        yield event(stage.world.token(OURS, user, config.solution_id), _api(config))


def _rounds(runs: Mapping[int, tuple[Worker, str]], rounds: int, decisions: int) -> Series:
    """Measure all sizes in turns, after one turn that reads every configuration and sees every token."""
    series: Series = {str(size): {"cpu_us": [], "p50": [], "p99": []} for size in runs}
    begun = time.monotonic()
    for turn in range(-1, rounds):
        if time.monotonic() - begun > FRESH_SECONDS:
            break
        for size, (worker, events) in runs.items():
            reply: dict[str, Any] = decide(worker, events, Case.ALLOW, decisions)
            if turn >= 0:
                series[str(size)]["cpu_us"].append(reply["cpu_ns"] / decisions / 1e3)
                series[str(size)]["p50"].append(percentile(reply["wall_ns"], 50) / 1e6)
                series[str(size)]["p99"].append(percentile(reply["wall_ns"], 99) / 1e6)
    return series
