"""Handles SIGTERM and SIGHUP, from a supervisor or a closed terminal, like Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """In the block, SIGTERM and SIGHUP raise `KeyboardInterrupt`, so that they clean up as Ctrl-C does."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = [(number, signal.signal(number, end)) for number in (signal.SIGTERM, signal.SIGHUP)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
