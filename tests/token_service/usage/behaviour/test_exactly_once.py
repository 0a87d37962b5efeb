"""Random histories through DynamoDB's own stream: every unit, user, and visitor is counted, and counted once, however
the records are delivered.
"""

import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest

from entitlements.decision import Holder, Subject, Visitor
from entitlements.plans import ANONYMOUS
from entitlements.solution import Solution
from entitlements.spend import spend
from entitlements.windows import windows_at
from tests.support.streamed import Raw, Streamed, deliver_anyhow, deliver_at_once, deliver_in_order
from token_service.access.grants import Access
from token_service.access.records import Entitlement
from token_service.stream_handler import Consumer
from token_service.usage.totals import total

HISTORIES = 6
DAY = 86_400


class History:
    """What happens in one solution, and the units that were spent, by day and plan."""

    def __init__(self, streamed: Streamed, seed: int) -> None:
        self.rng, self.streamed, self.table = random.Random(seed), streamed, streamed.table
        self.solution: Solution = self.table.put_solution(solution_id=f"solution-{seed}")
        self.access = Access(streamed.repository, time.time, "operator")
        self.now = time.time()
        self.users: list[str] = []
        self.spent: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.registered = 0

    def run(self, steps: int) -> None:
        acts = (
            self.visit,
            self.visit,
            self.request,
            self.request,
            self.request,
            self.register,
            self.change,
            self.sleep,
        )
        for _ in range(steps):
            self.rng.choice(acts)()

    def register(self) -> None:
        user = str(uuid.UUID(int=self.rng.getrandbits(128)))
        self.users.append(user)
        if self.rng.random() < 0.5:
            self.access.grant(user, self.solution.solution_id)
            self.registered += 1
        else:  # moved here with counters, of which nothing was spent here
            counter = windows_at(self.now, "UTC").open["day"].counter
            moved = Entitlement(
                user, self.solution.solution_id, "active", "registered", "", total=9, counters={counter: 4}
            )
            assert self.access.move_in(moved)
        self.table.client.update_item(
            TableName=self.table.name,
            Key={"pk": {"S": f"user#{user}"}, "sk": {"S": f"solution#{self.solution.solution_id}"}},
            UpdateExpression="SET jti = :jti",
            ExpressionAttributeValues={":jti": {"S": "j"}},
        )

    def visit(self) -> None:
        self._spend(Visitor(f"{self.solution.solution_id}-address-{self.rng.randint(1, 4)}"))

    def request(self) -> None:
        if self.users:
            self._spend(Holder(self.rng.choice(self.users), "j"))

    def change(self) -> None:
        if self.users:
            plan = self.rng.choice(["registered", "pro"])
            paid_until = int(time.time()) + 400 * DAY if plan == "pro" else None
            self.access.set_plan(self.rng.choice(self.users), self.solution.solution_id, plan, paid_until)

    def sleep(self) -> None:
        self.now += self.rng.choice([DAY // 2, DAY, 3 * DAY])

    def _spend(self, subject: Subject) -> None:
        windows = windows_at(self.now, "UTC")
        cost = self.rng.randint(0, 2)
        request = spend(subject, self.solution, windows, cost, int(self.now), self.rng.randbytes(6))
        applied, item = self.table.store.update_item(request)
        if applied and cost and item is not None:
            day = windows.open["day"].counter[1:]
            visitor = isinstance(subject, Visitor)
            self.spent[day][f"units#{ANONYMOUS if visitor else item['plan']}"] += cost
            self.seen[day]["visitors" if visitor else "users"].add(item["pk"])

    @property
    def expected(self) -> dict[str, dict[str, int]]:
        return {
            day: dict(units) | {kind: len(who) for kind, who in self.seen[day].items()}
            for day, units in sorted(self.spent.items())
        }


@pytest.fixture(scope="module")
def histories(dynamodb_local_endpoint: str) -> tuple[Streamed, list[tuple[History, list[Raw]]]]:
    """Histories that happened in one table, each with its part of the stream."""
    streamed = Streamed(dynamodb_local_endpoint)
    happened = []
    for seed in range(HISTORIES):
        history = History(streamed, seed)
        history.run(80)
        happened.append((history, streamed.stream.read()))
    return streamed, happened


Deliver = Callable[[Consumer, Sequence[Raw], random.Random], None]
DELIVERIES: list[Deliver] = [deliver_in_order, deliver_at_once, deliver_anyhow]


@pytest.mark.parametrize("deliver", DELIVERIES)
def test_each_unit_is_counted_once(
    histories: tuple[Streamed, list[tuple[History, list[Raw]]]], deliver: Deliver
) -> None:
    streamed, happened = histories
    for history, records in happened[DELIVERIES.index(deliver) :: len(DELIVERIES)]:
        assert len(records) > 30
        rng = random.Random(history.solution.solution_id)
        deliver(streamed.consumer(rng, rate=0.1), records, rng)
        counted = streamed.solution_days(history.solution.solution_id)
        usage = {day: _usage(counts) for day, counts in counted.items() if _usage(counts)}
        if deliver is deliver_anyhow:  # which plan spent what can only be told in order
            assert _without_plans(usage) == _without_plans(history.expected)
        else:
            assert usage == history.expected
        assert usage == streamed.subject_days(history.solution.solution_id)
        assert total(counted.values())["registrations"] == history.registered
        # Everything again, in any order: nothing changes.
        deliver_anyhow(streamed.consumer(), records, rng)
        assert streamed.solution_days(history.solution.solution_id) == counted


def _usage(counts: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if name.startswith("units#") or name in ("users", "visitors")}


def _without_plans(days: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    merged: dict[str, dict[str, int]] = {}
    for day, counts in days.items():
        merged[day] = defaultdict(int)
        for name, number in counts.items():
            merged[day][name.partition("#")[0]] += number
    return merged
