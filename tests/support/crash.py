"""Calls to AWS that fail, one in a run: before they were carried out, or after, when only the answer is lost."""

from typing import Any

import botocore.client
import pytest
from botocore.exceptions import EndpointConnectionError


class Crash:
    """Lets the calls to AWS through up to the n-th, which fails before or after it was carried out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.fatal, self.after = 0, 0, False
        self.operations: list[str] = []
        real = botocore.client.BaseClient._make_api_call
        crash = self

        def call(client: Any, operation: str, parameters: Any) -> Any:
            crash.calls += 1
            crash.operations.append(operation)
            fatal = crash.calls == crash.fatal
            if fatal and not crash.after:
                raise EndpointConnectionError(endpoint_url="gone")
            answer = real(client, operation, parameters)
            if fatal:
                raise EndpointConnectionError(endpoint_url="gone")
            return answer

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)

    def at(self, number: int, after: bool) -> None:
        """The number-th call from now on fails; 0: none does."""
        self.calls, self.fatal, self.after = 0, number, after
        self.operations = []
