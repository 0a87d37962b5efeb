"""The scheduled rotation's entry: rotates when the signing key is old enough, and reports its age as a metric.

It raises what goes wrong, so that Lambda's own metric of errors tells of it; an alarm of the template watches both.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3

from entitlements.log import NAMESPACE
from token_service.keys import Keys
from token_service.kms import Kms
from token_service.repository import Repository
from token_service.rotation import DAY, age, rotate
from token_service.settings import required

ACTOR: Final = "schedule"
GRACE_DAYS: Final = 2
"""By then a daily schedule has tried twice."""


def run(
    environment: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    wait: Callable[[int], object] = time.sleep,
    write: Callable[[str], object] = print,
) -> None:
    """Rotate if it is due, and write the metric line."""
    days = int(required(environment, "GATEPASS_ROTATION_DAYS", "the age in days at which the signing key is rotated"))
    stack = required(environment, "GATEPASS_STACK", "the name of the stack, which tags its keys in KMS")
    table = required(environment, "GATEPASS_TABLE", "the name of the DynamoDB table of the Gatepass stack")
    session: Any = boto3.session.Session(region_name=environment.get("AWS_REGION"))
    repository = Repository(session.client("dynamodb"), table)
    keys = Keys(repository, lambda: Kms(session.client("kms")), clock, ACTOR, lambda: stack)
    rotate(keys, clock, wait, write, older_than=days * DAY)
    write(metric_line(age(keys.ring().signing_key, clock()), days, stack, clock()))


def metric_line(age_seconds: int, days: int, stack: str, now: float) -> str:
    """The age of the signing key, and whether it is past its limit, in CloudWatch's embedded metric format."""
    metrics = [{"Name": "signing_key_age_days", "Unit": "None"}, {"Name": "signing_key_overdue", "Unit": "Count"}]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["stack"]], "Metrics": metrics}
    return json.dumps(
        {
            "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
            "stack": stack,
            "signing_key_age_days": round(age_seconds / DAY, 3),
            "signing_key_overdue": int(age_seconds > (days + GRACE_DAYS) * DAY),
        }
    )


def lambda_handler(event: object, context: object) -> None:
    """Answer a schedule's event, whatever it holds."""
    run(os.environ)
