"""What a request costs: its route among those that a solution prices."""

import posixpath
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

DEFAULT_COST: Final = 1


def cost_of(costs: Mapping[str, int], method: str, path: str, route: str) -> int:
    """The cost of a request; `Solution.cost_of` says how it is found."""
    for candidate in (f"{method} {route}", f"ANY {route}"):
        if route and candidate in costs:
            return costs[candidate]
    segments = _segments(path)
    matches = [(rank, cost) for key, cost in costs.items() if (rank := _match(key, method, segments)) is not None]
    return max(matches)[1] if matches else DEFAULT_COST


def _segments(path: str) -> list[str]:
    # A backend may decode and tidy a path before it routes; the dearer route must not have a cheaper spelling.
    return [segment for segment in posixpath.normpath(unquote(path)).split("/") if segment not in ("", ".")]


def _match(key: str, method: str, segments: list[str]) -> tuple[list[int], int] | None:
    """How specific a match is, or None: literal over `{name}` over `{name+}`, then the method over ANY."""
    key_method, _, path = key.partition(" ")
    if key_method not in (method, "ANY"):
        return None
    rank: list[int] = []
    pattern = _segments(path)
    for position, part in enumerate(pattern):
        if part.endswith("+}"):
            return ([*rank, 0], int(key_method != "ANY")) if len(segments) > position else None
        if position >= len(segments):
            return None
        if part.startswith("{"):
            rank.append(1)
        elif part == segments[position]:
            rank.append(2)
        else:
            return None
    return (rank, int(key_method != "ANY")) if len(segments) == len(pattern) else None
