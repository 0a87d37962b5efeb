"""The HTTP API: thin routes over modules that read like the domain. Errors are RFC 9457 problem documents."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from entitlements.decision import Decision, refuse
from entitlements.directory import MAX_AGE
from entitlements.gate import Gate, Request
from entitlements.identifiers import SOLUTION_ID
from entitlements.log import decision_line
from entitlements.reasons import Reason
from entitlements.solution import METHODS
from entitlements.table import StoreUnavailable
from entitlements.token import parse
from token_service.errors import Busy, Refused
from token_service.identity import IdentityVerifier
from token_service.minting import Minting

JWKS_MAX_AGE: Final = int(MAX_AGE)
"""Seconds that others may keep the public keys: no longer than the gates, after which a published key may sign."""
MAX_BODY: Final = 16_384

SolutionId = Annotated[str, Field(pattern=f"^{SOLUTION_ID.pattern}$")]

LOGGER: Final = Logger(service="token-service")

STATUS: Final = {
    "sign_in_required": 401,
    "token_missing": 401,
    "token_malformed": 401,
    "token_superseded": 401,
    "issuer_mismatch": 401,
    "entitlement_missing": 403,
    "entitlement_suspended": 403,
    "entitlement_revoked": 403,
    "solution_unknown": 404,
    "request_too_large": 413,
    "identity_unavailable": 503,
    "kms_unavailable": 503,
}
"""Of refusals; what is not named here is a fault of ours, and 500."""


class TokenRequest(BaseModel):
    """Body of `POST /v1/tokens`."""

    model_config = ConfigDict(extra="forbid")
    solution_id: SolutionId


class ValidateRequest(BaseModel):
    """Body of `POST /v1/validate`: the request that somebody made to a solution."""

    model_config = ConfigDict(extra="forbid")
    solution_id: SolutionId
    method: str = Field(default="GET", pattern=f"^({'|'.join(METHODS)})$")
    path: str = Field(default="/", pattern="^/", max_length=2048)
    spend: bool = True


@dataclass(frozen=True)
class Services:
    """What the routes stand on."""

    gate: Gate
    minting: Minting
    identity: IdentityVerifier
    clock: Callable[[], float] = time.time


def make_app(services: Services) -> APIGatewayHttpResolver:
    """The resolver with all routes."""
    app = APIGatewayHttpResolver()

    @app.get("/.well-known/jwks.json")
    def jwks() -> Response[str]:
        ring = services.gate.directory.ring(services.clock())
        return _json(200, ring.jwks(), {"Cache-Control": f"public, max-age={JWKS_MAX_AGE}"})

    @app.get("/v1/solutions/<solution_id>")
    def solution(solution_id: str) -> Response[str]:
        found = None
        if SOLUTION_ID.fullmatch(solution_id):
            found = services.gate.directory.solution(solution_id, services.clock())
        if found is None:
            raise Refused("solution_unknown", "there is no such solution")
        public = {key: found.to_mapping()[key] for key in ("solution_id", "name", "status", "default_plan", "plans")}
        return _json(200, public | {"upgrade_url": found.upgrade_url})

    @app.post("/v1/tokens")
    def tokens() -> Response[str]:
        user_id = services.identity.user_id(app.current_event.headers.get("authorization"))
        body = TokenRequest.model_validate(_body(app))
        token = services.minting.mint(user_id, body.solution_id)
        return _json(200, {"token": token, "solution_id": body.solution_id}, {"Cache-Control": "no-store"})

    @app.post("/v1/tokens/refresh")
    def refresh() -> Response[str]:
        scheme, _, text = (app.current_event.headers.get("authorization") or "").strip().partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("token_missing", "send the token to renew as Authorization: Bearer")
        token = parse(text.strip())
        if token is None:
            raise Refused("token_malformed", Reason.TOKEN_MALFORMED.message)
        renewed = services.minting.refresh(token)
        return _json(200, {"token": renewed}, {"Cache-Control": "no-store"})

    @app.post("/v1/validate")
    def validate() -> Response[str]:
        body = ValidateRequest.model_validate(_body(app))
        authorization = app.current_event.headers.get("authorization")
        request = Request(
            method=body.method,
            path=body.path,
            authorization=(authorization,) if authorization is not None else (),
            source_ip=app.current_event.request_context.http.source_ip,
        )
        now, detail, started = services.clock(), "", time.perf_counter()
        try:
            if services.gate.directory.solution(body.solution_id, now) is None:
                raise Refused("solution_unknown", "there is no such solution")
            decision = services.gate.decide(body.solution_id, request, now, body.spend)
        except StoreUnavailable as error:
            decision, detail = refuse(Reason.STORE_UNAVAILABLE, None), str(error)
        if body.spend or detail:
            latency_ms = (time.perf_counter() - started) * 1000
            print(decision_line(decision, api_id="", now=now, latency_ms=latency_ms, detail=detail), flush=True)
        return _decision(decision)

    app.exception_handler(Refused)(_refused)
    app.exception_handler(Busy)(_busy)
    app.exception_handler(StoreUnavailable)(_unavailable)
    app.exception_handler(ValidationError)(_invalid)

    @app.not_found
    def not_found(_: Exception) -> Response[str]:
        return problem(404, "route_unknown", "there is no such route")

    return app


def _refused(error: Refused) -> Response[str]:
    status = STATUS.get(error.code, 500)
    if status < 500:
        return problem(status, error.code, str(error))
    LOGGER.error(str(error), code=error.code)
    return problem(status, error.code, "this cannot be done right now: try again, and tell the operator if it stays so")


def _busy(error: Busy) -> Response[str]:
    LOGGER.warning(str(error), code="busy")
    return problem(503, "busy", str(error), headers={"Retry-After": "1"})


def _unavailable(error: StoreUnavailable) -> Response[str]:
    LOGGER.error(str(error), code="store_unavailable")
    return problem(500, "store_unavailable", Reason.STORE_UNAVAILABLE.message)


def _invalid(error: ValidationError) -> Response[str]:
    faults = [{"key": ".".join(map(str, e["loc"])), "fault": e["msg"]} for e in error.errors()]
    return problem(400, "request_invalid", "mend the keys named in faults", faults=faults)


def _body(app: APIGatewayHttpResolver) -> Any:
    if len(app.current_event.body or "") > MAX_BODY:
        raise Refused("request_too_large", f"the body may hold {MAX_BODY} characters")
    try:
        return json.loads(app.current_event.decoded_body or "")
    except (ValueError, RecursionError):
        return None  # what is no object is refused by its model, in the same words


def _decision(decision: Decision) -> Response[str]:
    facts: dict[str, Any] = {
        "allowed": decision.allowed,
        **decision.context(),
        "limit": decision.limit,
        "used": decision.used,
        "remaining": decision.remaining,
        "resetsAt": decision.resets_at or None,
        "resign": decision.resign,
    }
    no_store = {"Cache-Control": "no-store"}
    if decision.allowed:
        return _json(200, facts, no_store)
    reason = decision.reason
    return problem(reason.http_status, reason.value, reason.message, headers=no_store, **facts)


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


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response[str]:
    return Response(status, "application/json", json.dumps(body), headers=dict(headers or {}))
