"""Usage of the local stack: the table's stream and the decision log, handed to the usage function."""

import base64
import gzip
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from gatepass.local.emulated_aws import REGION, TABLE, EmulatedAws
from gatepass.local.stream import TableStream

EVENT_BUS: Final = "gatepass-local"
PAUSE_SECONDS: Final = 1.0
"""AWS collects for up to 20 seconds."""
LogEvent = dict[str, str | int]


class Counting:
    """Hands records and lines to the function, as Lambda and CloudWatch Logs do."""

    def __init__(self, aws: EmulatedAws) -> None:
        """Sets the function's variables in this process."""
        import boto3

        os.environ["GATEPASS_EVENT_BUS"] = EVENT_BUS
        self._session: Any = boto3.session.Session(region_name=REGION)
        self._endpoint, self._lines = aws.endpoint, list[LogEvent]()
        self._lock = threading.Lock()

    def line(self, line: str) -> None:
        """A line of the decision log."""
        with self._lock:
            self._lines.append({"id": "", "timestamp": int(time.time() * 1000), "message": line})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count in the block; what happens in it is counted before it ends."""
        self._client("events").create_event_bus(Name=EVENT_BUS)
        table = self._client("dynamodb").describe_table(TableName=TABLE)["Table"]
        stream = TableStream(self._client("dynamodbstreams"), table["LatestStreamArn"])
        ended = threading.Event()
        thread = threading.Thread(target=self._work, args=(stream, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)

    def _work(self, stream: TableStream, ended: threading.Event) -> None:
        from token_service.stream_handler import consumer_of

        consumer, records = consumer_of(os.environ), list[dict[str, Any]]()
        while True:
            last = ended.wait(PAUSE_SECONDS)
            with suppress(Exception):  # what is left is tried again with the next
                records += stream.read()
                failed = consumer.consume(records) if records else None
                numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
                records = [] if failed is None else records[numbers.index(failed) :]
                lines = list(self._lines)
                if lines:
                    consumer.count_walls(_subscribed(lines))
                    with self._lock:
                        del self._lines[: len(lines)]
            if last:
                return


def _subscribed(lines: list[LogEvent]) -> dict[str, Any]:
    """The event of a log group's subscription."""
    data = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": lines}).encode()
    return {"awslogs": {"data": base64.b64encode(gzip.compress(data)).decode()}}
