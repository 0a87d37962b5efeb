"""What a warm decision costs: CPU and calls at the canned server, wall time at DynamoDB Local, near and far."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.bundles import BARE, OURS, OWN_WRITE, PEERS, WITH_DATABASE
from benchmarks.figures import percentile
from benchmarks.stage import TABLE, Stage, Worker
from benchmarks.tables import Client
from benchmarks.world import OUTCOMES, Case

NEAR: Final = (*PEERS, BARE, OWN_WRITE)
FAR: Final = (OURS, BARE, OWN_WRITE)
PROFILED: Final = 300
"""Decisions under the profiler."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and decisions of each case and peer in a round."""

    rounds: int
    decisions: int
    wall_rounds: int
    wall_decisions: int
    counted: int = 20
    """Decisions whose calls are counted."""


def peers_of(case: Case) -> tuple[str, ...]:
    """A quota is nothing to a peer without a database, and a visitor nothing to a peer that asks for a token."""
    return WITH_DATABASE if case is Case.QUOTA else (OURS,) if case is Case.VISITOR else PEERS


def measure(stage: Stage, effort: Effort) -> dict[str, Any]:
    """CPU of decisions in µs by case, peer and round; calls of one decision; where ours spends its time."""
    workers = {peer: stage.worker(peer) for peer in PEERS}
    fresh = effort.decisions * effort.rounds + effort.counted
    events = {
        (case, peer): stage.write_events(f"{peer} {case.name}", stage.world.events(peer, case, fresh))
        for case in Case
        for peer in peers_of(case)
    }
    for (case, peer), file in events.items():
        if case is not Case.NEW_TOKEN:
            decide(workers[peer], file, case, effort.decisions)
    calls = _count_calls(stage, workers, events, effort.counted)
    cpu: dict[str, dict[str, list[float]]] = {case: {peer: [] for peer in peers_of(case)} for case in Case}
    for turn in range(effort.rounds):
        for case in Case:
            for peer in rotated(peers_of(case), turn):
                # Whatever is older than its minute is refreshed here: a refresh is no part of a decision.
                decide(workers[peer], events[Case.ALLOW, peer], Case.ALLOW, 3)
                start = effort.counted + turn * effort.decisions if case is Case.NEW_TOKEN else 0
                reply = decide(workers[peer], events[case, peer], case, effort.decisions, start)
                cpu[case][peer].append(reply["cpu_ns"] / effort.decisions / 1e3)
    return {
        "cpu_us": cpu,
        "calls": calls,
        "peak_mib": {peer: worker.ask("memory") / 1024 for peer, worker in workers.items()},
        "profile": workers["ours"].ask("profile", events=events[Case.ALLOW, "ours"], count=PROFILED),
    }


def _count_calls(
    stage: Stage, workers: Mapping[str, Worker], events: Mapping[tuple[Case, str], str], count: int
) -> dict[str, dict[str, float]]:
    """Calls of one decision, as the server saw them."""
    calls: dict[str, dict[str, float]] = {case: {} for case in Case}
    for (case, peer), file in events.items():
        before = sum(stage.calls().values())
        decide(workers[peer], file, case, count)
        calls[case][peer] = (sum(stage.calls().values()) - before) / count
    return calls


def fill(stage: Stage, endpoint: str) -> None:
    """Make the table that `measure_wall` measures at, on DynamoDB Local."""
    client = Client(endpoint)
    client.create(TABLE)
    client.write(TABLE, stage.world.items())


def measure_wall(
    stage: Stage, endpoint: str, effort: Effort, names: tuple[str, ...]
) -> dict[str, dict[str, list[float]]]:
    """p50 and p99 of a warm allow in ms, by peer and round, over HTTP."""
    workers = {peer: stage.worker(peer, endpoint) for peer in names}
    events = {peer: stage.write_events(f"{peer} wall", stage.world.events(peer, Case.ALLOW, 50)) for peer in names}
    # The emulator's own warm-up: Java compiles what it has run some thousand times.
    for _ in range(3):
        for peer in names:
            decide(workers[peer], events[peer], Case.ALLOW, effort.wall_decisions)
    wall: dict[str, dict[str, list[float]]] = {peer: {"p50": [], "p99": []} for peer in names}
    for turn in range(effort.wall_rounds):
        for peer in rotated(names, turn):
            decide(workers[peer], events[peer], Case.ALLOW, 3)
            times = decide(workers[peer], events[peer], Case.ALLOW, effort.wall_decisions)["wall_ns"]
            for name, percent in (("p50", 50), ("p99", 99)):
                wall[peer][name].append(percentile(times, percent) / 1e6)
    return wall


def decide(worker: Worker, events: str, case: Case, count: int, start: int = 0) -> dict[str, Any]:
    """Decide `count` events; ends the run if any answer is another than the case's."""
    reply: dict[str, Any] = worker.ask("measure", events=events, start=start, count=count)
    if reply["outcomes"] != {OUTCOMES[case]: count}:
        sys.exit(f"bench: {case} was answered with {reply['outcomes']}, which is wrong: {events}")
    return reply


def rotated(peers: tuple[str, ...], turn: int) -> tuple[str, ...]:
    """The peers in another order each round, so that none always comes after the same one."""
    first = turn % len(peers)
    return peers[first:] + peers[:first]
