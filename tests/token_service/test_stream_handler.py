"""The consumer as Lambda runs it: partial failures, the bus, and settings."""

import logging
from typing import Any

import pytest

from entitlements.items import entitlement_key
from entitlements.settings import MissingSetting
from tests.support import emulators
from tests.support.events import logs
from tests.support.signer import SOLUTION, USER
from tests.support.streamed import Streamed
from token_service import stream_handler
from token_service.stream_handler import NotPublished, consumer_of, publisher
from token_service.usage.notices import Notice

DAYS = ("d20261123", "d20261124", "d20261125")


@pytest.fixture
def streamed(dynamodb_local_endpoint: str) -> Streamed:
    streamed = Streamed(dynamodb_local_endpoint)
    streamed.table.put_solution()
    return streamed


def requests(streamed: Streamed) -> list[dict[str, Any]]:
    """Three records, of one user's requests on three days, after that of the entitlement; the last reaches a quota."""
    streamed.stream.read()
    streamed.table.put_entitlement()
    for day, used in zip(DAYS, (1, 2, 9), strict=True):
        streamed.table.client.update_item(
            TableName=streamed.table.name,
            Key=entitlement_key(USER, SOLUTION).wire,
            UpdateExpression=f"SET {day} = :used",
            ExpressionAttributeValues={":used": {"N": str(used)}},
        )
    return streamed.stream.read()


def test_what_comes_before_a_record_that_cannot_be_counted_is_counted(
    streamed: Streamed, caplog: pytest.LogCaptureFixture
) -> None:
    records = requests(streamed)
    damaged = records[3] | {"dynamodb": records[3]["dynamodb"] | {"Keys": {}}}
    with caplog.at_level(logging.ERROR):
        failed = streamed.consumer().consume([*records[:3], damaged])
    assert failed == records[3]["dynamodb"]["SequenceNumber"]
    assert list(streamed.solution_days(SOLUTION)) == ["20261123", "20261124"]
    assert USER not in caplog.text


def test_a_record_whose_event_is_not_published_is_delivered_again_and_counts_once(streamed: Streamed) -> None:
    records = requests(streamed)
    told: list[Notice] = []

    def refuse(notices: Any) -> None:
        told.extend(notices)
        raise NotPublished("EventBridge is away")

    consumer = streamed.consumer(publish=refuse)
    failed = consumer.consume(records)
    assert failed == records[3]["dynamodb"]["SequenceNumber"]
    streamed.deliver(records[3:])
    assert streamed.solution_days(SOLUTION)["20261125"] == {"units#registered": 9, "users": 1}
    assert {notice.notice_id for notice in told} == {notice.notice_id for notice in streamed.published}
    assert len(streamed.published) == 1


def test_it_runs_by_its_variables(
    streamed: Streamed, moto_endpoint: str, dynamodb_local_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = f"bus-{streamed.table.name}"
    events, sqs = emulators.client("events", moto_endpoint), emulators.client("sqs", moto_endpoint)
    events.create_event_bus(Name=bus)
    queue = sqs.create_queue(QueueName=bus)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["gatepass"]}')
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])
    environment = {
        "GATEPASS_TABLE": streamed.table.name,
        "GATEPASS_EVENT_BUS": bus,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": moto_endpoint,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint,
    } | emulators.CREDENTIALS
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream_handler._consumer.cache_clear()
    assert stream_handler.lambda_handler({"Records": requests(streamed)}, None) == {"batchItemFailures": []}
    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert '"detail-type": "Quota Threshold Reached"' in message["Body"]
    line = {"reason": "quota_exceeded", "allowed": False, "solution": SOLUTION, "user": USER}
    assert stream_handler.lambda_handler(logs(line, line), None) == {}
    assert sum(counts.get("walled#quota_exceeded", 0) for counts in streamed.solution_days(SOLUTION).values()) == 1
    assert stream_handler.lambda_handler({"Records": [{"dynamodb": {"SequenceNumber": "7"}}]}, None) == {
        "batchItemFailures": [{"itemIdentifier": "7"}]
    }
    stream_handler._consumer.cache_clear()


@pytest.mark.parametrize("missing", ["GATEPASS_TABLE", "GATEPASS_EVENT_BUS"])
def test_a_missing_variable_is_named(missing: str) -> None:
    environment = {"GATEPASS_TABLE": "t", "GATEPASS_EVENT_BUS": "b"} | {missing: ""}
    with pytest.raises(MissingSetting, match=missing):
        consumer_of(environment)


class Bus:
    """A bus that refuses the eleventh event."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.sizes.append(len(Entries))
        refused = [{"ErrorCode": "ThrottlingException"}] if len(self.sizes) == 2 else []
        return {"FailedEntryCount": len(refused), "Entries": [{"EventId": "1"}, *refused]}


def test_events_go_in_tens_and_a_refused_one_is_an_error() -> None:
    bus = Bus()
    with pytest.raises(NotPublished, match="ThrottlingException"):
        publisher(bus, "bus")([Notice("k", str(n), 0, {}) for n in range(15)])
    assert bus.sizes == [10, 5]
