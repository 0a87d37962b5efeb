"""The share of an API's requests that the gate decided: its own count, beside that of API Gateway.

A stage that somebody opened, or whose authorizer is gone, answers without the gate, and the gate cannot tell: it is not
asked. API Gateway counts every request. https://docs.aws.amazon.com/apigateway/latest/developerguide/
api-gateway-metrics-and-dimensions.html (REST), http-api-metrics.html (HTTP), and apigateway-websocket-api-logging.html

What can keep the share below 100% is in docs/operations.md. The decisions come from the decision log by a metric filter
of the template, in a namespace of the stack, with `api_id` and `stage` as dimensions.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

MINUTE: Final = 60
HOURS: Final = 24
EDGE: Final = 60
"""Minutes at each end of these hours among which the quietest is taken as the end. A request may be counted in another
minute than it is decided in, so decisions are summed over a minute more at each end. Those that do not belong there
hide as many requests without a decision: none where a minute is quiet, and less than 0.2% where all are alike."""
DELAY: Final = 10
"""Minutes before now that are left out: both counts arrive late, and not together."""
METRIC: Final = "decisions"


class Call(Protocol):
    """Calls AWS, as `getattr(client(service), operation)(**parameters)` would."""

    def __call__(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make a call."""


class GatedStage(NamedTuple):
    """A stage of an API that the gate decides for."""

    api_id: str
    stage: str


class ApiFacts(NamedTuple):
    """What AWS says of an API. `kind` is REST, HTTP, or WEBSOCKET."""

    kind: str
    name: str


class DecidedShare(NamedTuple):
    """Requests of a stage in the compared time. `preflights` are known only of stages with detailed metrics."""

    stage: GatedStage
    requests: int
    preflights: int
    decisions: int

    @property
    def percent(self) -> float | None:
        """How many of the requests that need a decision got one; None if there were none. Rounded down to 0.01."""
        due = self.requests - self.preflights
        return None if due <= 0 else min(10_000, self.decisions * 10_000 // due) / 100


def namespace(stack: str) -> str:
    """The namespace of the metrics that are made of a stack's logs."""
    return f"Gatepass/{stack}"


def gated_stages(call: Call, stack: str) -> Iterator[GatedStage]:
    """The stages with decisions in the last two weeks, which is as long as ListMetrics remembers.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """
    more: dict[str, str] = {}
    while True:
        wanted: dict[str, Any] = {"Namespace": namespace(stack), "MetricName": METRIC}
        page = call("cloudwatch", "list_metrics", **wanted, **more)
        for metric in page["Metrics"]:
            found = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            if found.keys() == {"api_id", "stage"}:
                yield GatedStage(found["api_id"], found["stage"])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def decided_shares(
    call: Call, stack: str, stages: Iterable[GatedStage], facts: Callable[[str], ApiFacts | None], now: float
) -> Iterator[DecidedShare]:
    """The share of each stage whose API still exists. `facts` describes an API; `now` is in seconds since the epoch."""
    for stage in sorted(set(stages)):
        if (found := facts(stage.api_id)) is not None:
            yield _share(call, stack, stage, found, now)


def _share(call: Call, stack: str, stage: GatedStage, facts: ApiFacts, now: float) -> DecidedShare:
    end = int(now) // MINUTE * MINUTE - DELAY * MINUTE
    begin = end - HOURS * 3600
    series = _minutes(call, _queries(stack, stage, facts), begin - MINUTE, end + MINUTE)
    decisions = series["decisions"]
    # An API that was attached within this time had requests before. Without any decision, none of them was decided.
    first = min((minute for minute, count in decisions.items() if count), default=begin)
    if first >= begin + MINUTE:
        begin = first + MINUTE
    edge = EDGE * MINUTE
    begin = min(range(begin, begin + edge, MINUTE), key=lambda minute: decisions.get(minute - MINUTE, 0))
    end = min(range(end, end - edge, -MINUTE), key=lambda minute: decisions.get(minute, 0))
    requests, preflights = (_sum(series[name], begin, end) for name in ("requests", "preflights"))
    return DecidedShare(stage, requests, preflights, _sum(decisions, begin - MINUTE, end + MINUTE))


def _sum(counts: Mapping[int, float], begin: int, end: int) -> int:
    return int(sum(count for minute, count in counts.items() if begin <= minute < end))


def _queries(stack: str, stage: GatedStage, facts: ApiFacts) -> list[dict[str, Any]]:
    where = {"ApiName": _metric_name(facts.name, stage.api_id)} if facts.kind == "REST" else {"ApiId": stage.api_id}
    where["Stage"] = stage.stage
    if facts.kind == "WEBSOCKET":
        return [
            _query("requests", "AWS/ApiGateway", "ConnectCount", where),
            _query("decisions", namespace(stack), METRIC, stage._asdict()),
        ]
    terms = " ".join(f'{name}="{value}"' for name, value in where.items())
    # REST APIs name the method in a dimension of its own, HTTP APIs in the route: the word is looked for in any.
    search = f"SEARCH('Namespace=\"AWS/ApiGateway\" MetricName=\"Count\" {terms} OPTIONS', 'Sum', {MINUTE})"
    return [
        _query("requests", "AWS/ApiGateway", "Count", where),
        _query("decisions", namespace(stack), METRIC, stage._asdict()),
        {"Id": "preflights", "Expression": search},
    ]


def _query(name: str, where: str, metric: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    asked = {"Namespace": where, "MetricName": metric, "Dimensions": named}
    return {"Id": name, "MetricStat": {"Metric": asked, "Period": MINUTE, "Stat": "Sum"}}


def _metric_name(name: str, api_id: str) -> str:
    """A REST API's name as a dimension: without characters that are not ASCII, and if none are left, its ID."""
    return re.sub(r"[^\x00-\x7f]", "", name) or api_id


def _minutes(call: Call, queries: list[dict[str, Any]], begin: int, end: int) -> dict[str, dict[int, float]]:
    """The sums by minute of each query, added up where a search finds several metrics."""
    found: dict[str, dict[int, float]] = {"requests": {}, "preflights": {}, "decisions": {}}
    more: dict[str, str] = {}
    while True:
        times = {"StartTime": datetime.fromtimestamp(begin, UTC), "EndTime": datetime.fromtimestamp(end, UTC)}
        page = call("cloudwatch", "get_metric_data", MetricDataQueries=queries, **times, **more)
        for result in page["MetricDataResults"]:
            counts = found[result["Id"]]
            for when, value in zip(result["Timestamps"], result["Values"], strict=True):
                minute = int(when.timestamp())
                counts[minute] = counts.get(minute, 0) + value
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}
