"""Calls a Python function as the Lambda service would."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from typing import Any

from gatepass.local.gateway.model import Api, LambdaFunction

# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
REST_INTEGRATION_TIMEOUT = 29.0
HTTP_INTEGRATION_TIMEOUT = 30.0
HTTP_AUTHORIZER_TIMEOUT = 10.0


class FunctionExitedError(RuntimeError):
    """The function ended its process instead of answering."""


class LambdaContext:
    """The context object of a Python handler. https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, api: Api, function_name: str, timeout: float, clock: Callable[[], float]) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = "256"
        self.aws_request_id = str(uuid.uuid4())
        self.invoked_function_arn = f"arn:{api.partition}:lambda:{api.region}:{api.account_id}:function:{function_name}"
        self._clock = clock
        self._deadline = clock() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """The remaining time of the function, in milliseconds."""
        return max(0, math.floor((self._deadline - self._clock()) * 1000))


def invoke(function: LambdaFunction, event: dict[str, Any], context: LambdaContext) -> Any:
    """Call the function with JSON in and out, so that values that JSON cannot represent fail here as on AWS.

    https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
    """
    try:
        result = function(json.loads(json.dumps(event)), context)
    except SystemExit:
        # Here, it would end a thread and leave the client without an answer. On AWS, it is `Runtime.ExitError`.
        raise FunctionExitedError("the function exited") from None
    return json.loads(json.dumps(result, allow_nan=False))


def function_name(function: LambdaFunction) -> str:
    """A name for logs and ARNs: the function's name, or the class name of another callable."""
    return getattr(function, "__name__", type(function).__name__)
