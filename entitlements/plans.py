"""Plans: the named rules (and prices) inside a solution."""

from typing import Any, Final, NamedTuple

from entitlements.prices import Price, PricingModel
from entitlements.rules import RULES, AtMost, CreditsLeft, PaidUntil, Rule

ANONYMOUS: Final = "anonymous"
"""The plan of visitors without a token; a solution without it has no anonymous tier."""


class Plan(NamedTuple):
    """One plan: a request passes if every rule holds. Without rules it is unlimited."""

    name: str
    rules: tuple[Rule, ...] = ()
    price: Price | None = None

    def limit(self, window: str) -> int | None:
        """The limit in a window, if there is one."""
        return next((rule.limit for rule in self.rules if isinstance(rule, AtMost) and rule.window == window), None)

    @property
    def free(self) -> bool:
        """Whether it has only limits, so that it need not be bought."""
        return all(isinstance(rule, AtMost) for rule in self.rules)

    @property
    def credits(self) -> int | None:
        """The requests that each purchase of a prepaid plan adds."""
        return CreditsLeft.setting(self.rules)

    @property
    def prepaid(self) -> bool:
        """Whether it counts down purchased credits."""
        return self.credits is not None

    @property
    def paid(self) -> bool:
        """Whether it lapses when `paid_until` is past."""
        return any(isinstance(rule, PaidUntil) for rule in self.rules)

    @property
    def model(self) -> PricingModel:
        """How it is paid for."""
        if self.prepaid:
            return PricingModel.PREPAID
        return self.price.model if self.price else PricingModel.FREE

    @property
    def readable_price(self) -> str | None:
        """The price for people: as `Price.readable`, or `₹99.00 for 100 requests`; None without a price."""
        if self.price is None or self.credits is None:
            return self.price.readable if self.price else None
        return f"{self.price.readable_amount} for {self.credits} request{'' if self.credits == 1 else 's'}"

    def to_mapping(self) -> dict[str, Any]:
        """The plan's settings, as in YAML."""
        settings: dict[str, Any] = {key: kind.setting(self.rules) for key, kind in RULES.items()}
        if self.price:
            settings["price"] = self.price.to_mapping()
        return {key: value for key, value in settings.items() if value is not None}
