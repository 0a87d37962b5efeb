"""The scheduled rotation's entry point: each run takes one step of a due rotation, and reports the signing key's age.

It never waits. Of two concurrent runs, the conditional writes on the ring let only one through. Errors are raised, so
that Lambda's `Errors` metric counts them; alarms in the template watch both metrics.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config

from entitlements.settings import required
from token_service.metrics import metric_line
from token_service.repository import Repository
from token_service.signing.keys import Keys
from token_service.signing.kms import CREATE_ATTEMPTS, Kms
from token_service.signing.rotation import DAY, GRACE_DAYS, advance, age

ACTOR: Final = "schedule"
# All calls of a run end well within the function's time-out; the next run continues where it stopped.
BOUNDED: Final = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
PATIENT: Final = Config(
    connect_timeout=2, read_timeout=15, retries={"mode": "standard", "total_max_attempts": CREATE_ATTEMPTS}
)


def run(
    environment: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    write: Callable[[str], object] = print,
) -> None:
    """Take the next step if there is one, and write the metric line."""
    days = int(required(environment, "GATEPASS_ROTATION_DAYS", "the age in days at which the signing key is rotated"))
    stack = required(environment, "GATEPASS_STACK", "the name of the stack, which tags its keys in KMS")
    table = required(environment, "GATEPASS_TABLE", "the name of the DynamoDB table of the Gatepass stack")
    session: Any = boto3.session.Session(region_name=environment.get("AWS_REGION"))
    repository = Repository(session.client("dynamodb", config=BOUNDED), table)
    keys = Keys(repository, lambda: Kms(session.client("kms", config=PATIENT)), clock, ACTOR, lambda: stack)
    advance(keys, clock, write, older_than=days * DAY)
    now = clock()
    seconds = age(keys.ring().signing_key, now)
    overdue = int(seconds > (days + GRACE_DAYS) * DAY)
    ages = round(seconds / DAY, 3)
    write(metric_line(stack, now, signing_key_age_days=(ages, "None"), signing_key_overdue=(overdue, "Count")))


def lambda_handler(event: object, context: object) -> None:
    """Handle an event of the schedule. Its content does not matter."""
    run(os.environ)
