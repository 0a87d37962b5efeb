"""The job of payments: finishes events every minute, and compares with Razorpay where a schedule says so."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config

from entitlements.settings import required
from token_service.metrics import metric_line
from token_service.payments.inbox import DUE, UNMATCHED
from token_service.payments.reconcile import Reconciliation
from token_service.payments.secrets import reader
from token_service.payments.wiring import Payments, build_payments
from token_service.repository import Repository
from token_service.web.problems import LOGGER

BOUNDED: Final = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
RESERVE_SECONDS: Final = 15
"""Time left to the function at which no further entry is begun: one takes at most a few calls."""
LATE_SECONDS: Final = 300
"""Age of an unfinished event from which the alarm counts it."""


def work(payments: Payments, now: float, seconds_left: Callable[[], float]) -> dict[str, int]:
    """Finish what is due, oldest first. Returns how many entries were tried, are late, and have no match."""
    counts = {"tried": 0, "late": 0, "unmatched": 0}
    for entry in list(payments.inbox.entries()):
        if entry.next_at and entry.next_at <= now and seconds_left() > RESERVE_SECONDS:
            counts["tried"] += 1
            payments.webhook.work_off(entry)
    for entry in payments.inbox.entries():
        counts["unmatched"] += entry.state == UNMATCHED
        counts["late"] += entry.state == DUE and now - entry.received_at > LATE_SECONDS
    return counts


def reconcile(payments: Payments, now: float, hours: int) -> dict[str, int]:
    """Repair what the events of the last hours left behind. Returns how many differences there were, and remain.

    Raises `Refused` and `RazorpayRefusal` if Razorpay does not list everything; what it listed is repaired and logged.
    """
    run = Reconciliation(payments.razorpay, payments.books, payments.settlement, dry_run=False)
    counts = {"found": 0, "remaining": 0}
    for finding in run.run(int(now) - hours * 3600, int(now)):
        counts["found"] += 1
        counts["remaining"] += not finding.repaired
        LOGGER.warning(
            "a difference to Razorpay",
            code="payments_reconciled" if finding.repaired else "payments_differ",
            subject=finding.subject,
            difference=finding.kind,
            error=finding.error,
        )
    return counts


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Run the job: `{}` finishes events, `{"reconcile_hours": 26}` compares with Razorpay. Returns counts."""
    now = time.time()
    stack = required(os.environ, "GATEPASS_STACK", "the name of the stack, the dimension of its metrics")
    payments = payments_of(os.environ)
    hours = event.get("reconcile_hours")
    if hours:
        counts = reconcile(payments, now, int(hours))
        # Written by a complete run alone: an alarm rings when this is missing for a day.
        remaining = counts["remaining"]
        print(metric_line(stack, now, payments_differ=(remaining, "Count"), payments_compared=(1, "Count")), flush=True)
        return counts
    counts = work(payments, now, lambda: context.get_remaining_time_in_millis() / 1000)
    late, unmatched = counts["late"], counts["unmatched"]
    print(metric_line(stack, now, payments_late=(late, "Count"), payments_unmatched=(unmatched, "Count")), flush=True)
    return counts


def payments_of(environment: Mapping[str, str]) -> Payments:
    """The services, by the variables of the environment. Raises `MissingSetting`."""
    table = required(environment, "GATEPASS_TABLE", "the name of the DynamoDB table of the Gatepass stack")
    endpoint = environment.get("AWS_ENDPOINT_URL") or None
    session: Any = boto3.session.Session(region_name=environment.get("AWS_REGION"))
    dynamodb = session.client(
        "dynamodb", endpoint_url=environment.get("AWS_ENDPOINT_URL_DYNAMODB") or endpoint, config=BOUNDED
    )
    secret = required(environment, "GATEPASS_RAZORPAY_SECRET", "the name or ARN of the secret with Razorpay's keys")
    read = reader(lambda: session.client("secretsmanager", endpoint_url=endpoint, config=BOUNDED), secret)
    url = (environment.get("GATEPASS_RAZORPAY_URL") or "").rstrip("/")
    return build_payments(Repository(dynamodb, table), time.time, read, url)
