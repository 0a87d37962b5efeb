"""What a warm container remembers of the table: APIs, solutions and the key ring, for at most a minute."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

from entitlements.items import Item, Key, StoreUnavailable, api_key, keyring_key, solution_key
from entitlements.keyring import KeyRing, KeyRingError
from entitlements.solution import ConfigError, Solution, solution_from_document

MAX_AGE: Final = 60.0
"""Seconds. A changed limit, a disabled solution and a revoked key hold everywhere after this time."""
RETRY_AGE: Final = 5.0
"""Seconds between two looks for something that was not there: bounds what unknown ids can cost."""
MAX_ENTRIES: Final = 1_000

# The same text gives the same object, so that what was made of it (verified tokens, expressions) outlives a refresh.
_solution = lru_cache(maxsize=MAX_ENTRIES)(solution_from_document)
_ring = lru_cache(maxsize=8)(KeyRing.from_document)

T = TypeVar("T")
V = TypeVar("V")


class Damaged(StoreUnavailable):
    """An item was read, and no decision can rest on it. It is read again after `RETRY_AGE`."""


class ApiLink(NamedTuple):
    """What is known of an API. `policy_responses`: an HTTP API whose authorizer has simple responses switched off,
    which no event tells.
    """

    solution_id: str
    policy_responses: bool = False


class _Cache(Generic[T]):
    """Values with the time they were read. The wall clock serves, since a frozen container's monotonic one may stand
    still; one that goes backwards only makes entries older than they are.
    """

    def __init__(self, load: Callable[[str], T | None]) -> None:
        self._load = load
        self._entries: dict[str, tuple[T | None, float]] = {}
        self._damage: dict[str, tuple[str, float]] = {}

    def get(self, name: str, now: float, max_age: float | None = None) -> T | None:
        entry = self._entries.get(name)
        if entry is not None:
            value, read_at = entry
            age = now - read_at
            if 0 <= age < (max_age if max_age is not None else MAX_AGE if value is not None else RETRY_AGE):
                return value
        damage = self._damage.get(name)
        if damage is not None and 0 <= now - damage[1] < RETRY_AGE:
            raise Damaged(damage[0])
        try:
            value = self._load(name)
        except Damaged as error:
            self._entries.pop(name, None)
            _keep(self._damage, name, (str(error), now))
            raise
        _keep(self._entries, name, (value, now))
        return value


def _keep(entries: dict[str, V], name: str, value: V) -> None:
    if len(entries) >= MAX_ENTRIES and name not in entries:
        entries.pop(next(iter(entries)), None)
    entries[name] = value


class Directory:
    """Reads through a `get_item` and remembers. Damaged configuration counts as unavailable: it fails closed."""

    def __init__(self, get_item: Callable[[Key], Item | None]) -> None:
        """`get_item` as in `entitlements.items.Store`."""
        self._get_item = get_item
        self._apis = _Cache(self._load_api)
        self._solutions = _Cache(self._load_solution)
        self._rings = _Cache(self._load_ring)

    def api(self, api_id: str, now: float) -> ApiLink | None:
        """The solution that an API is linked to, and how it wants its answers."""
        return self._apis.get(api_id, now)

    def solution(self, solution_id: str, now: float) -> Solution | None:
        """A solution's configuration."""
        return self._solutions.get(solution_id, now)

    def ring(self, now: float, kid: str | None = None) -> KeyRing:
        """The key ring, read again (at most every 5 s) if it lacks `kid`. Raises `StoreUnavailable` without a ring."""
        ring = self._rings.get("ring", now)
        if ring is not None and kid is not None and ring.find(kid) is None:
            ring = self._rings.get("ring", now, RETRY_AGE)
        if ring is None:
            raise StoreUnavailable("the table holds no key ring: run gatepass init")
        return ring

    def _load_api(self, api_id: str) -> ApiLink | None:
        item = self._get_item(api_key(api_id))
        if item is None:
            return None
        solution_id = item.get("solution_id")
        if not isinstance(solution_id, str):
            raise Damaged(f"the link of the API {api_id} is damaged: run gatepass solutions link again")
        return ApiLink(solution_id, item.get("policy_responses") is True)

    def _load_solution(self, solution_id: str) -> Solution | None:
        item = self._get_item(solution_key(solution_id))
        if item is None:
            return None
        try:
            solution = _solution(_document(item))
        except ConfigError as error:
            raise Damaged(f"the configuration of {solution_id} is damaged: {error}") from error
        if solution.solution_id != solution_id:
            raise Damaged(f"the configuration of {solution_id} is damaged: it is that of {solution.solution_id}")
        return solution

    def _load_ring(self, _: str) -> KeyRing | None:
        item = self._get_item(keyring_key())
        if item is None:
            return None
        version = item.get("version", 0)
        try:
            # Checked here too: what cannot be hashed cannot be looked up in a cache.
            return _ring(_document(item), version) if type(version) is int else KeyRing.from_item(item)
        except KeyRingError as error:
            raise Damaged(str(error)) from error


def _document(item: dict[str, Any]) -> str:
    return str(item.get("document", ""))
