"""Plans: the named rules (and prices) inside a solution.

The gate imports this, and neither checks nor shows prices: what does so is imported where it is used.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from entitlements.mapping_reader import MAX_COUNT, MappingReader
from entitlements.rules import RULES, AtMost, CreditsLeft, PaidUntil, Rule

ANONYMOUS: Final = "anonymous"
"""The plan of visitors without a token; a solution without it has no anonymous tier."""
PricingModel = Literal["free", "once", "days", "recurring", "prepaid"]
"""How a plan is paid for: not at all, once and for good, once for a number of days, at an interval, or for a number of
requests.
"""
INTERVALS: Final[Mapping[str, int]] = {"day": 365, "week": 52, "month": 12, "year": 1}
"""Each interval of a recurring price, and how many of it a year has; years of 52 weeks never make one too long."""
MAX_INTERVAL_YEARS: Final = 3
"""The longest time between two payments, so that a typing error in `every` is noticed."""
MAX_DAYS: Final = 3650
"""The longest one-off period, ten years. A price without a period never ends."""
SUBSCRIPTION_YEARS: Final = 30
"""The length of a subscription.

Razorpay's pages contradict each other. A subscription lasts at most
- 100 years: https://razorpay.com/docs/api/payments/subscriptions/create-subscription/
- 30 years: https://razorpay.com/docs/payments/subscriptions/create-subscription-links/
- until 2120 (`end_time` up to 4765046400), explained as 10 years:
  https://razorpay.com/docs/payments/subscriptions/integration-guide/
100 years from today end after 2120, and the payment fails. 30 years satisfy every number given until 2090.
"""


class Price(NamedTuple):
    """An amount in the currency's smallest unit (paise): once and for good, once for `days`, or `every` N intervals."""

    amount: int
    currency: str
    interval: str | None = None
    every: int = 1
    days: int | None = None

    @property
    def model(self) -> PricingModel:
        """How it is paid, if it does not pay for credits (`Plan.model`)."""
        if self.interval:
            return "recurring"
        return "days" if self.days else "once"

    @property
    def total_count(self) -> int | None:
        """The billing cycles of a new subscription, Razorpay's `total_count`; None for a price that does not recur."""
        return max(1, SUBSCRIPTION_YEARS * INTERVALS[self.interval] // self.every) if self.interval else None

    @property
    def readable_amount(self) -> str:
        """The amount alone: `₹499.00`."""
        from entitlements.currencies import readable

        return readable(self.amount, self.currency)

    @property
    def readable(self) -> str:
        """For people: `₹499.00 every month`, `$5.00 every 3 months`, `₹199.00 for 30 days`, `₹99.00 once`."""
        if self.interval:
            often = self.interval if self.every == 1 else f"{self.every} {self.interval}s"
            return f"{self.readable_amount} every {often}"
        if self.days:
            return f"{self.readable_amount} for {self.days} day{'' if self.days == 1 else 's'}"
        return f"{self.readable_amount} once"

    def to_mapping(self) -> dict[str, Any]:
        """The price's settings, as in YAML."""
        settings = {name: value for name, value in self._asdict().items() if value is not None}
        if self.every == 1:  # the default, which versions before `every` do not write
            del settings["every"]
        return settings

    @classmethod
    def read(cls, data: object, reader: MappingReader, path: str, prepaid: bool) -> "Price | None":
        """From `price: {amount: 49900, currency: INR, interval: month}`. `prepaid`: whether it buys credits.

        Only with `reader.strict` must the settings fit together and be such as Razorpay accepts. A document was stored
        under the rules of its own version, and the gate must read it whatever has been added to them since.
        """
        if not isinstance(data, Mapping):
            reader.faults[path] = "must be a mapping, for example {amount: 49900, currency: INR, interval: month}"
            return None
        known = len(reader.faults)
        reader.known(data, f"{path}.", cls._fields)
        currency = data.get("currency")
        if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
            reader.faults[f"{path}.currency"] = "must be an ISO 4217 code such as INR"
            currency = ""
        amount = reader.count(data.get("amount"), f"{path}.amount")
        interval, every, days = data.get("interval"), data.get("every"), data.get("days")
        if interval is not None and not (isinstance(interval, str) and interval in INTERVALS):
            reader.faults[f"{path}.interval"] = f"must be one of {', '.join(INTERVALS)}"
            return None
        price = cls(amount, currency, interval)
        if interval is not None and every is not None:
            most = MAX_INTERVAL_YEARS * INTERVALS[interval] if reader.strict else MAX_COUNT
            price = price._replace(every=reader.count(every, f"{path}.every", most))
        elif interval is None and days is not None:
            most = MAX_DAYS if reader.strict else MAX_COUNT
            price = price._replace(days=reader.count(days, f"{path}.days", most))
        if reader.strict:
            from entitlements.price_checks import contradictions, refused_by_razorpay

            found = dict(contradictions(data, prepaid))
            if not found and len(reader.faults) == known:
                found = dict(refused_by_razorpay(price))
            reader.faults |= {f"{path}.{key}": fault for key, fault in found.items()}
        return price


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
            return "prepaid"
        return self.price.model if self.price else "free"

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
