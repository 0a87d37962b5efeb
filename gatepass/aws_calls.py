"""Calls of AWS's management APIs, with their failures as one exception."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

CONFLICT_WAITS: Final = (0.5, 1, 2, 4, 8)
"""Seconds before each repetition of a call that met another change of the same API."""


class CallFailed(Exception):
    """A call was refused or got no answer, in which case it may still have been carried out."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        """`code` is AWS's, or the name of the connection's failure."""
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code


class Aws:
    """Clients by service. They retry throttled calls themselves (botocore's standard mode, with back-off).

    Not so what API Gateway refuses because another change of the same API is under way: that is repeated here.
    """

    def __init__(self, client: Callable[[str], Any], wait: Callable[[float], object] = time.sleep) -> None:
        """`client` gives the low-level client of a service, the same one each time; `wait` is given seconds."""
        self._client, self._wait = client, wait

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call; raises `CallFailed`."""
        for seconds in CONFLICT_WAITS:
            try:
                return self._call(service, operation, **parameters)
            except CallFailed as error:
                if error.code != "ConflictException" or "concurrent modification" not in str(error):
                    raise
                self._wait(seconds)
        return self._call(service, operation, **parameters)

    def _call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**parameters)
        except ClientError as error:
            facts = error.response.get("Error", {})
            raise CallFailed(operation, facts.get("Code", ""), facts.get("Message", "")) from error
        except BotoCoreError as error:
            raise CallFailed(operation, type(error).__name__, str(error)) from error
        return answer

    def find(self, service: str, operation: str, **parameters: Any) -> dict[str, Any] | None:
        """Make one call about a thing that may not be there: None then."""
        try:
            return self.call(service, operation, **parameters)
        except CallFailed as error:
            if error.code in ("NotFoundException", "ResourceNotFoundException"):
                return None
            raise

    def delete(self, service: str, operation: str, **parameters: Any) -> None:
        """Make one call that deletes; what is gone already, perhaps by an attempt whose answer was lost, is fine."""
        self.find(service, operation, **parameters)

    def rest_items(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """All items of a REST API's list (`position` pages, of up to 500)."""
        while True:
            page = self.call("apigateway", operation, limit=500, **parameters)
            yield from page.get("items", [])
            if not page.get("position"):
                return
            parameters["position"] = page["position"]

    def items(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """All items of an HTTP or WebSocket API's list."""
        while True:
            page = self.call("apigatewayv2", operation, **parameters)
            yield from page.get("Items", [])
            if not page.get("NextToken"):
                return
            parameters["NextToken"] = page["NextToken"]
