"""Waiting for a table that asks for it, in commands that make many calls."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE: Final = 10
WAIT: Final = 0.2
MAX_WAIT: Final = 20.0
"""Attempts, and seconds to wait between them at first and at most: DynamoDB adapts to new load within minutes."""

T = TypeVar("T")


def patiently(call: Callable[[], T], errors: tuple[type[Exception], ...]) -> T:
    """Call again after `errors` that say that nothing was written, and raise the last of them."""
    for attempt in range(PATIENCE - 1):
        try:
            return call()
        except errors:
            time.sleep(random.uniform(0, min(MAX_WAIT, WAIT * 2**attempt)))  # noqa: S311 - jitter, not a secret
    return call()
