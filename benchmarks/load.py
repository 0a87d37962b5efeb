"""Several containers at the machine's limit on one table, for ten minutes: `python -m benchmarks.load`.

Thousands of users of all tiers, visitors, one user and one address that everybody hammers, and storms of bad tokens,
unknown keys, and unknown APIs, on DynamoDB Local. At the end the count of every single user and visitor must be exact,
and no container may have grown.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.bundles import ROOT
from benchmarks.load_crowd import CREDITS, PLANS, Orders, plan_of
from benchmarks.stage import CREDENTIALS, REGION
from benchmarks.tables import Client
from benchmarks.world import configuration, entitlement, key_ring, user_id
from entitlements.address import address_hash
from entitlements.items import Item, from_wire, visitor_key
from entitlements.solution import read_solution
from tests.support.emulators import dynamodb_local
from tests.support.signer import SOLUTION, ring

TABLE: Final = "load"
GROWTH_MIB: Final = 8.0
"""What a container may grow by after the first quarter of a run. A leak of 100 bytes a request would come to 20."""


class Limits(NamedTuple):
    """What a subject may do in a day at most, and in all."""

    day: int | None
    total: int | None

    def allows(self, attempts: int) -> int:
        """How many of so many requests in one day pass."""
        return min([attempts, *(limit for limit in self if limit is not None)])


def limits_of(plan: str) -> Limits:
    """Of a plan in `PLANS`."""
    limits = PLANS[plan].get("limits", {})
    total = CREDITS if "credits" in PLANS[plan] else limits.get("lifetime", limits.get("month"))
    return Limits(limits.get("day"), total)


class Outcome(NamedTuple):
    """What a run came to."""

    seconds: float
    gates: Sequence[Mapping[str, Any]]
    wrong: Sequence[str]
    """One sentence for each count that is not exact."""
    subjects: int
    spent: int
    """Those that reached a limit."""

    @property
    def grown_mib(self) -> float:
        """The most that a container grew by after the first quarter of its time."""
        return max(_grown(gate["resident_mib"]) for gate in self.gates)

    @property
    def passed(self) -> bool:
        """Whether every count is exact and nothing grew."""
        return not self.wrong and self.grown_mib <= GROWTH_MIB

    @property
    def reasons(self) -> Counter[str]:
        """Decisions by reason."""
        return sum((Counter(gate["reasons"]) for gate in self.gates), Counter[str]())

    def to_json(self) -> dict[str, Any]:
        """For `benchmarks.scale`."""
        reasons = self.reasons
        calls = {
            reason: sum(gate["calls"].get(reason, 0) * gate["reasons"].get(reason, 0) for gate in self.gates) / count
            for reason, count in reasons.items()
        }
        return {
            "seconds": self.seconds,
            "gates": len(self.gates),
            "subjects": self.subjects,
            "spent": self.spent,
            "wrong": list(self.wrong),
            "grown_mib": self.grown_mib,
            "reasons": dict(reasons.most_common()),
            "calls": calls,
            "cpu_us": sum(gate["cpu_seconds"] for gate in self.gates) / reasons.total() * 1e6,
            "p50_ms": [list(gate["p50_ms"]) for gate in self.gates],
            "p99_ms": [list(gate["p99_ms"]) for gate in self.gates],
        }

    def report(self) -> str:
        """In lines."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        data, count = self.to_json(), self.reasons.total()
        rate = count / self.seconds
        yield f"{count:,} requests in {self.seconds:.0f} s by {len(self.gates)} containers: {rate:,.0f} a second"
        for reason, number in self.reasons.most_common():
            yield f"  {reason:<26} {number:>9,}   {data['calls'][reason]:.3f} calls"
        yield f"counts of {self.subjects:,} users and visitors, {self.spent:,} of them at a limit: " + (
            "exact" if not self.wrong else f"{len(self.wrong):,} WRONG"
        )
        yield from self.wrong[:20]
        yield f"memory: grew by at most {self.grown_mib:.1f} MiB after the first quarter ({GROWTH_MIB:g} allowed)"
        for name in ("p50_ms", "p99_ms"):
            first, last = (median(v for row in data[name] for v in part(row)) for part in (_first_third, _last_third))
            yield f"{name[:3]} of an allow: {first:.1f} ms in the first third, {last:.1f} ms in the last"


