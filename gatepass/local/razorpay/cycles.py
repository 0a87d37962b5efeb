"""When the billing cycles of a subscription begin.

As in the samples at https://razorpay.com/docs/webhooks/subscriptions/, the first cycle begins with the first charge,
and each later one at midnight in India.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, time, timedelta, timezone

INDIA = timezone(timedelta(hours=5, minutes=30))
# `daily` is at least 7: https://razorpay.com/docs/api/payments/subscriptions/create-plan/
MIN_INTERVAL = {"daily": 7, "weekly": 1, "monthly": 1, "quarterly": 1, "yearly": 1}
_DAYS = {"daily": 1, "weekly": 7}
_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}


def cycle_start(anchor: int, period: str, interval: int, number: int) -> int:
    """When cycle `number` (0, 1, …) begins if the first one begins at `anchor`. Both are Unix seconds.

    The months of a subscription from the 31st begin on the last day where a month has no 31st.
    """
    if number == 0:
        return anchor
    first = datetime.fromtimestamp(anchor, INDIA).date()
    if period in _DAYS:
        day = first + timedelta(days=_DAYS[period] * interval * number)
    else:
        years, month = divmod(first.month - 1 + _MONTHS[period] * interval * number, 12)
        year, month = first.year + years, month + 1
        day = first.replace(year=year, month=month, day=min(first.day, monthrange(year, month)[1]))
    return int(datetime.combine(day, time(), INDIA).timestamp())
