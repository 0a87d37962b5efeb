"""The web origins that may call: those of solutions' pages (https://fetch.spec.whatwg.org/#http-cors-protocol).

Also the origins that may send forms: a form of another site could sign a visitor in to somebody else's account.
"""

from collections.abc import Callable
from typing import Final

from entitlements.directory import MAX_AGE, Directory
from entitlements.items import origin_prefix
from entitlements.origins import origin_of, origins_of
from entitlements.refusals import Code, Refused
from token_service.repository import Repository

MAX_KNOWN: Final = 1_000


class Origins:
    """Looks origins up in the table, and caches each answer for `MAX_AGE`."""

    def __init__(self, repository: Repository, directory: Directory, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._directory, self._clock = repository, directory, clock
        self._known: dict[str, tuple[bool, float]] = {}

    def known(self, origin: str) -> bool:
        """Whether some solution has a page there. Raises `StoreUnavailable`."""
        if not origin.startswith(("https://", "http://")) or len(origin) > 300:
            return False
        found, read_at = self._known.get(origin, (False, -MAX_AGE))
        if not 0 <= self._clock() - read_at < MAX_AGE:
            found = any(True for _ in self._repository.query(origin_prefix(origin)))
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[origin] = (found, self._clock())
        return found

    def require_form(self, origin: str, solution_id: object, optional: bool = False) -> None:
        """Refuse a form that does not come from a page of the solution that it names, or from its marketplace.

        `optional` tells that the route works without a solution. A form does not: there is no origin that it must have.

        Browsers send the Origin header with every POST (https://fetch.spec.whatwg.org/#origin-header), so a form
        without it is refused.
        """
        if optional and solution_id is None:
            raise Refused(Code.ORIGIN_UNKNOWN, public="a form must name the solution that it is for: send solution_id")
        solution = self._directory.solution(solution_id, self._clock()) if isinstance(solution_id, str) else None
        # If the solution is unknown, the route itself refuses the form.
        if solution is not None and origin not in {*origins_of(solution), origin_of(solution.marketplace_url)}:
            raise Refused(Code.ORIGIN_UNKNOWN)
