"""How the table fails. What is refused is in `entitlements/refusals.py`."""

from collections.abc import Sequence

from entitlements.items import StoreUnavailable


class Busy(Exception):
    """Others kept changing the same item; nothing was written, and the same call may be made again."""


class Throttled(StoreUnavailable):
    """The table asks for patience; nothing was written, and the same call may be made again after a while."""


class ConditionFailed(Exception):
    """A conditional write met another state than the one it was made for; nothing was written."""

    def __init__(self, failed: Sequence[bool] = (True,)) -> None:
        """`failed` tells of each action of the transaction whether its condition failed."""
        super().__init__("the state was another than expected")
        self.failed = tuple(failed)

    def of_the_last(self, count: int) -> bool:
        """Whether one of the last so many actions was refused."""
        return any(self.failed[len(self.failed) - count :])
