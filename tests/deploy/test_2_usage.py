"""What the story of the files before came to, counted by the deployed function in its role."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from entitlements.items import from_wire
from tests.deploy.cloud import Cloud
from tests.deploy.conftest import STACK, Operator, User
from token_service.usage.totals import total

SOLUTION = "faiss-search"
PATIENCE = 60


def eventually(found: Callable[[], Any]) -> Any:
    """What is found in the end; the emulator asks the stream once in a while, as Lambda does."""
    end = time.monotonic() + PATIENCE
    while not (value := found()) and time.monotonic() < end:
        time.sleep(0.5)
    return value


def totals(cloud: Cloud, table: str) -> dict[str, int]:
    items = map(from_wire, cloud.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"])
    shards = [item for item in items if item["pk"].startswith(f"usage#{SOLUTION}#")]
    return total(
        {name: number for name, number in item.items() if type(number) is int and name != "revision"} for item in shards
    )


def test_searches_registrations_payments_and_refusals_are_counted(
    cloud: Cloud, outputs: dict[str, str], user: User
) -> None:
    def counted() -> dict[str, int]:
        found = totals(cloud, outputs["TableName"])
        return found if "walled#quota_exceeded" in found and "units#pro" in found else {}

    found = eventually(counted) or totals(cloud, outputs["TableName"])
    assert found["units#anonymous"] >= 3
    assert found["units#registered"] == 10
    assert found["units#pro"] >= 1
    assert found["registrations"] >= 1
    assert found["visitors"] >= 1
    assert found["walled#quota_exceeded"] == 1
    assert any(name.startswith("revenue#") for name in found)
    function = cloud.resources(STACK)["Usage"]
    assert cloud.client("lambda").get_function_configuration(FunctionName=function)["Timeout"] == 120
    logs = cloud.client("logs").filter_log_events(logGroupName=cloud.resources(STACK)["UsageLogs"])["events"]
    assert not [event for event in logs if "usage_failed" in event["message"]]
    queue = cloud.client("sqs").get_queue_url(QueueName=cloud.resources(STACK)["UsageFailures"].rpartition("/")[2])
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=queue["QueueUrl"])


def test_a_revocation_is_an_event_for_other_systems(cloud: Cloud, outputs: dict[str, str], gatepass: Operator) -> None:
    events, sqs, bus = cloud.client("events"), cloud.client("sqs"), outputs["EventBusName"]
    queue = sqs.create_queue(QueueName="listening")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["gatepass"], "detail-type": ["Entitlement Revoked"], "detail": {"solution_id": [SOLUTION]}}
    events.put_rule(Name="revoked", EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule="revoked", EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])
    somebody = str(uuid.uuid4())
    gatepass("entitlements", "grant", "--user", somebody, "--solution", SOLUTION)
    gatepass("entitlements", "revoke", "--user", somebody, "--solution", SOLUTION, "--yes")
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    detail = json.loads(message["Body"])["detail"]
    assert (detail["user_id"], detail["event"]) == (somebody, "revoked")
