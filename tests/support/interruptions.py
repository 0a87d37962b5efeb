"""Failures of one call among the many to DynamoDB and Razorpay: before it was carried out, or after."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The container ended in the middle of what it did. No handler of exceptions may run on after it."""


class Ending(StrEnum):
    """What happens at the call."""

    KILLED = "killed"
    UNANSWERED = "unanswered"
    """The service gets no answer, and goes on with that."""


class Interruptions:
    """Counts the calls, and interrupts one."""

    def __init__(self) -> None:
        self.calls, self._fatal, self._after, self._ending = 0, 0, False, Ending.KILLED

    def at(self, number: int, after: bool = False, ending: Ending = Ending.KILLED) -> None:
        """Interrupt the number-th call from now on; 0: none."""
        self.calls, self._fatal, self._after, self._ending = 0, number, after, ending

    def around(self, call: Callable[[], Answer], unanswered: Callable[[], Exception]) -> Answer:
        """Carry a call out, unless it is the one."""
        self.calls += 1
        if self.calls != self._fatal:
            return call()
        if self._after:
            call()
        raise Killed if self._ending is Ending.KILLED else unanswered()


class InterruptedClient:
    """A boto3 client under interruptions."""

    def __init__(self, client: Any, interruptions: Interruptions) -> None:
        self._client, self._interruptions = client, interruptions

    def __getattr__(self, name: str) -> Any:
        from botocore.exceptions import EndpointConnectionError

        value = getattr(self._client, name)
        if not callable(value):
            return value
        return lambda **parameters: self._interruptions.around(
            lambda: value(**parameters), lambda: EndpointConnectionError(endpoint_url="gone")
        )
