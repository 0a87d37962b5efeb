"""What the control plane refuses, and how it says so."""

from entitlements.items import StoreUnavailable


class Refused(Exception):
    """A request that cannot be done as asked. `code` is stable, the message says what to do instead."""

    def __init__(self, code: str, message: str, retry_after: int | None = None) -> None:
        """Keep both apart: programs read the code, people the message. `retry_after` in seconds."""
        super().__init__(message)
        self.code, self.retry_after = code, retry_after


class Busy(Exception):
    """Others kept changing the same item; nothing was written, and the same call may be made again."""


class Throttled(StoreUnavailable):
    """The table asks for patience; nothing was written, and the same call may be made again after a while."""


class ConditionFailed(Exception):
    """A conditional write met another state than the one it was made for; nothing was written."""
