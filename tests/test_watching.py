"""Metrics, alarms, dashboard and saved queries: each alarm watches what is measured, and has a runbook."""

import json
import re
from typing import Any

import pytest

from entitlements.decision import refuse
from entitlements.log import decision_line
from entitlements.reasons import Reason
from tests.support.cloudwatch import Metric, filtered, state
from tests.support.emulators import ROOT
from tests.support.template import TEMPLATE

RESOURCES: dict[str, Any] = {name: one["Properties"] for name, one in TEMPLATE["Resources"].items()}
KINDS: dict[str, str] = {name: one["Type"] for name, one in TEMPLATE["Resources"].items()}
ALARMS = sorted(name for name, kind in KINDS.items() if kind == "AWS::CloudWatch::Alarm")
FILTERS = sorted(name for name, kind in KINDS.items() if kind == "AWS::Logs::MetricFilter")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
STACK = {"Sub": "Gatepass/${AWS::StackName}"}


def line(reason: Reason, **changes: Any) -> str:
    facts: dict[str, Any] = {"api_id": "abc123", "stage": "prod", "now": 0.0, "latency_ms": 7.5} | changes
    return decision_line(refuse(reason, None), **facts)


ACCESS = json.loads(re.sub(r"\$context\.\w+", "x", RESOURCES["TokenApi"]["AccessLogSettings"]["Format"]))
"""A line of the token service's access log."""


