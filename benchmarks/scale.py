"""What many requests a second need and cost on AWS, from the figures measured here: `python -m benchmarks.scale`.

It reads the newest results of `make bench` and, for the mix of decisions, of `make load`. CPU and calls are measured.
What AWS adds stands below as constants, each with its page. Prices are those of us-east-1, without free tiers and
discounts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

from benchmarks.bundles import OURS, ROOT
from benchmarks.figures import spread
from benchmarks.world import Case

RESULTS: Final = ROOT / "benchmarks" / "results"
RATES: Final = (100, 10_000, 100_000)
MONTH: Final = 30 * 86_400
MEMORY_MB: Final = 256
"""The template's default."""
FULL_CORE_MB: Final = 1_769
"""At which a function has one core: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
ROUND_TRIP_MS: Final = 4.0
"""Assumed of one call to DynamoDB from a function, signature and TLS apart: AWS says single-digit milliseconds."""
LOG_BYTES: Final = 330
"""A decision's line."""
LIST: Final[Mapping[str, float]] = {
    "Lambda, requests": 0.20,  # https://aws.amazon.com/lambda/pricing/
    "Lambda, a GB-second (arm64)": 13.3334,
    "DynamoDB, a write unit": 0.625,  # https://aws.amazon.com/dynamodb/pricing/on-demand/
    "DynamoDB, a read unit": 0.125,
    "CloudWatch Logs, a GB": 0.50,  # https://aws.amazon.com/cloudwatch/pricing/
    "Usage, measured": 1.21,  # benchmarks/results/usage-2026-11-30.md
}
"""US dollars for a million, and for one GB of logs."""
BESIDE: Final[Mapping[str, str]] = {
    "[API Gateway's usage plans]"
    "(https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html)": "$0, but "
    "only on REST APIs, which cost $3.50 a million where HTTP APIs cost $1.00 "
    "([prices](https://aws.amazon.com/api-gateway/pricing/)). They are best effort, and AWS advises against relying on "
    "them as limits",
    "[Unkey](https://www.unkey.com/pricing)": "$100 in the smallest paid plan (250,000 requests for $25), $10 in the "
    "largest (100 million for $1,000). Refused requests are free, and so are the first 150,000 a month. This is the "
    "price list of 2025, from its page's "
    "[source](https://github.com/unkeyed/unkey/blob/1afcd01aacc217f867359e9e187ae175e95bdb4b/apps/www/app/pricing/page.tsx)"
    ": look up today's",
}
"""What a million decisions cost elsewhere."""
API_GATEWAY_RPS: Final = 10_000
"""Per account and Region, adjustable: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
CONCURRENCY: Final = 1_000
"""Per account and Region, adjustable: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
RPS_PER_CONCURRENCY: Final = 10
"""Invocations a second for each unit of the concurrency quota, however short they are (the same page)."""
TABLE_WRITES: Final = 40_000
"""Units a second of one table on demand, adjustable:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
"""
ITEM_WRITES: Final = 1_000
"""Units a second of one partition key; not adjustable:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""
NEW_TABLE_WRITES: Final = 4_000
"""What a table on demand takes at once before it has grown:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
"""


@dataclass(frozen=True)
class Decision:
    """One kind of decision. `cpu_us` on a whole core."""

    name: str
    cpu_us: float
    writes: float
    reads: float

    @property
    def milliseconds(self) -> float:
        """How long a function works on it: CPU at the function's share of a core, and the call."""
        return self.cpu_us / 1e3 * FULL_CORE_MB / MEMORY_MB + ROUND_TRIP_MS * (self.writes + self.reads)

    def costs(self, counted: bool) -> dict[str, float]:
        """US dollars for a million, by item. `counted`: whether its use is counted off the hot path, too."""
        billed_seconds = ceil(self.milliseconds) / 1e3
        return {
            "Lambda": LIST["Lambda, requests"]
            + billed_seconds * MEMORY_MB / 1024 * LIST["Lambda, a GB-second (arm64)"],
            "DynamoDB": self.writes * LIST["DynamoDB, a write unit"] + self.reads * LIST["DynamoDB, a read unit"],
            "logs": LOG_BYTES * 1e6 / 1e9 * LIST["CloudWatch Logs, a GB"],
            "usage": LIST["Usage, measured"] if counted else 0.0,
        }


def decisions(bench: Mapping[str, Any]) -> list[Decision]:
    """From the figures of `make bench`."""
    cpu = {case: spread(bench["warm"]["cpu_us"][case][OURS]).median for case in Case}
    return [
        Decision("allow", cpu[Case.ALLOW], 1, 0),
        Decision("deny a user over the limit", cpu[Case.QUOTA], 0, 1),
        Decision("deny a visitor over the limit", cpu[Case.VISITOR], 0, 0),
        Decision("deny a bad token", cpu[Case.BAD_SIGNATURE], 0, 0),
    ]


