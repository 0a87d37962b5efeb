"""What a request costs: its route among those that a solution prices."""

import posixpath
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

DEFAULT_COST: Final = 1
_DECODED_AT_MOST: Final = 3
"""Times that a path is percent-decoded: backends behind proxies that decode too see it more than once."""

Segments = tuple[str, ...]


def cost_of(costs: Mapping[str, int], method: str, path: str) -> int:
    """The cost of a request; `Solution.cost_of` says how it is found."""
    if not costs:
        return DEFAULT_COST
    # Frameworks answer HEAD by doing all the work of GET (RFC 9110 section 9.3.2): unpriced, it costs the same.
    if method == "HEAD" and not any(key.startswith("HEAD ") for key in costs):
        method = "GET"
    return max(_cost(costs, method, segments) for segments in _readings(path))


def _readings(path: str) -> set[Segments]:
    """The ways in which a backend may read a path before it routes: as sent, decoded, and tidied."""
    readings = {_split(path), _split(unquote(path))}
    for _ in range(_DECODED_AT_MOST):
        path = unquote(path)
    # A fragment or a query has no place in a path, and many backends cut it off.
    path = path.partition("#")[0].partition("?")[0].replace("\\", "/")
    plain = "/".join(segment.partition(";")[0].strip() for segment in path.split("/"))
    readings.add(_split(posixpath.normpath(plain)))
    return readings


def _split(path: str) -> Segments:
    return tuple(segment.casefold() for segment in path.split("/") if segment not in ("", "."))


def _cost(costs: Mapping[str, int], method: str, segments: Segments) -> int:
    matches = [(rank, cost) for key, cost in costs.items() if (rank := _match(key, method, segments)) is not None]
    return max(matches)[1] if matches else DEFAULT_COST


def _match(key: str, method: str, segments: Segments) -> tuple[list[int], int] | None:
    """How specific a match is, or None: literal over `{name}` over `{name+}`, then the method over ANY."""
    key_method, _, path = key.partition(" ")
    if key_method not in (method, "ANY"):
        return None
    rank: list[int] = []
    pattern = _split(path)
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
