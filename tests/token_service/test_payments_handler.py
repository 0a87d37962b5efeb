"""The job of payments: its daily comparison is measured only when it is complete, and its alarm rings for silence."""

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from entitlements.refusals import Code, Refused
from tests.support.api import Api
from tests.support.cloudwatch import Point, notifications, points
from tests.support.emulators import free_port
from tests.support.market import START
from tests.support.seller import Seller, selling, selling_api
from tests.support.table import Table
from tests.support.template import TEMPLATE
from token_service import payments_handler
from token_service.payments_handler import reconcile

HOUR, DAY = 3600, 86_400
ALARM = TEMPLATE["Resources"]["PaymentsNotCompared"]["Properties"]


class Job:
    """Runs the function's daily comparison at a time, and keeps the metrics that it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._patch = capsys, monkeypatch
        self.lines: list[str] = []

    def __call__(self, now: float) -> list[dict[str, Any]]:
        self._patch.setattr(payments_handler, "time", SimpleNamespace(time=lambda: now))
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
        self._capsys.readouterr()
        try:
            payments_handler.lambda_handler({"reconcile_hours": 26}, context)
        finally:
            written = [line for line in self._capsys.readouterr().out.splitlines() if '"_aws"' in line]
            self.lines += written
        return [json.loads(line) for line in written]

    def fail(self, now: float) -> None:
        """Run while Razorpay is away."""
        with self._patch.context() as patch:
            patch.setenv("GATEPASS_RAZORPAY_URL", f"http://127.0.0.1:{free_port()}")
            with pytest.raises(Refused) as refused:
                self(now)
        assert refused.value.code is Code.PAYMENTS_UNAVAILABLE

    def hours(self, count: int) -> list[Point]:
        """What the alarm sees, hour by hour."""
        return points(self.lines, ALARM, {"AWS::StackName": "t"}, START, count)


@pytest.fixture
def job(api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    with selling_api(api) as razorpay:
        variables = {
            "GATEPASS_STACK": "t",
            "GATEPASS_TABLE": api.table.name,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": api.moto,
            "AWS_ENDPOINT_URL_DYNAMODB": api.settings.dynamodb_endpoint or "",
            "GATEPASS_RAZORPAY_URL": razorpay.url,
            "GATEPASS_RAZORPAY_SECRET": f"razorpay-{api.table.name}",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield Job(capsys, monkeypatch)


@pytest.fixture
def seller(table: Table) -> Iterator[Seller]:
    with selling(table) as one:
        yield one


def test_only_a_complete_comparison_is_measured_as_one(job: Job) -> None:
    (line,) = job(START)
    assert (line["stack"], line["payments_differ"], line["payments_compared"]) == ("t", 0, 1)
    job.fail(START + DAY)
    assert len(job.lines) == 1


def test_the_alarm_is_quiet_while_the_job_runs_daily_though_never_at_the_same_second(job: Job) -> None:
    """EventBridge Scheduler is precise to a minute, and Lambda repeats a failed run after one and two minutes.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    late = HOUR - 1
    for now in (START, START + DAY + late, START + 2 * DAY):
        job(now)
    assert notifications(ALARM, job.hours(72)) == []


def test_the_alarm_rings_when_no_comparison_was_completed_for_more_than_a_day(job: Job) -> None:
    job(START)
    job.fail(START + DAY)
    assert notifications(ALARM, job.hours(60)) == [(26, "ALARM")]
    job(START + 2 * DAY)
    assert notifications(ALARM, job.hours(50)) == [(26, "ALARM")]


def test_the_alarm_rings_for_a_job_that_never_was_complete(job: Job) -> None:
    job.fail(START)
    assert notifications(ALARM, job.hours(30)) == [(0, "ALARM")]


def test_the_alarm_comes_and_goes_with_the_schedule_after_it(job: Job) -> None:
    alarm, schedule = (TEMPLATE["Resources"][name] for name in ("PaymentsNotCompared", "PaymentsComparison"))
    assert alarm["Condition"] == schedule["Condition"] == "Reconcile"
    # A rate without a StartDate runs at once, so the alarm is not raised by each deployment that makes both.
    assert alarm["DependsOn"] == "PaymentsComparison"
    assert "StartDate" not in schedule["Properties"]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 day)"


def test_what_a_comparison_finds_is_logged_even_if_it_cannot_go_on(
    seller: Seller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    payment = seller.pay("forever")

    def unavailable(*_: object) -> Iterator[Any]:
        raise Refused(Code.PAYMENTS_UNAVAILABLE)

    monkeypatch.setattr(seller.payments.razorpay, "disputes", unavailable)
    with caplog.at_level(logging.WARNING), pytest.raises(Refused):
        reconcile(seller.payments, seller.now, 26)
    found = [record.__dict__ for record in caplog.records if record.getMessage() == "a difference to Razorpay"]
    assert [(one["subject"], one["code"]) for one in found] == [(payment, "payments_reconciled")]
