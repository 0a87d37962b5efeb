"""A process that ends at any of its AWS calls, before or after the call was carried out."""

from collections.abc import Callable, Iterator
from typing import Any


class PowerCut(BaseException):
    """The process is gone: nothing of the code under test puts anything in order."""


class Power:
    """Watches the calls of boto3 clients; `calls` names those of the present run."""

    def __init__(self, *clients: Any) -> None:
        self.calls: list[str] = []
        self._at, self._after = 0, False
        for client in clients:
            client.meta.events.register("before-call.*", self._before_call)
            client.meta.events.register("after-call.*", self._after_call)

    def _before_call(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        if len(self.calls) == self._at and not self._after:
            raise PowerCut(model.name)

    def _after_call(self, **_: Any) -> None:
        if len(self.calls) == self._at and self._after:
            raise PowerCut(self.calls[-1])

    def cuts(self, run: Callable[[], object], setup: Callable[[], object]) -> Iterator[str]:
        """Cut `run` off at each of its calls in turn, after a `setup` each time; yields where, with the power back."""
        for after in (False, True):
            at, done = 0, False
            while not done:
                at += 1
                self._at = 0
                setup()
                self.calls.clear()
                self._at, self._after = at, after
                try:
                    run()
                    done = True
                except PowerCut as cut:
                    self._at = 0
                    yield f"{'after' if after else 'before'} call {at}, {cut}"
        self._at = 0
