"""A run's figures as one picture."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.bundles import FLOOR, PEERS
from benchmarks.figures import spread
from benchmarks.report import label
from benchmarks.world import Case

COLORS: Final = {
    "ours": "#0072b2",
    "good": "#e69f00",
    "conventional": "#d55e00",
    "jwt_only": "#999999",
    FLOOR: "#dddddd",
}
"""Out of a palette that colour-blind people can tell apart (Okabe and Ito), and grey for what decides nothing live."""


def draw(data: dict[str, Any], path: Path) -> None:
    """Write the picture as SVG, the same bytes for the same figures."""
    mpl.rcParams.update({"svg.hashsalt": "gatepass", "font.size": 9, "axes.titlesize": 10, "axes.grid": True})
    mpl.rcParams.update({"axes.axisbelow": True, "grid.color": "#e5e5e5", "axes.spines.top": False})
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    panels = figure.subplots(2, 3)
    title = f"The gate beside its peers, {data['date']}"
    figure.suptitle(title + (" (a quick run: the figures mean nothing)" if data["quick"] else ""))
    _warm(panels[0][0], data)
    _cold(panels[0][1], data)
    _wall(panels[0][2], data)
    for axes, what in zip(panels[1], ("solutions", "plans", "entitlements"), strict=True):
        _growth(axes, data, what)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _warm(axes: Axes, data: dict[str, Any]) -> None:
    cpu = data["warm"]["cpu_us"]
    width = 0.8 / len(PEERS)
    for n, peer in enumerate(PEERS):
        cases = [(place, case) for place, case in enumerate(Case) if peer in cpu[case]]
        places = [place + (n - (len(PEERS) - 1) / 2) * width for place, _ in cases]
        medians = [spread(cpu[case][peer]).median for _, case in cases]
        bars = axes.bar(places, medians, width, color=COLORS[peer], label=label(peer))
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=6)
    names = ("allow", "allow,\nnew token", "deny:\nquota", "deny:\nvisitor", "deny:\nsignature")
    axes.set(title="CPU of a warm decision", ylabel="µs (logarithmic)", yscale="log")
    axes.set_xticks(range(len(Case)), names)
    axes.margins(y=0.15)
    axes.legend(fontsize=7)


def _cold(axes: Axes, data: dict[str, Any]) -> None:
    names = (*PEERS, FLOOR)
    medians = [spread(data["cold"][name]["cpu_ms"]).median for name in names]
    bars = axes.bar(range(len(names)), medians, color=[COLORS[name] for name in names])
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=7)
    axes.set(title="CPU of a cold start, to the first answer", ylabel="ms")
    axes.set_xticks(range(len(names)), [label(name).replace(" ", "\n") for name in names])


def _wall(axes: Axes, data: dict[str, Any]) -> None:
    for n, peer in enumerate(PEERS):
        for name, place, alpha in (("p50", n - 0.2, 1.0), ("p99", n + 0.2, 0.5)):
            height = spread(data["wall"][peer][name]).median
            bars = axes.bar(place, height, 0.38, color=COLORS[peer], alpha=alpha)
            axes.bar_label(bars, labels=[f"{name}\n{height:.1f}"], fontsize=7)
    axes.set(title="Wall time of a warm allow, DynamoDB Local", ylabel="ms")
    axes.set_xticks(range(len(PEERS)), [label(peer) for peer in PEERS])
    axes.margins(y=0.15)


def _growth(axes: Axes, data: dict[str, Any], what: str) -> None:
    series = data["growth"][what]
    sizes = [int(size) for size in series]
    spreads = [spread(figures["cpu_us"]) for figures in series.values()]
    medians = [s.median for s in spreads]
    errors = [[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]]
    axes.errorbar(sizes, medians, errors, color=COLORS["ours"], marker="o", capsize=3)
    axes.set(title=f"Growth of ours with {what}", xlabel=what, ylabel="CPU of a warm allow, µs")
    axes.set_ylim(0, max(s.high for s in spreads) * 1.25)
    if what == "plans":
        axes.set_xticks(sizes)
    else:
        axes.set(xscale="log", xlabel=f"{what} (logarithmic)")
