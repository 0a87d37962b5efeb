"""Prices: what a plan costs, how often it is paid, and what Razorpay accepts.

The gate reads prices only as part of a solution, so nothing here runs in a decision.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from entitlements.mapping_reader import MAX_COUNT, MappingReader

MAX_DAYS: Final = 3650
"""The longest one-off period, ten years. A price without a period never ends."""
MIN_AMOUNTS: Final[Mapping[str, int]] = {"INR": 100}
"""The smallest amount that Razorpay accepts, in the smallest unit: "The amount must be at least INR 1.00". It documents
none for other currencies: https://razorpay.com/docs/api/orders/create/
"""
MIN_DAILY_INTERVAL: Final = 7
"""The smallest `interval` of a daily plan: https://razorpay.com/docs/api/payments/subscriptions/create-plan/"""
SUBSCRIPTION_YEARS: Final = 30
"""The length of a subscription.

Razorpay's pages contradict each other. A subscription lasts at most
- 100 years: https://razorpay.com/docs/api/payments/subscriptions/create-subscription/
- 30 years: https://razorpay.com/docs/payments/subscriptions/create-subscription-links/
- until 2120 (`end_time` up to 4765046400), explained as 10 years:
  https://razorpay.com/docs/payments/subscriptions/integration-guide/
100 years from today end after 2120, and the payment fails. 30 years satisfy every number given until 2090.
"""
INTERVALS: Final[Mapping[str, int]] = {"day": 365, "week": 52, "month": 12, "year": 1}
"""Each interval of a recurring price, and how many of it a year has; years of 52 weeks never make one too long."""
MAX_INTERVAL_YEARS: Final = 3
"""The longest time between two payments, so that a typing error in `every` is noticed."""


class PricingModel(StrEnum):
    """How a plan is paid for."""

    FREE = "free"
    ONCE = "once"
    """Paid once, and never ends."""
    DAYS = "days"
    """Paid once for a number of days."""
    RECURRING = "recurring"
    PREPAID = "prepaid"
    """Paid for a number of requests."""


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
            return PricingModel.RECURRING
        return PricingModel.DAYS if self.days else PricingModel.ONCE

    @property
    def total_count(self) -> int | None:
        """The billing cycles of a new subscription, Razorpay's `total_count`; None for a price that does not recur."""
        return max(1, SUBSCRIPTION_YEARS * INTERVALS[self.interval] // self.every) if self.interval else None

    @property
    def readable_amount(self) -> str:
        """The amount alone: `₹499.00`."""
        from entitlements.currencies import readable  # the gate shows no prices, and starts without it

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
        if reader.strict:
            reader.faults |= {f"{path}.{key}": fault for key, fault in _unfit(interval, every, days, prepaid)}
        price = cls(amount, currency, interval)
        if interval is not None and every is not None:
            most = MAX_INTERVAL_YEARS * INTERVALS[interval] if reader.strict else MAX_COUNT
            price = price._replace(every=reader.count(every, f"{path}.every", most))
        elif interval is None and days is not None:
            most = MAX_DAYS if reader.strict else MAX_COUNT
            price = price._replace(days=reader.count(days, f"{path}.days", most))
        if reader.strict and len(reader.faults) == known:
            reader.faults |= {f"{path}.{key}": fault for key, fault in _refused_by_razorpay(price)}
        return price


def _unfit(interval: str | None, every: object, days: object, prepaid: bool) -> Iterator[tuple[str, str]]:
    """Settings that contradict each other."""
    if every is not None and interval is None:
        yield "every", "needs an interval: add one (interval: month), or remove every"
    if prepaid:
        credits = "cannot be combined with credits, which do not lapse: remove this, or credits"
        if interval is not None:
            yield "interval", credits
        if days is not None:
            yield "days", credits
    elif interval is not None and days is not None:
        yield "days", "cannot be combined with interval: remove days (recurring), or interval (paid once)"


def _refused_by_razorpay(price: Price) -> Iterator[tuple[str, str]]:
    """What a payment would fail for."""
    from entitlements.currencies import exponent, readable

    if price.interval == "day" and price.every < MIN_DAILY_INTERVAL:
        yield "every", f"must be at least {MIN_DAILY_INTERVAL} with interval: day, the shortest that Razorpay accepts"
    least = MIN_AMOUNTS.get(price.currency, 1)
    if price.amount < least:
        yield "amount", f"must be at least {least} ({readable(least, price.currency)}), the least that Razorpay accepts"
    # https://razorpay.com/docs/api/orders/create/: "pass the last decimal number as 0 for three decimal currency"
    elif exponent(price.currency) == 3 and price.amount % 10:
        rounded = price.amount // 10 * 10 + 10
        yield (
            "amount",
            f"must end in 0: {price.currency} has three decimals, of which Razorpay accepts two. "
            f"For {readable(rounded, price.currency)}, write {rounded}",
        )
