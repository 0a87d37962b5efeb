"""The handling of every request before and after its route: body, forms, origins, headers."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from entitlements.items import StoreUnavailable
from entitlements.refusals import Code, Refused
from token_service.web.origins import Origins
from token_service.web.problems import LOGGER, refusal

MAX_BODY: Final = 16_384
"""Bytes. The largest request holds a token and a URL."""
FORM: Final = "application/x-www-form-urlencoded"
SESSIONS_PATH: Final = "/v1/sessions"
REDIRECTING: Final = ("/v1/registrations/confirm", SESSIONS_PATH)
FORM_PATHS: Final = ("/v1/registrations", *REDIRECTING)
PREFLIGHT_SECONDS: Final = 600
BODILESS: Final = ("GET", "HEAD", "DELETE")
"""RFC 9110 sections 9.3.1, 9.3.2 and 9.3.5: a body has no defined meaning there, but a proxy may send one."""
RAW_BODY: Final = "gatepassRawBody"
DOCS_PATH: Final = "/v1/docs"
WEBHOOK_PATH: Final = "/v1/webhooks/razorpay"
MAX_EVENT: Final = 131_072
"""Bytes of a webhook's event: Razorpay's samples are below 10,000."""

# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
HEADERS: Final = {
    # Without subdomains: the portal's domain passes these answers on, and its other hosts may not be ours.
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    # The redirect's URL contains the token, which no other page may receive in the Referer header.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
# The page is one file with inline scripts and styles, and calls only this service.
DOCS_CSP: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "frame-ancestors 'none'"
)

Event = dict[str, Any]


def handle(app: APIGatewayHttpResolver, origins: Origins, event: Event, context: Any) -> Event:
    """Answer an HTTP API event (payload format 2.0)."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    path, method = event.get("rawPath", ""), event["requestContext"]["http"]["method"]
    origin = headers.get("origin", "")
    try:
        known = bool(origin) and origins.known(origin)
        if method == "OPTIONS":
            return _finished(_preflight(), path, origin, known)
        if method == "HEAD":
            # RFC 9110 section 9.3.2: as GET, without its content.
            return handle(app, origins, _with_method(event, "GET"), context) | {"body": ""}
        event, is_form = _with_plain_body(event, headers, path)
        if is_form:
            origins.require_form(origin, json.loads(event["body"]).get("solution_id"), optional=path == SESSIONS_PATH)
        answer = app.resolve(event, context)
    except Refused as refused:
        answer, is_form, known = _plain(refusal(refused)), False, False
    except StoreUnavailable as error:
        answer, is_form, known = _plain(refusal(Refused(Code.STORE_UNAVAILABLE, str(error)))), False, False
    return _finished(_as_redirect(answer) if is_form else answer, path, origin, known)


def _with_method(event: Event, method: str) -> Event:
    context = event["requestContext"]
    return {**event, "requestContext": {**context, "http": {**context["http"], "method": method}}}


def _with_plain_body(event: Event, headers: Mapping[str, str], path: str) -> tuple[Event, bool]:
    """The event with its body as JSON text, and whether it was a form. Raises `Refused` for other bodies."""
    body = "" if event["requestContext"]["http"]["method"] in BODILESS else event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        text = raw.decode()
    except (binascii.Error, UnicodeError) as error:
        raise Refused(Code.REQUEST_INVALID, public="the body is not valid text: send it in UTF-8") from error
    most = MAX_EVENT if path == WEBHOOK_PATH else MAX_BODY
    if len(raw) > most:
        raise Refused(Code.REQUEST_TOO_LARGE, public=f"the body is too large: send at most {most} bytes")
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if text and kind not in (FORM, "application/json"):
        raise Refused(Code.CONTENT_TYPE_UNSUPPORTED)
    # curl and other clients label every body as a form by default, so JSON is recognized by its content.
    is_form = kind == FORM and bool(text) and not text.lstrip().startswith("{")
    if is_form:
        if path not in FORM_PATHS:
            raise Refused(Code.CONTENT_TYPE_UNSUPPORTED)
        text = _form_as_json(text)
    headers = {**headers, "content-type": "application/json"}
    return {**event, "body": text or None, "isBase64Encoded": False, "headers": headers, RAW_BODY: raw}, is_form


def raw_body(app: APIGatewayHttpResolver) -> bytes:
    """The request's body as its sender signed it, byte for byte: only API Gateway's base64 is decoded."""
    raw: bytes = app.current_event[RAW_BODY]
    return raw


def _form_as_json(text: str) -> str:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError as error:
        raise Refused(Code.REQUEST_INVALID, public="the form is not valid: send URL-encoded fields") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Refused(Code.REQUEST_INVALID, public="a field of the form is repeated: send each field once")
    # Browsers send fields that were left empty: they count as absent.
    return json.dumps({name: value for name, value in fields.items() if value})


def _as_redirect(answer: Event) -> Event:
    """Turn a form's success into a redirect (RFC 9110 section 15.4.4) that contains the token or code."""
    redirect = json.loads(answer["body"]).get("redirect") if answer["statusCode"] == 200 else None
    if not redirect:
        return answer
    return {**answer, "statusCode": 303, "body": "", "headers": {**answer["headers"], "Location": redirect}}


def _preflight() -> Event:
    return {
        "statusCode": 204,
        "body": "",
        "headers": {
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Access-Control-Allow-Headers": "authorization, content-type",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    }


def _plain(response: Any) -> Event:
    return {
        "statusCode": response.status_code,
        "body": response.body,
        "headers": {"Content-Type": response.content_type, **response.headers},
    }


def _finished(answer: Event, path: str, origin: str, known: bool) -> Event:
    headers = {"Cache-Control": "no-store", "Vary": "Origin", **HEADERS, **answer["headers"]}
    if path == DOCS_PATH and answer["statusCode"] == 200:
        headers["Content-Security-Policy"] = DOCS_CSP
    if known:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "RateLimit, RateLimit-Policy, Retry-After"
    elif answer["statusCode"] == 204:
        LOGGER.info("preflight of an unknown origin")
        headers = {name: value for name, value in headers.items() if not name.startswith("Access-Control-")}
    return {**answer, "headers": headers}
