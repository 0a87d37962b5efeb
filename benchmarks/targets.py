"""What issues 4 and 17 ask for, beside what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.bundles import BARE, FLOOR, OURS, WITH_DATABASE
from benchmarks.distance import AWAY_SECONDS
from benchmarks.figures import Spread, ratio
from benchmarks.world import Case

WARM: Final = {"good": 5.0, "conventional": 8.0}
COLD: Final = {"good": 2.5, "conventional": 2.7}
"""How many times less CPU than each peer."""
COLD_FLOOR: Final = 2.0
"""Times the CPU of a handler that does nothing."""
WALL_FLOOR: Final = 1.25
"""Times the wall time of one signed write."""
BUNDLE_MB: Final = 6.0
"""Megabytes of 10^6 bytes, the stricter reading."""
FLAT: Final = 1.10
"""Growth is flat if the largest size costs at most this many times what the smallest does: rounds differ by as much."""
SMALL: Final = 1.5
"""Growth is small if the most plans cost at most this many times what one does."""


@dataclass(frozen=True)
class Target:
    """One row of the table. `missed_by` is empty where the target is reached."""

    what: str
    asked: str
    measured: str
    missed_by: str

    @property
    def verdict(self) -> str:
        """In words."""
        return f"**missed** by {self.missed_by}" if self.missed_by else "reached"


def targets(data: dict[str, Any]) -> list[Target]:
    """All of them, from a run's figures (`__main__.py`)."""
    return [*_ratios(data), *_floors(data), *_bundle(data), *_calls(data), *_growth(data)]


def _ratios(data: dict[str, Any]) -> Iterator[Target]:
    warm, cold = data["warm"]["cpu_us"], data["cold"]
    for case in (Case.ALLOW, Case.NEW_TOKEN):
        for peer, asked in WARM.items():
            found = ratio(warm[case][peer], warm[case][OURS])
            name = "a warm allow" if case is Case.ALLOW else "a warm allow, token not seen before,"
            yield _at_least(f"CPU of {name} against {peer}", asked, found)
    for peer, asked in COLD.items():
        found = ratio(cold[peer]["cpu_ms"], cold[OURS]["cpu_ms"])
        yield _at_least(f"CPU of a cold start against {peer}", asked, found)


def _floors(data: dict[str, Any]) -> Iterator[Target]:
    cold = ratio(data["cold"][OURS]["cpu_ms"], data["cold"][FLOOR]["cpu_ms"])
    near, far = (ratio(data[where][OURS]["p50"], data[where][BARE]["p50"]) for where in ("wall", "far"))
    for what, asked, found in (
        ("CPU of a cold start against an empty handler", COLD_FLOOR, cold),
        ("p50 of a warm allow against one signed write, on this machine", WALL_FLOOR, near),
        (f"p50 of a warm allow against one signed write, {AWAY_SECONDS * 1e3:g} ms away", WALL_FLOOR, far),
    ):
        over = "" if found.median <= asked else f"{found.median - asked:.2f}"
        yield Target(what, f"≤ {asked:g} times", f"{found.text(2)} times", over)


def _at_least(what: str, asked: float, found: Spread) -> Target:
    short = "" if found.median >= asked else f"{(1 - found.median / asked):.0%}"
    return Target(what, f"≥ {asked:g} times less", f"{found.text(1)} times less", short)


def _bundle(data: dict[str, Any]) -> Iterator[Target]:
    size = data["zipped_bytes"][OURS] / 1e6
    over = "" if size <= BUNDLE_MB else f"{size - BUNDLE_MB:.2f} MB"
    yield Target("authorizer bundle, zipped", f"≤ {BUNDLE_MB:g} MB", f"{size:.2f} MB", over)


def _calls(data: dict[str, Any]) -> Iterator[Target]:
    calls = data["warm"]["calls"]
    bad = calls[Case.BAD_SIGNATURE][OURS]
    yield Target("calls for a bad token", "0", f"{bad:g}", f"{bad:g}" if bad else "")
    visitor = calls[Case.VISITOR][OURS]
    yield Target("calls for a visitor over the limit", "0", f"{visitor:g}", f"{visitor:g}" if visitor else "")
    allow = {peer: calls[Case.ALLOW][peer] for peer in WITH_DATABASE}
    yield Target("calls for a warm allow", "1", f"{allow[OURS]:g}", f"{allow[OURS] - 1:g}" if allow[OURS] != 1 else "")


def _growth(data: dict[str, Any]) -> Iterator[Target]:
    for what, most, asked in (("solutions", FLAT, "flat"), ("entitlements", FLAT, "flat"), ("plans", SMALL, "small")):
        series = data["growth"][what]
        first, *_, last = series
        found = ratio(series[last]["cpu_us"], series[first]["cpu_us"])
        over = "" if found.median <= most else f"{found.median - most:.2f}"
        yield Target(
            f"CPU of a warm allow with {int(last):,} {what} against {int(first):,}",
            f"{asked}: ≤ {most:g} times",
            f"{found.text(2)} times",
            over,
        )
