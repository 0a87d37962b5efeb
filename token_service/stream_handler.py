"""The consumer of the table's stream and of the decision log: usage totals, and events for other systems.

Off the hot path: the gate writes as ever. A batch that fails in part is delivered again from the first record that was
not counted: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from entitlements.directory import Directory
from entitlements.items import StoreUnavailable
from entitlements.settings import required
from token_service.errors import Busy
from token_service.repository import Repository
from token_service.usage.daily import DailyUsage
from token_service.usage.notices import Notice, notices
from token_service.usage.refusals import walls
from token_service.usage.stream import Malformed, StreamRecord, levels
from token_service.web.problems import LOGGER

BOUNDED: Final = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
ENTRIES: Final = 10
"""The most events in one call: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

Publish = Callable[[Sequence[Notice]], None]


class NotPublished(Exception):
    """The event bus did not take an event."""


class Consumer:
    """Counts records, and publishes what they tell. A record counts only when it is published too."""

    def __init__(self, usage: DailyUsage, publish: Publish) -> None:
        """`publish` raises `NotPublished`; it may be called again with the same events."""
        self._usage, self._publish = usage, publish

    def consume(self, raw: Sequence[Mapping[str, Any]]) -> str | None:
        """Count a batch of records. Returns the sequence number of the first that must be delivered again; else None.

        Levels of all records are counted together, since they need no order. Should that fail, the batch is counted
        record by record, so that one that cannot be counted keeps none before it from being finished.
        """
        try:
            records = [StreamRecord.read(one) for one in raw]
            self._count(records)
            return None
        except FAILURES as error:
            LOGGER.warning("a batch is counted one by one", code="usage_retried", error=type(error).__name__)
        for one in raw:
            try:
                self._count([StreamRecord.read(one)])
            except FAILURES as error:
                LOGGER.error("a record was not counted", code="usage_failed", error=f"{type(error).__name__}: {error}")
                return str(one.get("dynamodb", {}).get("SequenceNumber", ""))
        return None

    def count_walls(self, event: Mapping[str, Any]) -> None:
        """Count who was refused at a limit, from an event of the decision log. Raises one of `FAILURES`."""
        self._usage.count_walls(walls(event, self._usage.day_of))

    def _count(self, records: Sequence[StreamRecord]) -> None:
        counters = [record for record in records if record.kind in ("entitlement", "visitor")]
        self._usage.raise_levels(level for one in counters for level in levels(one, self._usage.effective_plan))
        for record in records:
            if record.kind == "audit" and record.event == "INSERT":
                self._usage.count_entry(record)
            elif record.kind == "payment":
                self._usage.count_payment(record)
        told = [notice for record in records for notice in self._notices(record)]
        if told:
            self._publish(told)

    def _notices(self, record: StreamRecord) -> Iterable[Notice]:
        solution_id = record.key.sk.partition("#")[2] if record.kind == "entitlement" else ""
        return notices(record, self._usage.solution(solution_id, record.at) if solution_id else None)


FAILURES: Final = (Malformed, StoreUnavailable, Busy, NotPublished)


def publisher(client: Any, bus: str) -> Publish:
    """Publishes on an event bus, by a boto3 client of EventBridge."""

    def publish(told: Sequence[Notice]) -> None:
        for begin in range(0, len(told), ENTRIES):
            entries = [notice.entry(bus) for notice in told[begin : begin + ENTRIES]]
            try:
                answer = client.put_events(Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise NotPublished(f"EventBridge gave no answer: {error}") from error
            if answer["FailedEntryCount"]:
                codes = sorted({entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry})
                raise NotPublished(f"EventBridge refused events: {', '.join(codes)}")

    return publish


def consumer_of(environment: Mapping[str, str]) -> Consumer:
    """The consumer, by the variables of the environment. Raises `MissingSetting`."""
    table = required(environment, "GATEPASS_TABLE", "the name of the DynamoDB table of the Gatepass stack")
    bus = required(environment, "GATEPASS_EVENT_BUS", "the name of the stack's event bus")
    endpoint = environment.get("AWS_ENDPOINT_URL") or None
    session: Any = boto3.session.Session(region_name=environment.get("AWS_REGION"))
    dynamodb = session.client(
        "dynamodb", endpoint_url=environment.get("AWS_ENDPOINT_URL_DYNAMODB") or endpoint, config=BOUNDED
    )
    repository = Repository(dynamodb, table)
    events = session.client("events", endpoint_url=endpoint, config=BOUNDED)
    return Consumer(DailyUsage(repository, Directory(repository.get_item)), publisher(events, bus))


@cache
def _consumer() -> Consumer:
    return consumer_of(os.environ)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Count a batch of the table's stream, or of the decision log.

    Returns `{"batchItemFailures": [{"itemIdentifier": sequence number}]}` for the stream.
    """
    if "awslogs" in event:
        _consumer().count_walls(event)
        return {}
    failed = _consumer().consume(event["Records"])
    return {"batchItemFailures": [] if failed is None else [{"itemIdentifier": failed}]}
