"""Retries for commands that make many calls to a throttled table."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE: Final = 10
WAIT: Final = 0.2
MAX_WAIT: Final = 20.0
"""Attempts, and the seconds between them at first and at most: DynamoDB adapts to new load within minutes."""

T = TypeVar("T")


def patiently(call: Callable[[], T], errors: tuple[type[Exception], ...]) -> T:
    """Retry after `errors`, which mean that nothing was written; raises the last of them."""
    for attempt in range(PATIENCE - 1):
        try:
            return call()
        except errors:
            time.sleep(random.uniform(0, min(MAX_WAIT, WAIT * 2**attempt)))  # noqa: S311 - jitter, not a secret
    return call()
