"""Refusals as problem documents (RFC 9457): the codes are in `entitlements/refusals.py`."""

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from entitlements.items import StoreUnavailable
from entitlements.keyring import KeyRingError
from entitlements.refusals import Code, Refused
from token_service.errors import Busy
from token_service.payments.failures import RazorpayRefusal

LOGGER: Final = Logger(service="token-service")


def problem(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response[str]:
    """A problem document with `code` in its type; `members` are extensions (RFC 9457 section 3.2)."""
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
    """The response to a refusal. The message of a 5xx goes to the log for the operator, not to the caller."""
    status = error.code.http_status
    if status < 500:
        retry = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
        return problem(status, error.code, error.public, retry)
    LOGGER.error(str(error), code=error.code)
    return problem(status, error.code, error.code.message, {"Retry-After": "1"} if status == 503 else None)


class Resolver(APIGatewayHttpResolver):
    """Powertools' resolver, which also tells the methods that a path takes."""

    def __init__(self, **options: Any) -> None:
        """With Powertools' options."""
        self._methods: dict[str, set[str]] = {}
        super().__init__(**options)

    def route(self, rule: str, method: str, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        """Declare a route, as Powertools does, and remember its method."""
        pattern = re.sub("<[^>]+>", "[^/]+", rule)
        self._methods.setdefault(pattern, set()).add(method)
        return super().route(rule, method, *arguments, **options)

    def allowed(self, path: str) -> set[str]:
        """The methods of a path; none if there is no such path. `HEAD` goes with `GET`, `OPTIONS` with everything."""
        found = {method for rule, methods in self._methods.items() if re.fullmatch(rule, path) for method in methods}
        return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()) if found else found


def add_handlers(app: Resolver) -> None:
    """Turn every exception that a route may raise into a problem document."""
    app.exception_handler(Refused)(refusal)
    app.exception_handler(RequestValidationError)(_invalid)
    handlers: list[tuple[type[Exception], Callable[[Exception], Response[str]]]] = [
        (Busy, lambda error: refusal(Refused(Code.BUSY, str(error)))),
        (RazorpayRefusal, lambda error: refusal(Refused(Code.PAYMENTS_UNAVAILABLE, f"Razorpay refused: {error}"))),
        (StoreUnavailable, lambda error: refusal(Refused(Code.STORE_UNAVAILABLE, str(error)))),
        (KeyRingError, lambda error: refusal(Refused(Code.STORE_UNAVAILABLE, str(error)))),
    ]
    for kind, handler in handlers:
        app.exception_handler(kind)(handler)
    app.not_found(lambda _: _not_found(app))


def _not_found(app: Resolver) -> Response[str]:
    allowed = app.allowed(app.current_event.raw_path)
    if not allowed or app.current_event.http_method in allowed:  # its parameters are not what the route takes
        return refusal(Refused(Code.ROUTE_UNKNOWN))
    code = Code.METHOD_NOT_ALLOWED
    # RFC 9110 section 15.5.6
    return problem(code.http_status, code, code.message, {"Allow": ", ".join(sorted(allowed))})


def _invalid(error: RequestValidationError) -> Response[str]:
    # Never the value itself: it may be a password.
    faults = [{"key": ".".join(map(str, e["loc"])), "fault": e["msg"]} for e in error.errors()]
    code = Code.REQUEST_INVALID
    return problem(code.http_status, code, code.message, faults=faults)
