"""Rules: what a plan consists of, as data.

Two interpreters read them: `decision` over a stored item, and `spend`, which writes them as the condition of the one
write. A property test (tests/entitlements/behaviour/test_write_and_model.py) holds the two together. To add a rule, add
a class here with its row in `RULES`, a row in each interpreter, and the key to docs/plans.md. To add a window that
`limits` may name, add a row to `windows.WINDOWS`.

Each class reads itself from the settings of a plan and writes itself back. There are two kinds: a quota limits what a
plan allows, and denies requests when it is used up; a term says how long the plan applies, and after it the solution's
default plan applies. A version that does not know a key ignores it in stored documents, so the key of a new quota
belongs inside `limits`: there, ignoring it never makes a plan unlimited (`solution_from_document`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from entitlements.mapping_reader import MappingReader
from entitlements.windows import LIMITABLE

Settings = Mapping[Any, Any]
"""A plan in YAML or JSON; only checked to be a mapping."""


HighestCost = tuple[int, str]
"""The highest cost of a request that a quota can count, and the fault to report for a higher one."""


class AtMost(NamedTuple):
    """The sum of costs in a window is at most `limit`. It is counted in the window's own attribute."""

    window: str
    limit: int

    @property
    def highest_cost(self) -> HighestCost | None:
        """The limit: a request that costs more could never pass."""
        return self.limit, f"must not be above the smallest limit of a plan ({self.limit})"

    @classmethod
    def read(cls, settings: Settings, reader: MappingReader, path: str) -> "list[Rule]":
        """From `limits: {day: 10}`."""
        limits = settings.get("limits", {})
        if not isinstance(limits, Mapping):
            windows = f"{', '.join(LIMITABLE[:-1])} or {LIMITABLE[-1]}"
            reader.faults[f"{path}.limits"] = f"must be a mapping of {windows} to a number"
            return []
        reader.known(limits, f"{path}.limits.", LIMITABLE)
        return [
            cls(window, reader.count(limits[window], f"{path}.limits.{window}"))
            for window in LIMITABLE
            if window in limits
        ]

    @classmethod
    def setting(cls, rules: "Iterable[Rule]") -> dict[str, int]:
        """The setting that `read` reads; empty for a plan without limits."""
        return {rule.window: rule.limit for rule in rules if isinstance(rule, cls)}


class PaidUntil(NamedTuple):
    """The plan applies until `paid_until` (seconds since the epoch) of the item; without that attribute, forever."""

    @property
    def highest_cost(self) -> HighestCost | None:
        """None: it is a term."""
        return None

    @classmethod
    def read(cls, settings: Settings, reader: MappingReader, path: str) -> "list[Rule]":
        """From `price`: a plan with a price and no credits is bought for a period."""
        return [cls()] if "price" in settings and "credits" not in settings else []

    @classmethod
    def setting(cls, rules: "Iterable[Rule]") -> None:
        """Nothing: the price is the plan's own, since plans with credits have one too."""


class CreditsLeft(NamedTuple):
    """`total`, the requests ever made, is below `granted`, to which each purchase adds `credits`."""

    credits: int

    @property
    def highest_cost(self) -> HighestCost | None:
        """1, since a condition can compare two attributes but not add a cost to one of them."""
        return 1, "must be 0 or 1 in a solution with a prepaid plan"

    @classmethod
    def read(cls, settings: Settings, reader: MappingReader, path: str) -> "list[Rule]":
        """From `credits: 100`."""
        return [cls(reader.count(settings["credits"], f"{path}.credits"))] if "credits" in settings else []

    @classmethod
    def setting(cls, rules: "Iterable[Rule]") -> int | None:
        """The setting that `read` reads."""
        return next((rule.credits for rule in rules if isinstance(rule, cls)), None)


Rule = AtMost | PaidUntil | CreditsLeft

RULES: Final[Mapping[str, type[Rule]]] = {"limits": AtMost, "price": PaidUntil, "credits": CreditsLeft}
"""Every kind of rule, by the key of a plan that it is read from. A plan has no other keys."""
