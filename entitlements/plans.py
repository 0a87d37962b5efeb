"""Plans: the named limits (and prices) inside a solution."""

from typing import Final, NamedTuple

from entitlements.windows import Windows

ANONYMOUS: Final = "anonymous"
"""The plan of visitors without a token; a solution without it has no anonymous tier."""


class Limits(NamedTuple):
    """Requests allowed in each window; None where there is no limit."""

    day: int | None = None
    month: int | None = None
    lifetime: int | None = None

    def counters(self, windows: Windows) -> list[tuple[str, int, str]]:
        """The limits as (counter, limit, when it resets)."""
        pairs = (
            (windows.day, self.day, windows.day_resets_at),
            (windows.month, self.month, windows.month_resets_at),
            ("total", self.lifetime, ""),
        )
        return [(counter, limit, resets_at) for counter, limit, resets_at in pairs if limit is not None]


class Price(NamedTuple):
    """An amount in the currency's smallest unit (paise), per interval or once."""

    amount: int
    currency: str
    interval: str | None = None


class Plan(NamedTuple):
    """One plan. `credits` makes it prepaid; a price without credits makes it paid until some time."""

    name: str
    limits: Limits = Limits()
    price: Price | None = None
    credits: int | None = None

    @property
    def prepaid(self) -> bool:
        """Whether it counts down what was bought."""
        return self.credits is not None

    @property
    def paid(self) -> bool:
        """Whether it lapses when `paid_until` is past."""
        return self.price is not None and not self.prepaid
