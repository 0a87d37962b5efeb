"""The hourly watch: what it writes, from real counts on an emulator, and the alarms that see it."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from entitlements.settings import MissingSetting
from tests.support import emulators
from tests.support.cloudwatch import points, state
from tests.support.emulators import CREDENTIALS, ROOT
from tests.support.table import Table
from tests.support.template import TEMPLATE
from token_service import watch_handler
from token_service.decided_share import DELAY, MINUTE
from token_service.watch_handler import run

ALARM = TEMPLATE["Resources"]["RequestsUndecided"]["Properties"] | {
    "Threshold": TEMPLATE["Parameters"]["DecidedPercent"]["Default"]
}


class Watched:
    """A table, an API of each kind, and CloudWatch. The clock stands still."""

    def __init__(self, table: Table, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
        endpoints = {"AWS_ENDPOINT_URL": moto, "AWS_ENDPOINT_URL_DYNAMODB": table.client.meta.endpoint_url}
        for name, value in (CREDENTIALS | endpoints).items():
            monkeypatch.setenv(name, value)
        self.stack = f"s-{secrets.token_hex(4)}"
        self.settings = {"GATEPASS_TABLE": table.name, "GATEPASS_STACK": self.stack, "AWS_REGION": "us-east-1"}
        self.now = datetime.now(UTC).timestamp() // MINUTE * MINUTE
        self.cloudwatch = emulators.client("cloudwatch", moto)
        self.name = f"search {self.stack}"
        self.rest = str(emulators.client("apigateway", moto).create_rest_api(name=self.name)["id"])
        v2 = emulators.client("apigatewayv2", moto)
        self.http = str(v2.create_api(Name="shop", ProtocolType="HTTP")["ApiId"])

    def put(self, namespace: str, metric: str, count: float, minutes_ago: int, **dimensions: str) -> None:
        data = {
            "MetricName": metric, "Value": count, "Timestamp": datetime.fromtimestamp(self.now - minutes_ago * 60, UTC),
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }  # fmt: skip
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[data])

    def decide(self, api_id: str, stage: str, count: float, minutes_ago: int) -> None:
        self.put(f"Gatepass/{self.stack}", "decisions", count, minutes_ago, api_id=api_id, stage=stage)

    def __call__(self) -> list[str]:
        lines: list[str] = []
        run(self.settings, lambda: self.now, lines.append)
        return lines


@pytest.fixture
def watched(table: Table, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Watched:
    table.seed()
    return Watched(table, moto_endpoint, monkeypatch)


def test_the_lowest_share_is_the_metric_and_each_stage_has_a_line(watched: Watched) -> None:
    for ago in (500, 400, 300):
        watched.decide(watched.rest, "prod", 8, ago)
        watched.put("AWS/ApiGateway", "Count", 10, ago, ApiName=watched.name, Stage="prod")
        watched.decide(watched.http, "$default", 5, ago)
        watched.put("AWS/ApiGateway", "Count", 5, ago, ApiId=watched.http, Stage="$default")
    watched.decide("d3l3t3d", "prod", 5, 300)
    *shares, metric = watched()
    found = {one["api_id"]: one for one in map(json.loads, shares)}
    assert found.keys() == {watched.rest, watched.http}
    # The first minute with decisions may be that in which the API was attached.
    rest = {name: found[watched.rest][name] for name in ("stage", "requests", "decisions", "percent")}
    assert rest == {"stage": "prod", "requests": 20, "decisions": 16, "percent": 80.0}
    assert found[watched.http]["percent"] == 100.0
    assert json.loads(metric)["decided_percent"] == 80.0
    refs = {"AWS::StackName": watched.stack}
    series = points([metric], ALARM, refs, watched.now, 1)
    assert (series, state(ALARM, series)) == ([80.0], "ALARM")


def test_without_requests_only_the_age_of_the_key_is_told(watched: Watched) -> None:
    (metric,) = map(json.loads, watched())
    assert "decided_percent" not in metric
    assert metric["signing_key_age_days"] > 0
    assert metric["stack"] == watched.stack


def test_without_a_key_ring_nothing_fails(watched: Watched, table: Table) -> None:
    table.client.delete_item(TableName=table.name, Key={"pk": {"S": "keyring"}, "sk": {"S": "current"}})
    assert watched() == []


def test_a_failure_is_raised_so_that_lambda_counts_it(watched: Watched) -> None:
    watched.settings["GATEPASS_TABLE"] = "not-there"
    with pytest.raises(Exception, match="not-there"):
        watched()
    with pytest.raises(MissingSetting, match="GATEPASS_STACK"):
        run({})


def test_the_sample_event_is_taken(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in watched.settings.items():
        monkeypatch.setenv(name, value)
    watch_handler.lambda_handler(json.loads((ROOT / "events" / "watch" / "schedule_hourly.json").read_text()), None)
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Gatepass"


def test_counts_that_may_still_arrive_are_left_out(watched: Watched) -> None:
    watched.decide(watched.http, "$default", 5, 60)
    for ago in (50, DELAY - 2):
        watched.put("AWS/ApiGateway", "Count", 1, ago, ApiId=watched.http, Stage="$default")
    share, _ = map(json.loads, watched())
    assert share["requests"] == 1
