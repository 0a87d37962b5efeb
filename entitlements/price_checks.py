"""Whether a plan can be sold at its price. Checked when a file is applied, and never in a stored solution."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from entitlements.currencies import exponent, readable
from entitlements.plans import Price

MIN_AMOUNTS: Final[Mapping[str, int]] = {"INR": 100}
"""The smallest amount that Razorpay accepts, in the smallest unit: "The amount must be at least INR 1.00". It documents
none for other currencies: https://razorpay.com/docs/api/orders/create/
"""
MIN_DAILY_INTERVAL: Final = 7
"""The smallest `interval` of a daily plan: https://razorpay.com/docs/api/payments/subscriptions/create-plan/"""


def contradictions(settings: Mapping[Any, Any], prepaid: bool) -> Iterator[tuple[str, str]]:
    """Settings of a price that contradict each other: each key, and what is wrong with it."""
    interval, every, days = (settings.get(key) for key in ("interval", "every", "days"))
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


def refused_by_razorpay(price: Price) -> Iterator[tuple[str, str]]:
    """What Razorpay would refuse an order or a subscription for: each key, and what is wrong with it."""
    if price.interval == "day" and price.every < MIN_DAILY_INTERVAL:
        yield "every", f"must be at least {MIN_DAILY_INTERVAL} with interval: day: Razorpay accepts no shorter one"
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