def _first_third(row: Sequence[float]) -> Sequence[float]:
    return row[: max(1, len(row) // 3)]


def _last_third(row: Sequence[float]) -> Sequence[float]:
    return row[-max(1, len(row) // 3) :]


def _grown(resident: Sequence[float]) -> float:
    return max(resident[len(resident) // 4 :], default=0) - next(iter(resident[len(resident) // 4 :]), 0)


def run(endpoint: str, seconds: float, users: int, visitors: int, gates: int) -> Outcome:
    """Fill a table, let the containers run, and compare every count. `endpoint` is DynamoDB Local's."""
    client, table = Client(endpoint), f"{TABLE}-{time.time_ns()}"
    client.create(table)
    client.write(table, _items(users))
    environment = CREDENTIALS | {
        "GATEPASS_TABLE": table,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "benchmarks.load_gate"]
    processes = []
    for n in range(gates):
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        if process.stdin is not None:
            json.dump(asdict(Orders(n, seconds, users, visitors)), process.stdin)
            process.stdin.close()
    seen = []
    for process in processes:
        answer = process.stdout.read() if process.stdout is not None else ""
        if process.wait() != 0:
            raise SystemExit("load: a container ended early; what it said stands above")
        seen.append(json.loads(answer))
    wrong, spent = _compare(seen, _stored(Client(endpoint), table), users)
    subjects = len(set().union(*(gate["attempts"] for gate in seen)))
    return Outcome(seconds, seen, wrong, subjects, spent)


def _items(users: int) -> Iterator[Item]:
    solution = read_solution(
        {
            "solution_id": SOLUTION,
            "name": "Load",
            "marketplace_url": "https://marketplace.example.com/",
            "default_plan": "registered",
            "plans": PLANS,
            "costs": {"GET /health": 0},
        }
    )
    yield from [key_ring(), *configuration(solution)]
    for n in range(users + 1):
        plan = plan_of(n, users)
        yield entitlement(user_id(n), plan=plan) | ({"granted": CREDITS} if plan == "pack" else {})


def _stored(client: Client, table: str) -> dict[str, Item]:
    """The items that count, by partition key without its kind."""
    found, start = dict[str, Item](), dict[str, Any]()
    while True:
        page = client.call("Scan", {"TableName": table, "ConsistentRead": True, **start})
        for item in map(from_wire, page["Items"]):
            kind, _, subject = item["pk"].partition("#")
            if kind in ("user", "ip"):
                found[subject] = item
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _compare(seen: Sequence[Mapping[str, Any]], stored: Mapping[str, Item], users: int) -> tuple[list[str], int]:
    attempts, allowed, lost = (
        sum((Counter(gate[name]) for gate in seen), Counter[str]()) for name in ("attempts", "allowed", "unavailable")
    )
    plans = {user_id(n): plan_of(n, users) for n in range(users + 1)}
    wrong, spent = list[str](), 0
    for subject, tried in attempts.items():
        plan = plans.get(subject, "anonymous")
        key = subject if subject in plans else visitor_key(address_hash(ring().address_key, subject), SOLUTION).subject
        item = stored.get(key, {})
        total, days = (
            item.get("total", 0),
            [count for name, count in item.items() if name[0] == "d" and name[1:].isdigit()],
        )
        limits = limits_of(plan)
        spent += allowed[subject] < tried
        # A request whose answer was lost may have been counted, and is told as refused.
        if not allowed[subject] <= total <= allowed[subject] + lost[subject]:
            wrong.append(f"{subject} ({plan}): {allowed[subject]} passed, {total} counted")
        elif sum(days) != total or any(limits.day is not None and day > limits.day for day in days):
            wrong.append(f"{subject} ({plan}): {days} in its days, {total} in all")
        elif len(days) < 2 and total < limits.allows(tried) - lost[subject]:
            wrong.append(f"{subject} ({plan}): {tried} tried, {total} counted, of {limits}")
        elif limits.total is not None and total > limits.total:
            wrong.append(f"{subject} ({plan}): {total} counted, over {limits}")
    return wrong, spent


def main() -> None:
    """Run, report, and fail if a count is wrong or a container grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--visitors", type=int, default=3_000)
    parser.add_argument("--gates", type=int, default=3, help="containers: processes with the product's handler")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="keep the figures there, as load-DATE.json")
    options = parser.parse_args()
    with dynamodb_local() as endpoint:
        outcome = run(endpoint, options.seconds, options.users, options.visitors, options.gates)
    print(outcome.report())
    if options.results:
        path = options.results / f"load-{datetime.now(UTC):%Y-%m-%d}.json"
        path.write_text(json.dumps(outcome.to_json(), indent=1) + "\n")
    sys.exit(0 if outcome.passed else 1)


if __name__ == "__main__":
    main()
