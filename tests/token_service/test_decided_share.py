"""Decisions beside API Gateway's own count, by minute."""

from datetime import UTC, datetime
from typing import Any

import pytest

from token_service.decided_share import (
    DELAY,
    HOURS,
    MINUTE,
    ApiFacts,
    DecidedShare,
    GatedStage,
    decided_shares,
    gated_stages,
)

NOW = 1_795_478_437.0
END = int(NOW) // MINUTE * MINUTE - DELAY * MINUTE
BEGIN = END - HOURS * 3600
STAGE = GatedStage("abc123", "prod")
REST, HTTP = ApiFacts("REST", "my search"), ApiFacts("HTTP", "shop")


class Metrics:
    """CloudWatch with counts by minute, in pages of one query's result each."""

    def __init__(self, **counts: dict[int, float]) -> None:
        self.counts, self.asked = counts, list[dict[str, Any]]()

    def __call__(self, service: str, operation: str, **asked: Any) -> dict[str, Any]:
        assert (service, operation) == ("cloudwatch", "get_metric_data")
        self.asked.append(asked)
        names = [query["Id"] for query in asked["MetricDataQueries"]]
        page = int(asked.get("NextToken", "0"))
        begin, end = (asked[name].timestamp() for name in ("StartTime", "EndTime"))
        found = {minute: n for minute, n in self.counts.get(names[page], {}).items() if begin <= minute < end}
        times = [datetime.fromtimestamp(minute, UTC) for minute in found]
        result = {"Id": names[page], "Timestamps": times, "Values": list(found.values())}
        more = {"NextToken": str(page + 1)} if page + 1 < len(names) else {}
        return {"MetricDataResults": [result], **more}

    def queries(self) -> dict[str, Any]:
        return {query["Id"]: query for query in self.asked[0]["MetricDataQueries"]}


def share(metrics: Metrics, facts: ApiFacts = HTTP) -> DecidedShare:
    (found,) = decided_shares(metrics, "s", [STAGE], lambda _: facts, NOW)
    return found


def each(begin: int = BEGIN, end: int = END, count: float = 10) -> dict[int, float]:
    return dict.fromkeys(range(begin, end, MINUTE), count)


def test_every_request_decided_is_a_hundred_percent() -> None:
    found = share(Metrics(requests=each(), decisions=each()))
    assert (found.requests, found.percent) == (10 * HOURS * 60, 100.0)


def test_one_request_in_a_thousand_without_a_decision_shows_and_is_not_rounded_away() -> None:
    found = share(Metrics(requests=each(count=1000), decisions=each(count=995)))
    assert found.percent == pytest.approx(99.5, abs=0.15)
    assert share(Metrics(requests=each(count=1000), decisions=each(count=998))).percent == pytest.approx(99.8, abs=0.15)
    lost = each(count=1000) | {BEGIN + 600: 0, BEGIN + 660: 0, BEGIN + 720: 0}
    assert share(Metrics(requests=each(count=1000), decisions=lost)).percent == 99.79


def test_decisions_beside_the_compared_time_hide_nothing_where_there_is_a_quiet_minute() -> None:
    """Requests come in bursts, one every ten minutes, one of them before and one after the time that is compared."""
    bursts = dict.fromkeys(range(BEGIN - MINUTE, END + MINUTE, 10 * MINUTE), 10.0) | {END: 10.0}
    undecided = bursts | {BEGIN + 5 * 3600 - MINUTE: 5.0}
    compared = Metrics(requests=bursts, decisions=undecided)
    assert share(compared).percent is not None
    assert share(compared).decisions == share(compared).requests - 5


def test_a_request_counted_in_another_minute_than_decided_is_no_gap() -> None:
    earlier = {minute - MINUTE: count for minute, count in each().items()}
    later = {minute + MINUTE: count for minute, count in each().items()}
    assert share(Metrics(requests=each(), decisions=earlier)).percent == 100.0
    assert share(Metrics(requests={**each(), END - MINUTE: 10}, decisions=later)).percent == 100.0


