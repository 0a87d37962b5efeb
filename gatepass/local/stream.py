"""Reads the stream of a table as Lambda does, for stacks on an emulator.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from collections.abc import Iterator
from typing import Any


class TableStream:
    """The records of a table's stream, from the oldest on, each once."""

    def __init__(self, client: Any, stream_arn: str) -> None:
        """`client` is a boto3 client of `dynamodbstreams`."""
        self._client, self._arn = client, stream_arn
        self._iterators: dict[str, str | None] = {}
        """Where to go on in each shard; None in one that is closed and read to its end."""

    def read(self) -> list[dict[str, Any]]:
        """What has been added since the last time, in the form of `event["Records"]`:
        https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
        """
        return [_as_event(record) for shard in list(self._shards()) for record in self._of_shard(shard)]

    def _shards(self) -> Iterator[str]:
        after: dict[str, str] = {}
        while True:
            stream = self._client.describe_stream(StreamArn=self._arn, **after)["StreamDescription"]
            yield from (shard["ShardId"] for shard in stream["Shards"])
            if "LastEvaluatedShardId" not in stream:
                return
            after = {"ExclusiveStartShardId": stream["LastEvaluatedShardId"]}

    def _of_shard(self, shard: str) -> Iterator[dict[str, Any]]:
        if shard not in self._iterators:
            begin = self._client.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )
            self._iterators[shard] = begin["ShardIterator"]
        while (iterator := self._iterators[shard]) is not None:
            page = self._client.get_records(ShardIterator=iterator)
            self._iterators[shard] = page.get("NextShardIterator")
            yield from page["Records"]
            if not page["Records"]:
                return


def _as_event(record: dict[str, Any]) -> dict[str, Any]:
    change = record["dynamodb"]
    at = change["ApproximateCreationDateTime"].timestamp()
    return record | {"dynamodb": change | {"ApproximateCreationDateTime": at}}