def of_filter(name: str, *lines: str) -> list[tuple[Metric, float]]:
    return filtered(RESOURCES[name], lines)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_has_a_runbook_and_names_it(name: str) -> None:
    assert RESOURCES[name]["AlarmDescription"].endswith(f". Runbook: {name} in docs/operations.md")
    section = re.search(rf"^### {name}\n\n(.*?)(?=^##)", OPERATIONS, re.DOTALL | re.MULTILINE)
    assert section is not None, f"docs/operations.md has no runbook {name}"
    assert len(section[1]) > 100
    assert RESOURCES[name]["AlarmActions"] == {
        "If": ["NotifyAlarms", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
    }


def test_every_runbook_is_of_an_alarm() -> None:
    (section,) = re.findall(r"^## Alarms\n(.*?)(?=^## )", OPERATIONS, re.DOTALL | re.MULTILINE)
    assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == sorted(
        re.findall(r"^### (\w+)$", section, re.MULTILINE)
    )
    assert set(re.findall(r"^### (\w+)$", section, re.MULTILINE)) == set(ALARMS)


def measured() -> set[tuple[str, frozenset[str]]]:
    """Name and dimensions of the metrics that filters make of the logs."""
    found = set()
    for name in FILTERS:
        (made,) = RESOURCES[name]["MetricTransformations"]
        assert made["MetricNamespace"] == STACK
        found.add((made["MetricName"], frozenset(one["Key"] for one in made.get("Dimensions", ()))))
    return found


def written() -> set[str]:
    """Metrics that the control plane writes with the stack as dimension."""
    code = "".join(path.read_text() for path in (ROOT / "token_service").rglob("*.py"))
    return set(re.findall(r'(\w+)=\([^()]*(?:\([^()]*\))?[^()]*, "(?:Count|None|Percent)"\)', code)) | set(
        re.findall(r'metrics\["(\w+)"\] = ', code)
    )


AWS = {
    "AWS/Lambda": {"Errors", "Throttles", "IteratorAge"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
    "AWS/DynamoDB": {"WriteThrottleEvents", "ReadThrottleEvents"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx"},
}
"""https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""


def known(namespace: Any, metric: str, dimensions: frozenset[str]) -> bool:
    """Whether somebody measures it."""
    if namespace in (STACK, STACK["Sub"]):
        return (metric, dimensions) in measured()
    if namespace == "Gatepass":
        return metric in written() and dimensions == {"stack"}
    return metric in AWS[namespace]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_what_is_measured(name: str) -> None:
    alarm = RESOURCES[name]
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", ())}
    assert known(alarm["Namespace"], alarm["MetricName"], frozenset(dimensions)), alarm["MetricName"]
    assert dimensions.get("reason", "ok") in {reason.value for reason in Reason}


@pytest.mark.parametrize("name", ALARMS)
def test_cloudwatch_takes_an_alarms_periods(name: str) -> None:
    """At most a week in all, and a day for periods below an hour:

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    period, periods = RESOURCES[name]["Period"], RESOURCES[name]["EvaluationPeriods"]
    assert period % 60 == 0
    assert period * periods <= (604_800 if period >= 3600 else 86_400)
    assert RESOURCES[name].get("DatapointsToAlarm", periods) <= periods


def test_the_dashboard_shows_what_is_measured() -> None:
    body = RESOURCES["Dashboard"]["DashboardBody"]["Sub"]
    widgets = json.loads(body)["widgets"]
    places = {(one["x"], one["y"]) for one in widgets}
    assert len(places) == len(widgets) == 9
    shown = [metric for one in widgets for metric in one["properties"]["metrics"]]
    for metric in shown:
        if isinstance(metric[0], dict):
            assert '{"Gatepass/${AWS::StackName}",reason} MetricName="decisions"' in metric[0]["expression"]
            continue
        namespace, name, *pairs = [part for part in metric if isinstance(part, str)]
        assert known(namespace, name, frozenset(pairs[::2])), metric
    referred = set(re.findall(r"\$\{(\w+)\}", body))
    assert referred <= RESOURCES.keys()


def test_the_lines_of_the_gate_are_counted_by_reason_and_by_stage_and_timed() -> None:
    lines = [line(Reason.TOKEN_MISSING), line(Reason.STORE_UNAVAILABLE), line(Reason.API_UNKNOWN, api_id="", stage="")]
    by_reason = of_filter("DecisionsByReason", *lines)
    assert [value for _, value in by_reason] == [1, 1, 1]
    assert by_reason[1][0] == ("decisions", frozenset({("reason", "store_unavailable")}))
    stage = ("decisions", frozenset({("api_id", "abc123"), ("stage", "prod")}))
    assert of_filter("DecisionsByStage", *lines) == [(stage, 1), (stage, 1)]
    assert of_filter("DecisionLatency", *lines) == [(("latency_ms", frozenset()), 7.5)] * 3


def test_only_faults_of_the_configuration_are_counted_as_such() -> None:
    counted = [reason for reason in Reason if of_filter("DecisionsMisconfigured", line(reason))]
    assert counted == [Reason.API_UNKNOWN, Reason.PLAN_UNKNOWN]


def test_refused_webhooks_are_counted_and_other_routes_are_not() -> None:
    def access(route: str, status: str) -> str:
        return json.dumps(ACCESS | {"route": route, "status": status})

    route = "POST /v1/webhooks/razorpay"
    refused = of_filter("WebhookFailures", access(route, "403"), access(route, "503"))
    assert len(refused) == 2
    assert of_filter("WebhookFailures", access(route, "200"), access("POST /v1/sessions", "401")) == []


def points(name: str, filter_: str, *lines: str) -> list[float | None]:
    """One period of an alarm that sums a metric of a filter."""
    metric = RESOURCES[name]
    wanted = metric["MetricName"], frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions", ()))
    values = [value for found, value in of_filter(filter_, *lines) if found == wanted]
    return [sum(values) if values else None]


def test_one_request_without_the_table_raises_the_alarm_and_refusals_do_not() -> None:
    alarm = RESOURCES["StoreUnavailable"]
    refusals = [line(reason) for reason in Reason if reason is not Reason.STORE_UNAVAILABLE]
    assert state(alarm, points("StoreUnavailable", "DecisionsByReason", *refusals)) == "OK"
    failed = points("StoreUnavailable", "DecisionsByReason", *refusals, line(Reason.STORE_UNAVAILABLE))
    assert state(alarm, failed) == "ALARM"


def test_a_hundred_percent_or_an_alarm() -> None:
    alarm = RESOURCES["RequestsUndecided"] | {"Threshold": TEMPLATE["Parameters"]["DecidedPercent"]["Default"]}
    assert RESOURCES["RequestsUndecided"]["Threshold"] == {"Ref": "DecidedPercent"}
    assert [state(alarm, [percent]) for percent in (100.0, 99.99, 0.0, None)] == ["OK", "ALARM", "ALARM", "OK"]


@pytest.mark.parametrize("name", ALARMS)
def test_no_alarm_watches_errors_of_a_function_that_refuses_by_exceptions(name: str) -> None:
    if RESOURCES[name]["MetricName"] == "Errors":
        assert {one["Value"]["Ref"] for one in RESOURCES[name]["Dimensions"]} <= {"KeyRotation", "Watch"}


def test_saved_queries_read_fields_that_the_lines_have() -> None:
    queries = {name: RESOURCES[name] for name, kind in KINDS.items() if kind == "AWS::Logs::QueryDefinition"}
    assert len(queries) >= 5
    fields = json.loads(line(Reason.STORE_UNAVAILABLE, detail="why")).keys() | {"preflights", "percent", "message"}
    fields |= {"code", "level", "requests"}  # the token service's log, and what a query counts
    words = {"filter", "stats", "sort", "fields", "limit", "by", "as", "and", "in", "desc", "count", "pct", "bin", "min",
             "max", "ispresent", "timestamp", "lines", "first", "last", "p50", "p99", "1m"}  # fmt: skip
    for name, query in queries.items():
        assert query["Name"]["Sub"].startswith("${AWS::StackName}/")
        named = set(re.findall(r"(?<!@)\b[a-z]\w*", re.sub(r'"[^"]*"', "", query["QueryString"])))
        assert named - words <= fields, name
