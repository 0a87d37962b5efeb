"""The table behind a stock boto3 client, with bounds on how long it may try."""

from collections.abc import Mapping
from typing import Any, Final

from entitlements.table import Item, StoreUnavailable, Wire, from_wire

CONNECT_TIMEOUT: Final = 0.5
READ_TIMEOUT: Final = 1.0
"""Seconds. DynamoDB answers in single-digit milliseconds; what takes a second will not come."""
ATTEMPTS: Final = 2


class Boto3Store:
    """`entitlements.table.Store` on a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        """`client` as `make_client` makes it."""
        self._client = client
        self._table = table

    def get_item(self, key: Wire) -> Item | None:
        """Read one item, strongly consistent."""
        response = self._call("get_item", {"Key": key, "ConsistentRead": True})
        item = response.get("Item")
        return None if item is None else from_wire(item)

    def update_item(self, request: Wire) -> tuple[bool, Item | None]:
        """Send an UpdateItem; a failed condition is an answer, not an error."""
        response = self._call("update_item", request)
        applied = "Error" not in response
        item = response.get("Attributes" if applied else "Item")
        return applied, None if item is None else from_wire(item)

    def _call(self, operation: str, request: Wire) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        for attempt in range(1, ATTEMPTS + 1):
            try:
                response: Mapping[str, Any] = getattr(self._client, operation)(TableName=self._table, **request)
                return response
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code == "ConditionalCheckFailedException":
                    return dict(error.response)
                # A transaction of the control plane holds the item for a moment; nothing was written. botocore
                # does not count this among what it retries.
                if code != "TransactionConflictException" or attempt == ATTEMPTS:
                    raise StoreUnavailable(f"DynamoDB refused {operation}: {code}") from error
            except BotoCoreError as error:
                raise StoreUnavailable(f"DynamoDB gave no answer to {operation}: {type(error).__name__}") from error
        raise AssertionError("unreachable")


def make_client(region: str, endpoint: str | None) -> Any:
    """A DynamoDB client that answers or fails within 3.1 s: two attempts, each bounded."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session(region_name=region).client(
        "dynamodb",
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            tcp_keepalive=True,
        ),
    )
