"""The scheduled rotation: rotates what is due, reports the age, and reports failures."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from entitlements.items import StoreUnavailable
from entitlements.refusals import Refused
from entitlements.settings import MissingSetting
from tests.support import emulators
from tests.support.cloudwatch import notifications, points
from tests.support.emulators import CREDENTIALS, free_port
from tests.support.market import START, Marketplace, kms_keys
from tests.support.table import Table
from tests.support.template import TEMPLATE
from token_service.rotation_handler import run
from token_service.signing.kms import Kms
from token_service.signing.rotation import DAY


class Schedule:
    """Runs the function against the market's table, with its clock, and keeps what it wrote."""

    def __init__(self, market: Marketplace, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.market = market
        endpoints = {"AWS_ENDPOINT_URL": moto, "AWS_ENDPOINT_URL_DYNAMODB": market.table.client.meta.endpoint_url}
        for name, value in (CREDENTIALS | endpoints).items():
            monkeypatch.setenv(name, value)
        self.settings = {"GATEPASS_TABLE": market.table.name, "GATEPASS_STACK": "t", "GATEPASS_ROTATION_DAYS": "90"}
        self.settings["AWS_REGION"] = "us-east-1"

    def __call__(self) -> dict[str, Any]:
        lines: list[str] = []
        run(self.settings, self.market.clock, lines.append)
        metric: dict[str, Any] = json.loads(lines[-1])
        return metric


@pytest.fixture
def schedule(market: Marketplace, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    return Schedule(market, moto_endpoint, monkeypatch)


def states(schedule: Schedule) -> list[str]:
    return [key.state.value for key in schedule.market.keys.ring().keys]


def test_a_key_is_rotated_when_it_is_due_one_step_a_day(schedule: Schedule) -> None:
    schedule.market.now = START + 90 * DAY - 1
    assert schedule()["signing_key_age_days"] == pytest.approx(90, abs=0.001)
    assert states(schedule) == ["signing"]
    schedule.market.now = START + 90 * DAY
    assert schedule()["signing_key_overdue"] == 0
    assert states(schedule) == ["signing", "published"]
    schedule.market.now += DAY
    assert schedule()["signing_key_age_days"] == 1
    assert states(schedule) == ["verifying", "signing"]
    schedule.market.now += DAY
    schedule()
    assert states(schedule) == ["verifying", "signing"]


def test_a_run_that_was_cut_off_is_taken_up_by_the_next(schedule: Schedule) -> None:
    published = schedule.market.keys.create().kid
    schedule.market.now += DAY
    schedule()
    assert schedule.market.keys.ring().signing_key.kid == published


def test_a_second_run_of_a_day_does_not_promote_too_early(schedule: Schedule) -> None:
    """Lambda runs a function again that failed, after a minute and after two more."""
    schedule.market.now = START + 90 * DAY
    for wait, wanted in ((0, "published"), (65, "published"), (234, "published"), (1, "signing")):
        schedule.market.now += wait
        schedule()
        assert states(schedule)[1] == wanted


def test_runs_at_once_make_one_key_and_promote_it_once(
    schedule: Schedule, real_table: Table, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(Marketplace(real_table, moto_endpoint), moto_endpoint, monkeypatch)
    before = kms_keys(moto_endpoint)

    def at_once() -> None:
        barrier = threading.Barrier(4)

        def one(_: int) -> str:
            barrier.wait()
            try:
                schedule()
            except Refused as refused:
                return refused.code
            return ""

        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(one, range(4)))
        assert "" in told
        assert set(told) <= {"", "keyring_changed", "key_announced", "transition_wrong"}

    for day, wanted in ((90, ["signing", "published"]), (91, ["verifying", "signing"])):
        schedule.market.now = START + day * DAY
        at_once()
        assert states(schedule) == wanted
    assert len(kms_keys(moto_endpoint) - before) == 1


def test_the_metric_tells_of_a_key_that_is_overdue(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_service.rotation_handler.advance", lambda *_, **__: False)
    schedule.market.now = START + 93 * DAY
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
        # From day 93 on the key is past its age and three days of grace: the second such day rings.
        (False, 200, [(94, "ALARM")]),
        # The function looked last on day 20: two days of silence ring.
        (True, 20, [(22, "INSUFFICIENT_DATA")]),
    ],
)
def test_the_template_s_alarm_rings_for_a_key_that_is_overdue_and_for_silence(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch, rotates: bool, ends: int, notified: list[tuple[int, str]]
) -> None:
    if not rotates:
        monkeypatch.setattr("token_service.rotation_handler.advance", lambda *_, **__: False)
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


def statements() -> dict[str, dict[str, Any]]:
    (policy,) = TEMPLATE["Resources"]["KeyRotationRole"]["Properties"]["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


def test_the_role_makes_and_tags_signing_keys_of_its_stack_alone(moto_endpoint: str) -> None:
    """Its conditions are on what the code asks KMS for; without spec and usage it could tag any key of the account."""
    asked: list[dict[str, Any]] = []
    client = emulators.client("kms", moto_endpoint)
    client.meta.events.register("provide-client-params.kms.CreateKey", lambda params, **_: asked.append(params))
    Kms(client).create_signing_key("the stack")
    making = [one for one in statements().values() if {"kms:CreateKey", "kms:TagResource"} & {*one["Action"]}]
    (statement,) = making
    assert sorted(statement["Action"]) == ["kms:CreateKey", "kms:TagResource"]
    (tag,) = asked[0]["Tags"]
    assert statement["Condition"] == {
        "StringEquals": {
            f"aws:RequestTag/{tag['TagKey']}": {"Ref": "AWS::StackName"},
            "kms:KeySpec": asked[0]["KeySpec"],
            "kms:KeyUsage": asked[0]["KeyUsage"],
        },
        "ForAllValues:StringEquals": {"aws:TagKeys": [tag["TagKey"]]},
    }


def test_the_role_may_do_what_a_rotation_calls_and_nothing_else(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = set[str]()
    make = boto3.session.Session.client

    def client(session: Any, service: str, *rest: Any, **more: Any) -> Any:
        made = make(session, service, *rest, **more)
        made.meta.events.register("before-call.*", lambda model, **_: called.add(f"{service}:{model.name}"))
        return made

    monkeypatch.setattr(boto3.session.Session, "client", client)
    for day in (90, 91):
        schedule.market.now = START + day * DAY
        schedule()
    # A transaction is allowed by what it consists of, and the tag of a new key by TagResource.
    assert "dynamodb:TransactWriteItems" in called
    needed = (called - {"dynamodb:TransactWriteItems"}) | {"dynamodb:PutItem", "kms:TagResource"}
    actions = [one["Action"] for one in statements().values()]
    allowed = {one for action in actions for one in ([action] if isinstance(action, str) else action)}
    assert allowed == needed | {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert statements()["ChangeTheKeyRing"]["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["keyring"]}
    }


def test_a_second_stack_and_a_small_account_can_have_the_schedule_too() -> None:
    function = TEMPLATE["Resources"]["KeyRotation"]["Properties"]
    assert function["Events"]["Daily"]["Properties"]["OmitName"] is True
    assert "ReservedConcurrentExecutions" not in function
    assert function["Timeout"] == 60
