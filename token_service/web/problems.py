"""Refusals as problem documents (RFC 9457): one vocabulary of codes, each with its HTTP status."""

import json
from collections.abc import Callable
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from entitlements.items import StoreUnavailable
from entitlements.keyring import KeyRingError
from entitlements.reasons import Reason
from token_service.errors import Busy, Refused

LOGGER: Final = Logger(service="token-service")

STATUS: Final = MappingProxyType(
    {
        "request_invalid": 400,
        "return_to_refused": 400,
        "password_weak": 400,
        "code_invalid": 400,
        "state_required": 400,
        "sign_in_required": 401,
        "credentials_invalid": 401,
        "token_missing": 401,
        "token_malformed": 401,
        "token_superseded": 401,
        "issuer_mismatch": 401,
        "entitlement_missing": 403,
        "entitlement_suspended": 403,
        "entitlement_revoked": 403,
        "solution_disabled": 403,
        "origin_unknown": 403,
        "solution_unknown": 404,
        "route_unknown": 404,
        "request_too_large": 413,
        "content_type_unsupported": 415,
        "too_many_requests": 429,
        "kms_refused": 500,
        "identity_refused": 500,
        "keyring_missing": 500,
        "store_unavailable": 500,
        "busy": 503,
        "identity_unavailable": 503,
        "kms_unavailable": 503,
    }
)
"""Of every code that the API answers with, besides the reasons of decisions."""


def problem(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response[str]:
    """A problem document; `code` stands in its type, and extensions beside it (RFC 9457 section 3.2)."""
    document = {
        "type": f"urn:gatepass:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    extra = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(status, "application/problem+json", json.dumps(document), headers={**extra, **(headers or {})})


def refusal(error: Refused) -> Response[str]:
    """A refusal, told to the caller; what is our own fault is told to the operator, in the log."""
    status = STATUS.get(error.code, 500)
    if status < 500:
        # What the gate says too, in its public words: ours are for operators ("grant it first").
        public = Reason(error.code).message if error.code in set(Reason) else str(error)
        retry = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
        return problem(status, error.code, public, retry)
    LOGGER.error(str(error), code=error.code)
    detail = "this cannot be done right now: try again, and tell the marketplace if it stays so"
    return problem(status, error.code, detail, {"Retry-After": "1"} if status == 503 else None)


def add_handlers(app: APIGatewayHttpResolver) -> None:
    """Every exception that a route may raise, as its problem."""
    app.exception_handler(Refused)(refusal)
    app.exception_handler(RequestValidationError)(_invalid)
    handlers: list[tuple[type[Exception], Callable[[Exception], Response[str]]]] = [
        (Busy, lambda error: refusal(Refused("busy", str(error)))),
        (StoreUnavailable, lambda error: _store_unavailable(str(error))),
        (KeyRingError, lambda error: _store_unavailable(str(error))),
    ]
    for kind, handler in handlers:
        app.exception_handler(kind)(handler)
    app.not_found(lambda _: problem(404, "route_unknown", "there is no such route: /v1/docs shows them all"))


def _store_unavailable(detail: str) -> Response[str]:
    LOGGER.error(detail, code="store_unavailable")
    return problem(500, "store_unavailable", Reason.STORE_UNAVAILABLE.message)


def _invalid(error: RequestValidationError) -> Response[str]:
    # Never the value itself: it may be a password.
    faults = [{"key": ".".join(map(str, e["loc"])), "fault": e["msg"]} for e in error.errors()]
    return problem(400, "request_invalid", "correct the keys named in faults", faults=faults)
