"""Errors of the table. Refusals are in `entitlements/refusals.py`."""

from entitlements.items import StoreUnavailable


class Busy(Exception):
    """Other writers kept changing the same item. Nothing was written; the call can be retried."""


class Throttled(StoreUnavailable):
    """DynamoDB throttled the call. Nothing was written; the call can be retried after a while."""


class ConditionFailed(Exception):
    """The condition of a write did not hold. Nothing was written."""
