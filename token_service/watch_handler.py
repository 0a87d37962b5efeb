"""The watch's entry point: measures every hour what no log line tells, and writes it as metrics.

The alarms of the template watch them. Errors are raised, so that Lambda's `Errors` metric counts them.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config

from entitlements.items import keyring_key
from entitlements.keyring import KeyRing
from entitlements.settings import required
from token_service.decided_share import ApiFacts, DecidedShare, decided_shares, gated_stages
from token_service.metrics import metric_line
from token_service.repository import Repository
from token_service.signing.rotation import DAY, age

PATIENT: Final = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})


class ApiDescriptions:
    """Describes APIs of any kind, by boto3 clients."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """`client` gives that of a service."""
        self._rest, self._v2 = client("apigateway"), client("apigatewayv2")

    def __call__(self, api_id: str) -> ApiFacts | None:
        """What AWS says of an API; None if it does not exist."""
        try:
            return ApiFacts("REST", self._rest.get_rest_api(restApiId=api_id)["name"])
        except self._rest.exceptions.NotFoundException:
            pass
        try:
            found = self._v2.get_api(ApiId=api_id)
        except self._v2.exceptions.NotFoundException:
            return None
        return ApiFacts(found["ProtocolType"], found["Name"])


def run(
    environment: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    write: Callable[[str], object] = print,
) -> None:
    """Measure, and write a line for each gated stage and the metric line."""
    stack = required(environment, "GATEPASS_STACK", "the name of the stack, whose metrics these are")
    table = required(environment, "GATEPASS_TABLE", "the name of the DynamoDB table of the Gatepass stack")
    session: Any = boto3.session.Session(region_name=environment.get("AWS_REGION"))
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, config=PATIENT)
        return clients[service]

    def call(service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = getattr(client(service), operation)(**parameters)
        return answer

    now, metrics = clock(), dict[str, tuple[float, str]]()
    ring = Repository(client("dynamodb"), table).get_item(keyring_key())
    if ring is not None:
        metrics["signing_key_age_days"] = (round(age(KeyRing.from_item(ring).signing_key, now) / DAY, 3), "None")
    shares = list(decided_shares(call, stack, gated_stages(call, stack), ApiDescriptions(client), now))
    for share in shares:
        write(_share_line(share))
    percents = [share.percent for share in shares if share.percent is not None]
    if percents:
        metrics["decided_percent"] = (min(percents), "Percent")
    if metrics:
        write(metric_line(stack, now, **metrics))


def _share_line(share: DecidedShare) -> str:
    """The figures behind the metric, for whoever looks for the API that it is about."""
    return json.dumps(
        {"message": "requests decided", **share.stage._asdict(), "requests": share.requests,
         "preflights": share.preflights, "decisions": share.decisions, "percent": share.percent},
    )  # fmt: skip


def lambda_handler(event: object, context: object) -> None:
    """Handle an event of the schedule. Its content does not matter."""
    run(os.environ)
