"""The pictures of `gatepass usage --plot`: usage by plan, the funnel, refused demand, and revenue, of each solution.

Only this module needs matplotlib, which is no requirement of the command.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from entitlements.currencies import readable
from gatepass.commands.usage_table import WALLS

Document = Mapping[str, Any]
PALETTE: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")
"""Colours that colour-blind people can tell apart (Okabe and Ito)."""
MOST_TICKS: Final = 8


def draw(document: Document, path: Path) -> None:
    """Write the pictures as SVG, the same bytes for the same figures. Raises `OSError`."""
    reports = document["solutions"]
    with mpl.rc_context():
        mpl.rcParams.update({"svg.hashsalt": "gatepass", "font.size": 9, "axes.titlesize": 10, "axes.grid": True})
        mpl.rcParams.update({"axes.axisbelow": True, "grid.color": "#e5e5e5"})
        mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(12, 7 * len(reports)), layout="constrained")
        for part, report in zip(_parts(figure, len(reports)), reports, strict=True):
            part.suptitle(
                _literal(f"{report['name']} ({report['solution_id']}), {document['from']} to {document['to']}"),
                fontsize=12,
            )
            (usage, funnel), (refused, revenue) = part.subplots(2, 2)
            _usage(usage, report["days"])
            _funnel(funnel, report["total"])
            _refused(refused, report["total"]["refused"])
            _revenue(revenue, report["total"])
        figure.savefig(path, format="svg", metadata={"Date": None})


def _parts(figure: Figure, number: int) -> Sequence[Any]:
    return list(figure.subfigures(number, 1, squeeze=False)[:, 0])


def _literal(text: str) -> str:
    """Text in which `$` begins no formula."""
    return text.replace("$", r"\$")


def _usage(axes: Axes, days: Sequence[Document]) -> None:
    """Stacked bars: a bar for each day, a colour for each plan."""
    axes.set(title="Units by plan", ylabel="units")
    places = list(range(len(days)))
    bottoms = [0] * len(days)
    for n, plan in enumerate(sorted({plan for day in days for plan in day["units"]})):
        units = [day["units"].get(plan, 0) for day in days]
        axes.bar(places, units, 0.8, bottoms, color=PALETTE[n % len(PALETTE)], label=_literal(plan))
        bottoms = [below + more for below, more in zip(bottoms, units, strict=True)]
    step = -(-len(days) // MOST_TICKS)
    axes.set_xticks(places[::step], [day["day"][5:] for day in days[::step]])
    axes.set_xlim(-0.6, len(days) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False, axis="x")
    if any(bottoms):
        # Beside the bars, not over them; in the order in which they are stacked.
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1), reverse=True)
    else:
        _nothing(axes)


def _funnel(axes: Axes, total: Document) -> None:
    names = ("visitor days", "registrations", "upgrades")
    values = [total[name.replace(" ", "_")] for name in names]
    axes.set(title="From visitor to paying user")
    _bars(axes, names, values, [str(value) for value in values], PALETTE[0])


def _refused(axes: Axes, refused: Sequence[Document]) -> None:
    """For each reason, who was refused, and who of them registered or paid."""
    axes.set(title="Refused demand, and what followed within 7 days")
    names: list[str] = []
    values: list[int] = []
    for one in refused:
        who, limit = WALLS.get(one["reason"], ("subject", one["reason"]))
        names += [f"{who}s at {limit}", "registered", "paid"]
        values += [one["subjects"], one["registered"], one["paid"]]
    _bars(axes, names, values, list(map(str, values)), PALETTE[5])


def _revenue(axes: Axes, total: Document) -> None:
    """Net revenue of each plan. Amounts of different currencies cannot be compared: each has the scale of its own."""
    axes.set(title="Revenue less refunds, by plan")
    net: dict[tuple[str, str], int] = {}
    for kind, sign in (("revenue", 1), ("refunds", -1)):
        for one in total[kind]:
            at = one["currency"], one["plan"]
            net[at] = net.get(at, 0) + sign * one["amount"]
    most = {currency: max(abs(n) for (other, _), n in net.items() if other == currency) for currency, _ in net}
    shares = [amount / (most[currency] or 1) for (currency, _), amount in sorted(net.items())]
    labels = [_literal(readable(amount, currency)) for (currency, _), amount in sorted(net.items())]
    _bars(axes, [_literal(plan) for _, plan in sorted(net)], shares, labels, PALETTE[2])
    axes.set_xticks([])


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float], labels: Sequence[str], color: str) -> None:
    """Bars from left to right, the first on top, each with its value."""
    if not any(values):
        _nothing(axes)
        return
    bars = axes.barh(range(len(values)), values, 0.7, color=color)
    axes.bar_label(bars, labels, padding=3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.grid(visible=False, axis="y")


def _nothing(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, "nothing in this period", transform=axes.transAxes, ha="center", va="center", color="#666666")
