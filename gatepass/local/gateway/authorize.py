"""Calls the authorizer: identity sources, the result cache, the function, and the meaning of its answer.

REST: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
HTTP: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatepass.local.gateway import event_payloads
from gatepass.local.gateway.failures import (
    ARN_TOO_LONG,
    AUTHORIZER_BROKEN,
    UNAUTHORIZED,
    Failure,
    access_denied,
)
from gatepass.local.gateway.identity_sources import IdentitySource, Location, parse_identity_source
from gatepass.local.gateway.invocation import Invocation
from gatepass.local.gateway.lambdas import HTTP_AUTHORIZER_TIMEOUT, LambdaContext, function_name, invoke
from gatepass.local.gateway.model import ApiType, Authorizer
from gatepass.local.gateway.policy import MalformedPolicyError, PolicyOutcome, Statement, evaluate, parse_policy

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MAX_METHOD_ARN_BYTES = 1600
REST_AUTHORIZER_TIMEOUT = 29.0
UNAUTHORIZED_MESSAGE = "Unauthorized"

_log = logging.getLogger(__name__)


class MalformedOutputError(ValueError):
    """The authorizer's answer does not have the documented form."""


@dataclass(frozen=True)
class Granted:
    """The request may pass. `context` is passed on to the integration."""

    context: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """An authorizer's answer, as it is cached: yes or no, or a policy to evaluate again for each method."""

    answer: bool | tuple[Statement, ...]
    context: dict[str, Any]

    def apply(self, method_arn: str) -> Granted | Failure:
        """What the answer means for one method."""
        if isinstance(self.answer, bool):
            return Granted(self.context) if self.answer else access_denied(self.context, explicit=True)
        outcome = evaluate(self.answer, method_arn)
        if outcome is PolicyOutcome.ALLOWED:
            return Granted(self.context)
        return access_denied(self.context, explicit=outcome is PolicyOutcome.DENIED)


CacheKey = tuple[Authorizer, tuple[str, ...]]


class ResultCache:
    """Authorizers' answers, cached for their TTL under the values of their identity sources.

    Denials are cached too; failures are not. On REST APIs, a cached policy is evaluated against the requested
    method, so a policy for one method ARN becomes a 403 on the next (serverless/serverless#6176).
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html#http-api-lambda-authorizer.caching
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[CacheKey, tuple[float, Verdict]] = {}

    def get(self, key: CacheKey, now: float) -> Verdict | None:
        """The answer under this key, or None if it is missing or has expired."""
        with self._lock:
            expires_at, verdict = self._entries.get(key, (now, None))
        return verdict if expires_at > now else None

    def put(self, key: CacheKey, verdict: Verdict, now: float) -> None:
        """Keep an answer for its authorizer's TTL, and remove expired ones."""
        with self._lock:
            self._entries = {old: entry for old, entry in self._entries.items() if entry[0] > now}
            self._entries[key] = (now + key[0].ttl_seconds, verdict)


def authorize(
    invocation: Invocation, authorizer: Authorizer, cache: ResultCache, clock: Callable[[], float]
) -> Granted | Failure:
    """Decide one request, in the order AWS documents: ARN length, identity sources, cache, function."""
    if invocation.api.type == "REST" and len(invocation.method_arn.encode()) > MAX_METHOD_ARN_BYTES:
        return ARN_TOO_LONG
    identity = identity_values(invocation, authorizer)
    if identity is None:
        return UNAUTHORIZED
    key = (authorizer, identity)
    if authorizer.ttl_seconds:
        cached = cache.get(key, invocation.now)
        if cached is not None:
            return cached.apply(invocation.method_arn)
    verdict = _ask(invocation, authorizer, identity, clock)
    if isinstance(verdict, Failure):
        return verdict
    if authorizer.ttl_seconds:
        cache.put(key, verdict, invocation.now)
    return verdict.apply(invocation.method_arn)


def identity_values(invocation: Invocation, authorizer: Authorizer) -> tuple[str, ...] | None:
    """The values of all identity sources, or None if one is missing or empty, which is a 401 without a call.

    "verifying all of the identity-related request parameters are present in the request, not null, and
    non-empty": https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html
    """
    api_type = invocation.api.type
    values = [
        _identity_value(invocation, parse_identity_source(expression, api_type))
        for expression in authorizer.identity_sources
    ]
    present = tuple(value for value in values if value)
    return present if len(present) == len(values) else None


