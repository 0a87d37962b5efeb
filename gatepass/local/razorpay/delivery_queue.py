"""Which event is posted when, and which again. Pure: the time is handed in, and nothing is sent."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from gatepass.local.razorpay.faults import Faults
from gatepass.local.razorpay.webhooks import Delivery

# Razorpay retries for 24 hours, ever more slowly: https://razorpay.com/docs/webhooks/. Here nobody wants to wait.
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each retry
SHUFFLE_SECONDS = 0.5


@dataclass(frozen=True, order=True)
class PostingTask:
    """One post of an event that is to be made: when, in seconds, and after how many failures."""

    due: float
    number: int
    failures: int
    delivery: Delivery


class DeliveryQueue:
    """Events that are to be posted, in the order in which they happened unless `faults` say otherwise."""

    def __init__(self, pauses: Sequence[float] = PAUSES, random: Random | None = None) -> None:
        self.faults = Faults()
        self._pauses = tuple(pauses)
        self._random = random or Random()  # noqa: S311 - an order of events is no secret
        self._tasks: list[PostingTask] = []
        self._held: dict[str, list[Delivery]] = defaultdict(list)
        self._number = 0

    def add(self, delivery: Delivery, now: float) -> None:
        """Queue an event that happens now."""
        payment_id = _payment_id(delivery)
        is_refund = delivery.event.startswith("refund.")
        if self.faults.refund_first and payment_id and not is_refund:
            self._held[payment_id].append(delivery)
            return
        self._push(delivery, now)
        if is_refund:
            self._release(payment_id, now)

    def change(self, faults: Faults, now: float) -> None:
        """Set the faults. What waits for a refund is let go if it no longer has to."""
        self.faults = faults
        if not faults.refund_first:
            for payment_id in list(self._held):
                self._release(payment_id, now)

    def take(self, now: float) -> PostingTask | None:
        """The next post that is due, if there is one. It is no longer in the queue."""
        return heapq.heappop(self._tasks) if self._tasks and self._tasks[0].due <= now else None

    def retry(self, task: PostingTask, now: float) -> bool:
        """Queue a post that failed again, after a longer pause each time; false if it has failed too often."""
        if task.failures == len(self._pauses):
            return False
        self._number += 1
        due = now + self._pauses[task.failures]
        heapq.heappush(self._tasks, PostingTask(due, self._number, task.failures + 1, task.delivery))
        return True

    def next_due(self) -> float | None:
        """When the next post is due, or None if there is none."""
        return self._tasks[0].due if self._tasks else None

    def _release(self, payment_id: str | None, now: float) -> None:
        for delivery in self._held.pop(payment_id or "", ()):
            self._push(delivery, now)

    def _push(self, delivery: Delivery, now: float) -> None:
        for _ in range(self.faults.times):
            shift = self._random.uniform(0, SHUFFLE_SECONDS) if self.faults.shuffle else 0.0
            self._number += 1
            heapq.heappush(self._tasks, PostingTask(now + self.faults.late_seconds + shift, self._number, 0, delivery))


def _payment_id(delivery: Delivery) -> str | None:
    payload = json.loads(delivery.body)["payload"]
    return str(payload["payment"]["entity"]["id"]) if "payment" in payload else None
