"""Ends as Ctrl-C does when the terminal closes or a supervisor says so."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """In the block SIGTERM and SIGHUP raise `KeyboardInterrupt`: what Ctrl-C puts in order, they shall too."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = [(number, signal.signal(number, end)) for number in (signal.SIGTERM, signal.SIGHUP)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
