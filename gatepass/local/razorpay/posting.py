"""Posts deliveries to a webhook's URL: once, twice, late, or shuffled, since Razorpay promises neither order nor once.

https://razorpay.com/docs/webhooks/best-practices/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from random import Random
from urllib.parse import SplitResult, urlsplit

from gatepass.local.razorpay.webhooks import Delivery

TIMEOUT_SECONDS = 5.0  # Razorpay counts a slower answer as a failure


def post(
    deliveries: Sequence[Delivery],
    url: str,
    *,
    times: int = 1,
    late_seconds: float = 0.0,
    shuffle: Random | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[tuple[Delivery, int | None]]:
    """Post every delivery `times` times, in the given order or shuffled, after `late_seconds`.

    Return each delivery as posted with the status of the answer, or None if there was no answer in 5 s. Anything but
    2xx is what Razorpay would retry for 24 hours; here the caller posts it again.
    """
    queue = [delivery for delivery in deliveries for _ in range(times)]
    if shuffle is not None:
        shuffle.shuffle(queue)
    if late_seconds:
        sleep(late_seconds)
    return [(delivery, post_once(delivery, url)) for delivery in queue]


def check_url(url: str) -> SplitResult:
    """The parts of a webhook's URL, or `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not the URL of a webhook: it must begin with http:// or https:// and a host")
    return parts


def post_once(delivery: Delivery, url: str) -> int | None:
    """Post a delivery; return the status of the answer, or None if there was none in 5 s."""
    parts = check_url(url)
    # http.client rather than urllib: a redirect must count as a failure and not be followed.
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=TIMEOUT_SECONDS)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, delivery.body, delivery.headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
