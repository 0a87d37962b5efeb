"""Which web origins may call: those of the pages of applied solutions (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Callable
from typing import Final

from entitlements.directory import MAX_AGE
from token_service.repository import Repository

MAX_KNOWN: Final = 1_000


class Origins:
    """Looks an origin up in the table, at most once in the cache time of everything else."""

    def __init__(self, repository: Repository, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._clock = repository, clock
        self._known: dict[str, tuple[bool, float]] = {}

    def known(self, origin: str) -> bool:
        """Whether some solution has a page there. Raises `StoreUnavailable`."""
        if not origin.startswith(("https://", "http://")) or len(origin) > 300:
            return False
        found, read_at = self._known.get(origin, (False, -MAX_AGE))
        if not 0 <= self._clock() - read_at < MAX_AGE:
            found = any(True for _ in self._repository.query(f"origin#{origin}", "solution#"))
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[origin] = (found, self._clock())
        return found
