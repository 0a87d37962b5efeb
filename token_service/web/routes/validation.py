"""The gate's own decision, for clients without an API Gateway: as JSON, and for nginx's `auth_request`."""

import time
from datetime import datetime
from math import ceil
from typing import Annotated, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from entitlements.decision import Decision, refuse
from entitlements.gate import Request
from entitlements.items import StoreUnavailable
from entitlements.log import decision_line
from entitlements.reasons import Reason
from entitlements.refusals import Code, Refused
from token_service.services import Services
from token_service.web.models import DecisionAnswer, SolutionId, ValidateRequest
from token_service.web.problems import problem
from token_service.web.routes.answers import BODY, documented

TAGS: Final = ["validation"]
REFUSED: Final = (401, 403, 429)
UNCLEAN_PATH: Final = "the path in X-Original-URI must be percent-encoded, without a fragment"
FORWARDED: Final = ("x-forwarded-for", "x-origin-secret")
# nginx does not read the body of a subrequest's response, and closes a connection that has one: no keep-alive.
BODILESS: Final = {
    200: {"description": "allowed", "content": {}},
    401: {"description": "refused: the token is missing or invalid", "content": {}},
    403: {"description": "refused by the solution, the plan, or its quota", "content": {}},
}


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""

    def decide(solution_id: str, method: str, path: str, spend: bool) -> Decision:
        headers = app.current_event.headers
        authorization = headers.get("authorization")
        forwarded, secret = (headers.get(name) for name in FORWARDED)
        request = Request(
            method=method,
            path=path,
            authorization=(authorization,) if authorization is not None else (),
            source_ip=app.current_event.request_context.http.source_ip,
            forwarded_for=(forwarded,) if forwarded else (),
            origin_secret=secret or "",
        )
        now, detail, started = services.clock(), "", time.perf_counter()
        try:
            if services.gate.directory.solution(solution_id, now) is None:
                raise Refused(Code.SOLUTION_UNKNOWN)
            decision = services.gate.decide(solution_id, request, now, spend)
        except StoreUnavailable as error:
            decision, detail = refuse(Reason.STORE_UNAVAILABLE, None), str(error)
        if spend or detail:
            latency_ms = (time.perf_counter() - started) * 1000
            print(decision_line(decision, api_id="", now=now, latency_ms=latency_ms, detail=detail), flush=True)
        return decision

    @app.post(
        "/v1/validate", summary="Decide a request to a solution", tags=TAGS, operation_id="validate",
        description="Decides by the bearer token or the connection's address, with the code and counters of the gate.",
        security=[{"token": []}, {}],
        responses=documented(DecisionAnswer, Code.SOLUTION_UNKNOWN, *BODY, statuses=REFUSED),
    )  # fmt: skip
    def validate(body: ValidateRequest) -> Response[str]:
        decision = decide(body.solution_id, body.method, body.path, body.spend)
        headers = rate_limit_headers(decision, services.clock())
        answer = _answer(decision)
        if decision.allowed:
            return Response(200, "application/json", answer.model_dump_json(), headers=dict(headers))
        reason = decision.reason
        return problem(reason.http_status, reason.value, reason.message, headers, **answer.model_dump())

    @app.get(
        "/v1/auth", summary="Decide a request for nginx's auth_request", tags=TAGS, operation_id="authRequest",
        description="Takes the method and path of the request from X-Original-Method and X-Original-URI. Returns the "
        "decision in headers, without a body: 200 if allowed. A used-up quota is 403, because auth_request has no 429.",
        security=[{"token": []}, {}],
        responses=documented(DecisionAnswer, Code.SOLUTION_UNKNOWN) | BODILESS,
    )  # fmt: skip
    def auth(solution_id: Annotated[SolutionId, Query()]) -> Response[str]:
        headers = app.current_event.headers
        method = headers.get("x-original-method") or "GET"
        path = (headers.get("x-original-uri") or "/").partition("?")[0]
        if not path.isascii() or "#" in path:
            # Neither is valid in a request's path (RFC 3986 section 2, RFC 9112 section 3.2), but nginx passes both on:
            # a backend that cuts the fragment off would serve another route than the one that was counted.
            raise Refused(Code.REQUEST_INVALID, public=UNCLEAN_PATH)
        decision = decide(solution_id, method.upper(), path, spend=True)
        facts = {f"X-Gatepass-{name}": value for name, value in _headers(decision).items()}
        reason = decision.reason
        if reason.gateway_status not in BODILESS:
            return problem(reason.gateway_status, reason.value, reason.message, facts)
        extra = {"WWW-Authenticate": "Bearer"} if reason.gateway_status == 401 else {}
        return Response(reason.gateway_status, None, "", headers={**extra, **facts})


def _headers(decision: Decision) -> dict[str, str]:
    context = decision.context()
    return {
        "Reason": context["reason"],
        "User-Id": context["userId"],
        "Plan": context["plan"],
        "Remaining": context["remaining"],
        "Resets-At": context["resetsAt"],
        "Resign": context["resign"],
    }


def _answer(decision: Decision) -> DecisionAnswer:
    return DecisionAnswer(
        allowed=decision.allowed,
        reason=decision.reason.value,
        userId=decision.user_id,
        solutionId=decision.solution_id,
        plan=decision.plan,
        limit=decision.limit,
        used=decision.used,
        remaining=decision.remaining,
        resetsAt=decision.resets_at or None,
        upgradeUrl=decision.upgrade_url,
        resign=decision.resign,
    )


def rate_limit_headers(decision: Decision, now: float) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), `Retry-After` (RFC 9110, 10.2.3).

    The policy's name is the plan's; a limit that never resets has no time.
    """
    if decision.limit is None or decision.remaining is None:
        return {}
    headers = {
        "RateLimit-Policy": f'"{decision.plan}";q={decision.limit}',
        "RateLimit": f'"{decision.plan}";r={decision.remaining}',
    }
    if decision.resets_at:
        seconds = max(0, ceil(datetime.fromisoformat(decision.resets_at).timestamp() - now))
        headers["RateLimit"] += f";t={seconds}"
        if decision.reason.http_status == 429:
            headers["Retry-After"] = str(seconds)
    return headers
