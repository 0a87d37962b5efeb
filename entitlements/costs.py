"""What a request costs: its route among those that a solution prices."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

DEFAULT_COST: Final = 1

_AMBIGUOUS: Final = frozenset("%;?#\\\x7f").union(map(chr, range(32)))
"""ASCII characters of a decoded path at which some backends cut it, which they take for a slash, or decode again."""


def cost_of(costs: Mapping[str, int], method: str, path: str) -> int:
    """The cost of a request; `Solution.cost_of` says how it is found."""
    if not costs:
        return DEFAULT_COST
    decoded = unquote(path) if "%" in path else path
    if _is_plain(path, decoded):
        return max([_cost(costs, method, reading) for reading in _readings(costs, path, decoded)])
    methods = {method, "ANY"} | ({"GET"} if method == "HEAD" else set())
    return max([DEFAULT_COST, *(cost for key, cost in costs.items() if key.partition(" ")[0] in methods)])


def _is_plain(path: str, decoded: str) -> bool:
    """Whether all backends see the same segments in a path, but for case and percent-encoding.

    They disagree on dot segments, empty segments, encoded slashes, backslashes, path parameters (`;`), double encoding,
    dots and spaces at a segment's end, and compatibility characters: RFC 3986 sections 3.3, 6.2.2 and 6.2.3,
    https://owasp.org/www-community/attacks/Path_Traversal.
    """
    if not _AMBIGUOUS.isdisjoint(decoded) or (decoded is not path and decoded.count("/") != path.count("/")):
        return False
    if not decoded.isascii() and not _is_stable(decoded):
        return False
    if "//" not in decoded and "." not in decoded and " " not in decoded and decoded.isascii():
        return True  # as nearly all are
    segments = decoded.removeprefix("/").removesuffix("/").split("/")
    return segments == [""] or all(segment.strip() and segment == segment.strip().rstrip(".") for segment in segments)


def _is_stable(text: str) -> bool:
    """Whether it stays what it is under NFKC, by which some backends read a full-width letter as the plain one."""
    import unicodedata

    return "\ufffd" not in text and text.isprintable() and unicodedata.normalize("NFKC", text) == text


class _Reading(NamedTuple):
    """What a backend may see in a path. `folded`: it does not mind case."""

    segments: tuple[str, ...]
    folded: bool = False


def _readings(costs: Mapping[str, int], path: str, decoded: str) -> Iterator[_Reading]:
    yield _Reading(_split(path))
    if decoded is not path:
        yield _Reading(_split(decoded))
    folded = _fold(decoded)
    if folded != decoded or any(_route(key).is_mixed for key in costs):
        yield _Reading(_split(folded), folded=True)
    if decoded.endswith("/"):
        # To some, what follows the last slash is a segment too, though an empty one.
        yield _Reading((*_split(decoded), ""))


def _fold(text: str) -> str:
    # Upper case first: some compare so, and to them the Turkish dotless i is an i.
    return text.upper().casefold()


def _split(path: str) -> tuple[str, ...]:
    return tuple(segment for segment in path.split("/") if segment)


def _cost(costs: Mapping[str, int], method: str, reading: _Reading) -> int:
    matches = [match for key, cost in costs.items() if (match := _match(key, method, reading, cost)) is not None]
    # Frameworks answer HEAD by doing all the work of GET (RFC 9110 section 9.3.2): where it has no price of its own, it
    # costs the same.
    if method == "HEAD" and not any(match.exact_method for match in matches):
        return _cost(costs, "GET", reading)
    return max(matches).cost if matches else DEFAULT_COST


class _Match(NamedTuple):
    """How specific a route matches: literal over `{name}` over `{name+}`, then the method over ANY. Of two routes that
    match alike, which differ in case or in a variable's name, the dearer one counts.
    """

    rank: tuple[int, ...]
    exact_method: bool
    cost: int


def _match(key: str, method: str, reading: _Reading, cost: int) -> _Match | None:
    route = _route(key)
    if route.method not in (method, "ANY"):
        return None
    segments, pattern = reading.segments, route.folded if reading.folded else route.pattern
    if len(segments) != len(pattern) and not (route.greedy and len(segments) > len(pattern)):
        return None
    rank = []
    for segment, part in zip(segments, pattern, strict=False):
        if part.startswith("{"):
            rank.append(0 if part.endswith("+}") else 1)
        elif part == segment:
            rank.append(2)
        else:
            return None
    return _Match(tuple(rank), route.method != "ANY", cost)


class _Route(NamedTuple):
    """A key of `costs`. `greedy`: its last part takes all segments that are left; `is_mixed`: case matters to it."""

    method: str
    pattern: tuple[str, ...]
    folded: tuple[str, ...]
    greedy: bool
    is_mixed: bool


@lru_cache(maxsize=4_096)
def _route(key: str) -> _Route:
    method, _, path = key.partition(" ")
    parts = _split(path)
    pattern = tuple(part if part.startswith("{") else unquote(part) for part in parts)
    folded = tuple(part if part.startswith("{") else _fold(part) for part in pattern)
    return _Route(method, pattern, folded, bool(parts) and parts[-1].endswith("+}"), folded != pattern)
