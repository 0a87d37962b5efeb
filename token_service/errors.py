"""Errors of the table. Refusals are in `entitlements/refusals.py`."""

from collections.abc import Sequence

from entitlements.items import StoreUnavailable


class Busy(Exception):
    """Other writers kept changing the same item. Nothing was written; the call can be retried."""


class Throttled(StoreUnavailable):
    """DynamoDB throttled the call. Nothing was written; the call can be retried after a while."""


class ConditionFailed(Exception):
    """The condition of a write did not hold. Nothing was written."""

    def __init__(self, failed: Sequence[bool] = (True,)) -> None:
        """`failed` says, for each action of the transaction, whether its condition failed."""
        super().__init__("a condition of the write did not hold")
        self.failed = tuple(failed)

    def of_the_last(self, count: int) -> bool:
        """Whether the condition of any of the last `count` actions failed."""
        return any(self.failed[len(self.failed) - count :])
