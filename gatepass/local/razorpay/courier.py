"""The thread that posts events to a webhook's URL by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from random import Random

from gatepass.local.razorpay.delivery_queue import PAUSES, DeliveryQueue, PostingTask
from gatepass.local.razorpay.faults import Faults, SigningSecret
from gatepass.local.razorpay.posting import check_url, post_once
from gatepass.local.razorpay.webhooks import Delivery


class Courier:
    """Posts what it is given in a background thread between `start` and `stop`. Safe for threads.

    Anything but 2xx is tried again after each of `pauses`, in seconds, and then given up. A retry does not hold up the
    events after it, as with Razorpay. `sign_again` returns an event as signed by another secret.
    """

    def __init__(
        self,
        sign_again: Callable[[Delivery, SigningSecret], Delivery],
        *,
        pauses: Sequence[float] = PAUSES,
        random: Random | None = None,
        post: Callable[[Delivery, str], int | None] = post_once,
    ) -> None:
        self._sign_again = sign_again
        self._post = post
        self._queue = DeliveryQueue(pauses, random)
        self._changed = threading.Condition()
        self._url: str | None = None
        self._busy = False
        self._stopping = False
        self._posted: list[tuple[Delivery, int | None]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the post that is under way. What is queued is lost."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def deliver_to(self, url: str | None) -> None:
        """Post events that happen from now on to `url`; to nobody if it is None. Raise `ValueError` for a wrong URL."""
        if url is not None:
            check_url(url)
        with self._changed:
            self._url = url

    def take(self, delivery: Delivery) -> None:
        """Queue an event, if there is a URL."""
        with self._changed:
            if self._url is not None:
                self._queue.add(delivery, time.monotonic())
                self._changed.notify_all()

    def change(self, faults: Faults) -> None:
        """Set how events are delivered from now on."""
        with self._changed:
            self._queue.change(faults, time.monotonic())
            self._changed.notify_all()

    def posted(self) -> list[tuple[Delivery, int | None]]:
        """Every post so far: the event as signed, and the status of the answer, or None if there was none."""
        with self._changed:
            return list(self._posted)

    def wait(self, seconds: float) -> bool:
        """Wait until everything is delivered or given up, but for what is held back; false if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._queue.next_due() is None and not self._busy, seconds)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            delivery, status = task.delivery, None
            with self._changed:
                url, secret = self._url, self._queue.faults.signed_with
            if secret is not SigningSecret.AS_IT_WAS:
                delivery = self._sign_again(delivery, secret)
            if url is not None:
                status = self._post(delivery, url)
            with self._changed:
                self._posted.append((delivery, status))
                if status is None or not 200 <= status < 300:
                    self._queue.retry(task, time.monotonic())
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> PostingTask | None:
        with self._changed:
            while not self._stopping:
                now, due = time.monotonic(), self._queue.next_due()
                task = self._queue.take(now)
                if task is not None:
                    self._busy = True
                    return task
                self._changed.wait(None if due is None else max(due - now, 0.0))
        return None