def _identity_value(invocation: Invocation, source: IdentitySource) -> str | None:
    """Header names are not case-sensitive; query names are."""
    request = invocation.request
    if source.location is Location.STAGE_VARIABLE:
        return invocation.api.stage_variables.get(source.name)
    if source.location is Location.CONTEXT:
        value: Any = invocation.context_variables()
        for part in source.name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return None if value is None else str(value)
    if source.location is Location.HEADER:
        values = request.header_values(source.name)
    else:
        values = [value for name, value in request.query_pairs() if name == source.name]
    if not values:
        return None
    return values[-1] if invocation.api.type == "REST" else ",".join(values)


def _ask(
    invocation: Invocation, authorizer: Authorizer, identity: tuple[str, ...], clock: Callable[[], float]
) -> Verdict | Failure:
    api = invocation.api
    timeout = REST_AUTHORIZER_TIMEOUT if api.type == "REST" else HTTP_AUTHORIZER_TIMEOUT
    context = LambdaContext(api, function_name(authorizer.function), timeout, clock)
    try:
        output = invoke(authorizer.function, _event(invocation, authorizer, identity), context)
        # A thread cannot be stopped from outside, so a late answer is discarded instead.
        if not context.get_remaining_time_in_millis():
            raise MalformedOutputError("the answer arrived too late")
        return read_output(output, authorizer, api.type)
    except Exception as error:  # a function may raise anything, and every exception is an answer here
        # The complete message must match, not a part of it (REST: the page above; HTTP: by report).
        if str(error) == UNAUTHORIZED_MESSAGE:
            return UNAUTHORIZED
        # Log only the type, because messages of an authorizer can contain tokens. Our own messages are safe.
        ours = isinstance(error, MalformedOutputError | MalformedPolicyError)
        _log.warning("the authorizer failed: %s", error if ours else type(error).__name__)
        return AUTHORIZER_BROKEN


def _event(invocation: Invocation, authorizer: Authorizer, identity: tuple[str, ...]) -> event_payloads.Event:
    if invocation.api.type == "HTTP":
        if authorizer.payload_version == "1.0":
            return event_payloads.http_request_event_v1(invocation, identity)
        return event_payloads.http_request_event_v2(invocation, identity)
    if authorizer.type == "TOKEN":
        return event_payloads.token_event(invocation, identity[0])
    return event_payloads.rest_request_event(invocation)


def read_output(output: Any, authorizer: Authorizer, api_type: ApiType) -> Verdict:
    """The verdict in an authorizer's output. Raises an exception for output in another form.

    Simple responses need an HTTP API and payload 2.0. Otherwise, the output is a principal and a policy:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    """
    if not isinstance(output, dict):
        raise MalformedOutputError("the output is not an object")
    context = output.get("context")
    if not isinstance(context, dict | None):
        raise MalformedOutputError("context is not an object")
    if api_type == "HTTP" and authorizer.payload_version == "2.0" and authorizer.simple_responses:
        if not isinstance(output.get("isAuthorized"), bool):
            raise MalformedOutputError("isAuthorized is neither true nor false")
        return Verdict(output["isAuthorized"], context or {})
    principal = output.get("principalId")
    if not isinstance(principal, str):
        raise MalformedOutputError("principalId is not a string")
    statements = parse_policy(output.get("policyDocument"))
    if api_type == "HTTP":
        return Verdict(statements, context or {})
    return Verdict(statements, {**_strings(context or {}), "principalId": principal})


def _strings(context: dict[str, Any]) -> dict[str, str]:
    """REST passes on only strings: numbers and booleans are written as JSON, and anything else fails the request.

    "The returned values are all stringified. Notice that you cannot set a JSON object or array as a valid
    value of any key": the page above. Null is not a documented type either.
    """
    for name, value in context.items():
        if not isinstance(value, str | int | float):
            raise MalformedOutputError(f"context.{name} is not a string, number, or boolean")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in context.items()}