@dataclass(frozen=True)
class Need:
    """What a rate of allowed requests needs."""

    rate: int
    busy: float
    """Containers that work at a time."""
    dollars_a_month: float
    binding: list[str]
    """Default quotas that it reaches, the first to be reached first."""


def need(rate: int, allow: Decision) -> Need:
    """Of so many allowed requests a second."""
    busy = rate * allow.milliseconds / 1e3
    invocations = rate / RPS_PER_CONCURRENCY / CONCURRENCY
    quotas = [
        (rate / API_GATEWAY_RPS, f"API Gateway's {API_GATEWAY_RPS:,} requests a second"),
        (
            invocations,
            f"{RPS_PER_CONCURRENCY} invocations a second for each of Lambda's {CONCURRENCY:,} concurrent executions",
        ),
        (busy / CONCURRENCY, f"Lambda's {CONCURRENCY:,} concurrent executions"),
        (rate / TABLE_WRITES, f"a table's {TABLE_WRITES:,} writes a second"),
    ]
    reached = [text for use, text in sorted(quotas, key=lambda quota: -quota[0]) if use >= 1]
    return Need(rate, busy, sum(allow.costs(True).values()) * rate * MONTH / 1e6, reached)


def render(bench: Mapping[str, Any], load: Mapping[str, Any]) -> str:
    """The page."""
    return "\n".join(_lines(bench, load)) + "\n"


def _lines(bench: Mapping[str, Any], load: Mapping[str, Any]) -> Iterator[str]:
    kinds = decisions(bench)
    yield f"""\
# What it takes and costs on AWS, from the figures of {bench["date"]}

Functions of {MEMORY_MB} MB (arm64), a round trip to DynamoDB of {ROUND_TRIP_MS:g} ms (assumed), list prices of
us-east-1 without free tiers. API Gateway's own price comes on top, whoever decides. `python -m benchmarks.scale` writes
this page.
"""
    yield "## A million decisions"
    yield "| decision | a function's time, ms | Lambda | DynamoDB | logs | usage | in all |"
    yield "|" + " --- |" * 7
    for kind in kinds:
        costs = kind.costs(kind.writes > 0)
        row = " | ".join(f"${value:.2f}" for value in (*costs.values(), sum(costs.values())))
        yield f"| {kind.name} | {kind.milliseconds:.1f} | {row} |"
    yield ""
    yield "Beside it:"
    yield ""
    yield from (f"- {name}: {text}." for name, text in BESIDE.items())
    yield ""
    yield "## Rates"
    yield "| allowed requests a second | containers at work | a month | default quotas in the way, the first first |"
    yield "|" + " --- |" * 4
    for found in (need(rate, kinds[0]) for rate in RATES):
        limits = "; ".join(found.binding) or "none"
        yield f"| {found.rate:,} | {ceil(found.busy):,} | ${found.dollars_a_month:,.0f} | {limits} |"
    yield f"""
All of these can be raised. What cannot: one user or address takes {ITEM_WRITES:,} writes a second. A new table
takes {NEW_TABLE_WRITES:,} at once, and twice its last peak after that: warm it before a launch. Lambda adds 1,000
containers to a function every 10 seconds.
"""
    yield from _mix(load)


def _mix(load: Mapping[str, Any]) -> Iterator[str]:
    count, counts = sum(load["reasons"].values()), "**wrong**" if load["wrong"] else "exact"
    rate = count / load["seconds"]
    yield f"""\
## The mix that was run
`make load`: {count:,} requests by {load["gates"]} containers on this machine, {rate:,.0f} a second. The
counts of {load["subjects"]:,} users and visitors were {counts}. Calls to the table for a decision:

| reason | share | calls |
| --- | --- | --- |"""
    for reason, number in load["reasons"].items():
        yield f"| `{reason}` | {number / count:.1%} | {load['calls'][reason]:.2f} |"


def newest(pattern: str) -> dict[str, Any]:
    """The newest results whose file's name fits."""
    found = sorted(RESULTS.glob(pattern))
    if not found:
        raise SystemExit(f"scale: no {pattern} in benchmarks/results: run make bench and make load first")
    data: dict[str, Any] = json.loads(found[-1].read_text())
    return data


def main() -> None:
    """Write the page."""
    bench, load = newest("2*.json"), newest("load-*.json")
    path: Path = RESULTS / f"scale-{bench['date']}.md"
    path.write_text(render(bench, load))
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
