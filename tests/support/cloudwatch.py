"""What CloudWatch makes of log lines and alarms, as far as the template uses it."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

Point = float | None
STATISTICS: dict[str, Callable[[list[float]], float]] = {"Maximum": max, "Minimum": min, "Sum": sum}


def points(
    lines: Iterable[str], alarm: dict[str, Any], refs: dict[str, str], start: float, periods: int
) -> list[Point]:
    """The alarm's metric by period, out of lines in the embedded metric format; `refs` resolves the template's `Ref`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    wanted = {one["Name"]: refs[one["Value"]["Ref"]] for one in alarm["Dimensions"]}
    found: list[list[float]] = [[] for _ in range(periods)]
    for line in map(json.loads, lines):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            if (
                directive["Namespace"] == alarm["Namespace"]
                and alarm["MetricName"] in {one["Name"] for one in directive["Metrics"]}
                and set(wanted) in [set(group) for group in directive["Dimensions"]]
                and all(line[name] == value for name, value in wanted.items())
            ):
                period = int((line["_aws"]["Timestamp"] / 1000 - start) // alarm["Period"])
                found[period].append(line[alarm["MetricName"]])
    return [STATISTICS[alarm["Statistic"]](values) if values else None for values in found]


Metric = tuple[str, frozenset[tuple[str, str]]]
"""A name with the dimensions."""


def filtered(properties: dict[str, Any], lines: Iterable[str]) -> list[tuple[Metric, float]]:
    """What a metric filter makes of log lines, for patterns of comparisons with a text, where `*` stands for any.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
    """
    (transformation,) = properties["MetricTransformations"]
    found = []
    for text in lines:
        line = json.loads(text)
        if _matches(properties["FilterPattern"], line):
            value = transformation["MetricValue"]
            dimensions = {(one["Key"], str(line[one["Value"][2:]])) for one in transformation.get("Dimensions", ())}
            metric = transformation["MetricName"], frozenset(dimensions)
            found.append((metric, float(line[value[2:]] if value.startswith("$.") else value)))
    return found


def _matches(pattern: str, line: dict[str, Any]) -> bool:
    def holds(term: re.Match[str]) -> str:
        name, operator, text = term.groups()
        return repr(name in line and fnmatchcase(str(line[name]), text) == (operator == "="))

    terms = re.sub(r'\$\.(\w+) (!?=) "([^"]*)"', holds, pattern.strip("{ }"))
    words = terms.replace("&&", " and ").replace("||", " or ")
    assert re.fullmatch(r"([ ()]|and|or|True|False)+", words), pattern
    return bool(eval(words))  # noqa: S307 - checked by the line above


def state(alarm: dict[str, Any], series: Sequence[Point]) -> str:
    """The alarm's state after the last of a series of points, before which there were none.

    CloudWatch looks a little further back than the alarm's periods where points are missing, so it may ring later.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    below = alarm["ComparisonOperator"] == "LessThanThreshold"
    assert below or alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    periods, missing = alarm["EvaluationPeriods"], alarm["TreatMissingData"]
    window = [*[None] * periods, *series][-periods:]
    if missing == "missing" and all(point is None for point in window):
        return "INSUFFICIENT_DATA"
    assert missing in ("missing", "notBreaching", "breaching")
    breaching = sum(
        missing == "breaching" if point is None else (point < alarm["Threshold"]) == below for point in window
    )
    return "ALARM" if breaching >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]) else "OK"


def notifications(alarm: dict[str, Any], series: Sequence[Point]) -> list[tuple[int, str]]:
    """The changes into a state that has an action, each with its period. An alarm begins as `INSUFFICIENT_DATA`."""
    actions = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
    now, sent = "INSUFFICIENT_DATA", []
    for period in range(len(series)):
        then, now = now, state(alarm, series[: period + 1])
        if then != now and actions[now] in alarm:
            sent.append((period, now))
    return sent
