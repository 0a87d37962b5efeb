"""Statistics of repeated measurements: medians with their range, and ratios taken round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The median of repeated measurements with the lowest and the highest."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 0) -> str:
        """As tables print it: median (lowest to highest)."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median(values), min(values), max(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Of two rows measured in the same rounds: a round's drift is in both parts of its ratio."""
    return spread([a / b for a, b in zip(over, under, strict=True)])


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: a value that was measured, never one between two."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # the ceiling
    return ordered[max(0, int(rank) - 1)]


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The least squares' line's rise of y for one x."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / across
