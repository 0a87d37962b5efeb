"""Lists as Razorpay answers them: `{"entity": "collection", "count": n, "items": [...]}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatepass.local.razorpay.entities import Entity
from gatepass.local.razorpay.refusal import RazorpayRefused

# https://razorpay.com/docs/api/orders/fetch-all/
DEFAULT_COUNT = 10
MAX_COUNT = 100
_END_OF_TIME = 2**63
PARAMETERS = frozenset({"count", "skip", "from", "to"})


def collection(items: Iterable[Entity]) -> Entity:
    """All items as one collection. `count` is the number of items in this answer, not of all there are."""
    listed = list(items)
    return {"entity": "collection", "count": len(listed), "items": listed}


def page(items: Iterable[Entity], query: Mapping[str, str]) -> Entity:
    """The page of `items` (oldest first) that `query` asks for, newest first.

    `from` and `to` are Unix seconds, both inclusive.
    """
    count = _number(query, "count", DEFAULT_COUNT)
    if not 1 <= count <= MAX_COUNT:
        raise RazorpayRefused(f"The count must be between 1 and {MAX_COUNT}.", field="count")
    skip = _number(query, "skip", 0)
    since, until = _number(query, "from", 0), _number(query, "to", _END_OF_TIME)
    found = [item for item in items if since <= item["created_at"] <= until]
    return collection(found[::-1][skip : skip + count])


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise RazorpayRefused(f"The {name} must be an integer.", field=name)
    return int(text)
