"""Who asks in the load run, and for what: users of all tiers, visitors, and storms of what is no good."""

import random
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.world import World, altered, user_id
from tests.support.events import http_2
from tests.support.signer import Signer

PLANS: Final[dict[str, dict[str, Any]]] = {
    "anonymous": {"limits": {"lifetime": 3}},
    "registered": {"limits": {"day": 10}},
    "monthly": {"limits": {"month": 30, "day": 8}},
    "trial": {"limits": {"lifetime": 5}},
    "pack": {"credits": 20},
    "pro": {"limits": {}},
    "team": {"limits": {"day": 2_000}},
}
CREDITS: Final = 20
TIERS: Final = ("registered", "registered", "registered", "monthly", "trial", "pack", "pro")
"""The plans of the users, in turn. The hot user has `team`, whose limit many requests at once reach."""
STRANGERS: Final = 40
"""Keys that are not in the ring. Each is a look into the table, at most every five seconds."""
MIX: Final = {
    "user": 56, "visitor": 14, "hot_user": 8, "hot_address": 8, "health": 2,
    "bad_signature": 4, "malformed": 2, "unknown_key": 3, "unknown_api": 3,
}  # fmt: skip
"""What comes in a hundred requests."""


@dataclass(frozen=True)
class Orders:
    """What to do. `seconds`: for how long."""

    seed: int
    seconds: float
    users: int
    visitors: int


def address(number: int) -> str:
    """The address of a visitor, by number (RFC 2544's range for benchmarks)."""
    return f"198.18.{number >> 8}.{number & 255}"


def plan_of(number: int, users: int) -> str:
    """The plan of a user; the one after the last is the hot one."""
    return "team" if number == users else TIERS[number % len(TIERS)]


class Crowd:
    """Makes requests: of whom, and the event."""

    def __init__(self, orders: Orders) -> None:
        """Tokens are made beforehand: signing is not what is measured."""
        self._orders, self._rng = orders, random.Random(orders.seed)  # noqa: S311 - no secret
        world = World()
        self._tokens = [world.token("ours", user_id(n)) for n in range(orders.users + 1)]
        self._strange = [Signer(f"stranger {n}").token() for n in range(STRANGERS)]
        self._kinds = list(MIX)
        self._weights = list(MIX.values())

    def next(self) -> tuple[str, dict[str, Any]]:
        """The subject that a request is to be counted for (empty for none), and the event."""
        (kind,) = self._rng.choices(self._kinds, self._weights)
        # Few are busy, and most are not.
        number = int(self._orders.users * self._rng.random() ** 3)
        token = self._tokens[number]
        match kind:
            case "user":
                return user_id(number), http_2(token)
            case "hot_user":
                return user_id(self._orders.users), http_2(self._tokens[-1])
            case "visitor" | "hot_address":
                at = 1 + int(self._orders.visitors * self._rng.random() ** 3) if kind == "visitor" else 0
                return address(at), http_2(None, ip=address(at))
            case "health":
                return "", http_2(token, method="GET", path="/health")
            case "bad_signature":
                return "", http_2(altered(token))
            case "malformed":
                return "", http_2("gp1_" + "A" * self._rng.randrange(3_000))
            case "unknown_key":
                return "", http_2(self._rng.choice(self._strange))
        return "", http_2(token, api=f"x{self._rng.randrange(5_000):09}")
