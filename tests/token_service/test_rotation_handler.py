"""The scheduled rotation: rotates what is due, reports the age, and fails aloud."""

import json
import os
from typing import Any

import pytest

from entitlements.table import StoreUnavailable
from tests.support.cloudwatch import notifications, points
from tests.support.emulators import CREDENTIALS, free_port
from tests.support.market import START, Marketplace
from tests.support.template import TEMPLATE
from token_service.key_lifecycle import SETTLING
from token_service.rotation import DAY
from token_service.rotation_handler import run
from token_service.settings import MissingSetting


class Schedule:
    """Runs the function against the market's table, with its clock, and keeps what it wrote."""

    def __init__(self, market: Marketplace, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.market, self.waited = market, 0
        endpoints = {"AWS_ENDPOINT_URL": moto, "AWS_ENDPOINT_URL_DYNAMODB": market.table.client.meta.endpoint_url}
        for name, value in (CREDENTIALS | endpoints).items():
            monkeypatch.setenv(name, value)
        self.settings = {"GATEPASS_TABLE": market.table.name, "GATEPASS_STACK": "t", "GATEPASS_ROTATION_DAYS": "90"}
        self.settings["AWS_REGION"] = "us-east-1"

    def wait(self, seconds: int) -> None:
        self.waited += seconds
        self.market.now += seconds

    def __call__(self) -> dict[str, Any]:
        lines: list[str] = []
        run(self.settings, self.market.clock, self.wait, lines.append)
        metric: dict[str, Any] = json.loads(lines[-1])
        return metric


@pytest.fixture
def schedule(market: Marketplace, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    return Schedule(market, moto_endpoint, monkeypatch)


def test_a_key_is_rotated_on_the_day_it_is_due_and_not_before(schedule: Schedule) -> None:
    first = schedule.market.keys.ring().signing_key.kid
    schedule.market.now = START + 90 * DAY - 1
    assert schedule()["signing_key_age_days"] == pytest.approx(90, abs=0.001)
    assert schedule.market.keys.ring().signing_key.kid == first
    schedule.market.now = START + 90 * DAY
    assert schedule()["signing_key_age_days"] < 1
    assert [key.state.value for key in schedule.market.keys.ring().keys] == ["verifying", "signing"]
    assert schedule.waited == SETTLING


def test_a_run_that_was_cut_off_is_taken_up_by_the_next(schedule: Schedule) -> None:
    published = schedule.market.keys.create().kid
    schedule.market.now += DAY
    schedule()
    assert schedule.market.keys.ring().signing_key.kid == published
    assert schedule.waited == 0


def test_the_metric_tells_of_a_key_that_is_overdue(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_service.rotation_handler.rotate", lambda *_, **__: False)
    schedule.market.now = START + 92 * DAY
    assert schedule()["signing_key_overdue"] == 0
    schedule.market.now += 1
    line = schedule()
    assert line["signing_key_overdue"] == 1
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"] for metric in directive["Metrics"]} | {"stack"} <= line.keys()


@pytest.mark.parametrize(
    ("rotates", "ends", "notified"),
    [
        (True, 200, []),
        # From day 92 on the key is past its age and two days of grace: the second such day rings.
        (False, 200, [(93, "ALARM")]),
        # The function looked last on day 20: two days of silence ring.
        (True, 20, [(22, "INSUFFICIENT_DATA")]),
    ],
)
def test_the_template_s_alarm_rings_for_a_key_that_is_overdue_and_for_silence(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch, rotates: bool, ends: int, notified: list[tuple[int, str]]
) -> None:
    if not rotates:
        monkeypatch.setattr("token_service.rotation_handler.rotate", lambda *_, **__: False)
    lines = []
    for day in range(ends + 1):
        schedule.market.now = START + day * DAY + 60
        lines.append(json.dumps(schedule()))
    alarm = TEMPLATE["Resources"]["SigningKeyOverdue"]["Properties"]
    series = points(lines, alarm, {"AWS::StackName": "t"}, START, max(ends + 1, 30))
    assert notifications(alarm, series) == notified


def test_the_template_s_alarm_rings_for_a_failed_run_once() -> None:
    """`Errors` of a function is Lambda's own metric: 1 for a call that raised, absent on days without one."""
    alarm = TEMPLATE["Resources"]["KeyRotationFailed"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "KeyRotation"}}]
    assert notifications(alarm, [0, None, 0, 3, 3, None, 0]) == [(3, "ALARM")]


def test_what_goes_wrong_is_raised_for_the_alarm(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailable):
        schedule()


@pytest.mark.parametrize("name", ["GATEPASS_TABLE", "GATEPASS_STACK", "GATEPASS_ROTATION_DAYS"])
def test_a_missing_setting_is_named(name: str) -> None:
    settings = dict.fromkeys(("GATEPASS_TABLE", "GATEPASS_STACK", "GATEPASS_ROTATION_DAYS"), "1") | {name: ""}
    with pytest.raises(MissingSetting, match=name):
        run(settings | {"AWS_REGION": os.environ["AWS_REGION"]})
