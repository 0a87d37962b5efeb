"""Handles SIGTERM and SIGHUP, from a supervisor or a closed terminal, like Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ENDING: Final = tuple(number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP"))
"""Windows has no SIGHUP."""


class Interruption:
    """Whether a signal asked this process to end.

    The `KeyboardInterrupt` that a signal raises can be lost: Python discards what is raised in a finalizer or a weak
    reference's callback, and a library may catch it. Code that is about to wait therefore calls `check`.
    """

    def __init__(self) -> None:
        self.came = False

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if a signal came."""
        if self.came:
            raise KeyboardInterrupt


@contextmanager
def ending_on_signals() -> Iterator[Interruption]:
    """In the block, SIGTERM and SIGHUP raise `KeyboardInterrupt`, as SIGINT does.

    A signal that is ignored stays ignored: `nohup` and shells rely on that for what they start in the background.
    """
    interruption = Interruption()

    def end(*_: object) -> None:
        interruption.came = True
        raise KeyboardInterrupt

    before = [(number, signal.getsignal(number)) for number in ENDING]
    before = [(number, handler) for number, handler in before if handler is not signal.SIG_IGN]
    try:
        for number, _ in before:
            signal.signal(number, end)
        yield interruption
    finally:
        for number, handler in before:
            signal.signal(number, handler)
