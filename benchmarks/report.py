"""A run's figures as a page of Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from benchmarks.bundles import BARE, FLOOR, OURS, OWN_WRITE, PEERS
from benchmarks.distance import AWAY_SECONDS
from benchmarks.figures import ratio, slope, spread
from benchmarks.targets import targets
from benchmarks.world import Case

LABELS: Final = {
    "jwt_only": "jwt only",
    FLOOR: "(empty handler)",
    BARE: "(one signed write)",
    OWN_WRITE: "(the gate's own, sent so)",
}
PROFILE_ROWS: Final = 12


def label(peer: str) -> str:
    """A peer's name in tables and plots."""
    return LABELS.get(peer, peer)


def render(data: dict[str, Any], plot: str) -> str:
    """The page; `plot` is the name of the picture beside it."""
    sections = (_head(data, plot), _targets(data), _warm(data), _wall(data), _cold(data), _growth(data), _why(data))
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _head(data: dict[str, Any], plot: str) -> Iterator[str]:
    machine = data["machine"]
    yield f"# The gate beside its peers, {data['date']}"
    yield ""
    if data["quick"]:
        yield "**A quick run, to see that everything works: its figures mean nothing.**"
        yield ""
    yield (
        f"{machine['cores']} cores, {machine['architecture']}, CPython {machine['python']}, {machine['openssl']}, "
        f"boto3 {machine['boto3']}. [README](../README.md) says what is measured and how."
    )
    yield "Figures are medians of rounds, with the lowest and the highest round in brackets; ratios are taken in each"
    yield "round, between peers measured right after each other."
    yield ""
    yield f"![The figures as bars and lines]({plot})"


def _targets(data: dict[str, Any]) -> Iterator[str]:
    yield "## Targets"
    rows = [(t.what, t.asked, t.measured, t.verdict) for t in targets(data)]
    yield from _table(("target", "asked", "measured", ""), rows)


def _warm(data: dict[str, Any]) -> Iterator[str]:
    cpu, calls = data["warm"]["cpu_us"], data["warm"]["calls"]
    yield "## A warm decision"
    yield from _table(
        ("CPU, µs", *map(label, PEERS)),
        ((case, *(spread(cpu[case][p]).text() if p in cpu[case] else "" for p in PEERS)) for case in Case),
    )
    others = [peer for peer in PEERS if peer != OURS]
    yield ""
    yield from _table(
        ("times the CPU of ours", *map(label, others)),
        (
            (case, *(ratio(cpu[case][p], cpu[case][OURS]).text(2) if p in cpu[case] else "" for p in others))
            for case in Case
        ),
    )
    yield ""
    yield from _table(
        ("network calls", *map(label, PEERS)),
        ((case, *(f"{calls[case][p]:g}" if p in calls[case] else "" for p in PEERS)) for case in Case),
    )
    yield ""
    yield from _table(
        ("peak memory after all of these, MiB", *map(label, PEERS)),
        [("", *(f"{data['warm']['peak_mib'][peer]:.0f}" for peer in PEERS))],
    )


def _wall(data: dict[str, Any]) -> Iterator[str]:
    store, gate = (ratio(data["wall"][peer]["p50"], data["wall"][BARE]["p50"]) for peer in (OWN_WRITE, OURS))
    yield "## A warm allow against DynamoDB Local"
    yield from _times(data["wall"])
    yield ""
    yield f"Of the {gate.median:.2f} times of one signed write, {store.median:.2f} are what the gate's own takes there:"
    yield "the emulator evaluates its condition and adds its counters. The rest is CPU, which takes as long wherever"
    yield "the table is. DynamoDB itself answers in single-digit milliseconds. With the emulator"
    yield f"{AWAY_SECONDS * 1e3:g} ms away:"
    yield ""
    yield from _times(data["far"])


def _times(wall: dict[str, dict[str, list[float]]]) -> Iterator[str]:
    rows = [(f"wall time, ms: {name}", *(spread(wall[p][name]).text(2) for p in wall)) for name in ("p50", "p99")]
    rows.append(("p50, times one signed write", *(ratio(wall[p]["p50"], wall[BARE]["p50"]).text(2) for p in wall)))
    yield from _table(("", *map(label, wall)), rows)


def _cold(data: dict[str, Any]) -> Iterator[str]:
    cold, names = data["cold"], (*PEERS, FLOOR)
    units = (("cpu_ms", "CPU, ms"), ("wall_ms", "wall time, ms"), ("peak_mib", "peak memory, MiB"))
    rows = [(text, *(spread(cold[name][unit]).text() for name in names)) for unit, text in units]
    rows.append(("times the CPU of ours", *(ratio(cold[n]["cpu_ms"], cold[OURS]["cpu_ms"]).text(2) for n in names)))
    rows.append(("network calls", *(f"{spread(cold[name]['calls']).median:g}" for name in names)))
    rows.append(("bundle, zipped, MB", *(f"{data['zipped_bytes'][name] / 1e6:.2f}" for name in names)))
    yield "## A cold start, to the first answer"
    yield from _table(("", *map(label, names)), rows)


def _growth(data: dict[str, Any]) -> Iterator[str]:
    yield "## Growth of ours"
    for what, series in data["growth"].items():
        first = next(iter(series))
        yield ""
        yield from _table(
            (what, "CPU, µs", f"times that of {int(first):,}", "p50, ms", "p99, ms"),
            (
                (
                    f"{int(size):,}",
                    spread(figures["cpu_us"]).text(),
                    ratio(figures["cpu_us"], series[first]["cpu_us"]).text(2),
                    spread(figures["p50"]).text(2),
                    spread(figures["p99"]).text(2),
                )
                for size, figures in series.items()
            ),
        )
    plans = data["growth"]["plans"]
    rise = slope([int(size) for size in plans], [spread(f["cpu_us"]).median for f in plans.values()])
    yield ""
    yield f"Each further plan of a solution costs {rise:.1f} µs of CPU (slope of the least squares' line)."


def _why(data: dict[str, Any]) -> Iterator[str]:
    """The profiles, for targets that were missed: where the time goes."""
    if not any(target.missed_by for target in targets(data)):
        return
    yield "## Where the time of ours goes"
    yield "A warm allow under cProfile, which makes small functions look dearer than they are:"
    yield ""
    yield from _table(
        ("function", "calls", "its own µs", "with what it calls"),
        (
            (f"`{row['function']}`", f"{row['calls']:g}", f"{row['own_us']:.1f}", f"{row['total_us']:.1f}")
            for row in data["warm"]["profile"][:PROFILE_ROWS]
        ),
    )
    yield ""
    yield "Imports of a cold start (`python -X importtime`):"
    yield ""
    yield from _table(
        ("module", "its own ms", "with what it imports"),
        (
            (f"`{row['module']}`", f"{row['own_ms']:.1f}", f"{row['total_ms']:.1f}")
            for row in data["imports"][:PROFILE_ROWS]
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