def test_a_gate_that_was_taken_away_is_missed_within_the_hour() -> None:
    assert share(Metrics(requests=each(), decisions=each(end=END - 3600))).percent == pytest.approx(95.8, abs=0.1)


def test_a_gate_that_decided_nothing_in_all_that_time_is_zero_percent() -> None:
    assert share(Metrics(requests=each())).percent == 0.0


def test_requests_before_the_api_was_attached_are_not_missed() -> None:
    attached = BEGIN + 10 * 3600
    assert share(Metrics(requests=each(), decisions=each(attached + 30 * MINUTE))).percent == 100.0


def test_nothing_to_decide_has_no_share() -> None:
    assert share(Metrics()).percent is None
    assert share(Metrics(requests=each(count=1), preflights=each(count=1), decisions={})).percent is None


def test_preflight_of_detailed_metrics_is_subtracted() -> None:
    found = share(Metrics(requests=each(count=3), preflights=each(count=1), decisions=each(count=2)))
    assert (found.preflights, found.percent) == (HOURS * 60, 100.0)


def named(query: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    metric = query["MetricStat"]["Metric"]
    return metric["Namespace"], metric["MetricName"], {one["Name"]: one["Value"] for one in metric["Dimensions"]}


def test_each_kind_of_api_is_counted_by_its_own_metrics() -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
    """
    by_kind = {
        REST: ("Count", {"ApiName": "my search", "Stage": "prod"}),
        ApiFacts("REST", "\u0928\u092e\u0938\u094d\u0924\u0947"): ("Count", {"ApiName": "abc123", "Stage": "prod"}),
        ApiFacts("REST", "caf\u00e9"): ("Count", {"ApiName": "caf", "Stage": "prod"}),
        HTTP: ("Count", {"ApiId": "abc123", "Stage": "prod"}),
        ApiFacts("WEBSOCKET", "chat"): ("ConnectCount", {"ApiId": "abc123", "Stage": "prod"}),
    }
    for facts, (metric, dimensions) in by_kind.items():
        metrics = Metrics()
        share(metrics, facts)
        queries = metrics.queries()
        assert named(queries["requests"]) == ("AWS/ApiGateway", metric, dimensions)
        assert named(queries["decisions"]) == ("Gatepass/s", "decisions", {"api_id": "abc123", "stage": "prod"})
        assert ("preflights" in queries) == (facts.kind != "WEBSOCKET")
        if "preflights" in queries:
            terms = " ".join(f'{name}="{value}"' for name, value in dimensions.items())
            search = f'Namespace="AWS/ApiGateway" MetricName="Count" {terms} OPTIONS'
            assert queries["preflights"]["Expression"] == f"SEARCH('{search}', 'Sum', 60)"


def test_an_api_that_is_gone_is_left_out() -> None:
    assert list(decided_shares(Metrics(), "s", [STAGE], lambda _: None, NOW)) == []


def test_the_stages_are_those_with_decisions_whatever_the_page() -> None:
    def dimensions(**values: str) -> dict[str, Any]:
        return {"Dimensions": [{"Name": name, "Value": value} for name, value in values.items()]}

    pages: dict[str, dict[str, Any]] = {
        "": {"Metrics": [dimensions(reason="ok"), dimensions(**STAGE._asdict())], "NextToken": "2"},
        "2": {"Metrics": [dimensions(api_id="other", stage="$default")]},
    }

    def call(service: str, operation: str, **asked: Any) -> dict[str, Any]:
        assert (operation, asked["Namespace"], asked["MetricName"]) == ("list_metrics", "Gatepass/s", "decisions")
        return pages[asked.get("NextToken", "")]

    assert list(gated_stages(call, "s")) == [STAGE, GatedStage("other", "$default")]
