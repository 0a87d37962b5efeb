"""Responses of the routes, and their documentation."""

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel

from entitlements.refusals import Code, Refused
from token_service.web.models import Problem

EVERYWHERE: Final = (Code.REQUEST_INVALID, Code.STORE_UNAVAILABLE)
BODY: Final = (Code.REQUEST_TOO_LARGE, Code.CONTENT_TYPE_UNSUPPORTED)
KEYS: Final = (Code.KEYRING_MISSING, Code.KMS_REFUSED, Code.KMS_UNAVAILABLE, Code.BUSY)
POOL: Final = (Code.IDENTITY_REFUSED, Code.IDENTITY_UNAVAILABLE)
SIGNED_IN: Final = (Code.SIGN_IN_REQUIRED, Code.IDENTITY_UNAVAILABLE)
RAZORPAY: Final = (Code.PAYMENTS_NOT_CONFIGURED, Code.PAYMENTS_UNAVAILABLE, Code.BUSY)
"""Of what is sold, and of a deletion, which cancels subscriptions first; a sign-in finishes one that broke off."""
ID_TOKEN: Final[list[dict[str, list[str]]]] = [{"idToken": []}]


def json_answer(body: BaseModel | Mapping[str, Any], status: int = 200, **headers: str) -> Response[str]:
    """A JSON answer; a header's name is given with underscores."""
    text = body.model_dump_json(exclude_none=False) if isinstance(body, BaseModel) else json.dumps(body)
    return Response(status, "application/json", text, headers={k.replace("_", "-"): v for k, v in headers.items()})


def documented(
    model: type[BaseModel], *codes: Code, status: int = 200, what: str = "", statuses: tuple[int, ...] = ()
) -> dict[int, Any]:
    """The `responses` of a route: its success, and the problems that it may answer with, by status."""
    responses: dict[int, Any] = {
        status: {
            "description": what or " ".join((model.__doc__ or "").split()),
            "content": {"application/json": {"model": model}},
        }
    }
    by_status: dict[int, list[str]] = {number: [] for number in statuses}
    for code in dict.fromkeys((*EVERYWHERE, *codes)):
        by_status.setdefault(code.http_status, []).append(f"`{code}`")
    for number, named in sorted(by_status.items()):
        responses[number] = {
            "description": ", ".join(named) or "the gate's refusal, with its reason",
            "content": {"application/problem+json": {"model": Problem}},
        }
    return responses


def bearer(app: APIGatewayHttpResolver) -> str:
    """The bearer token's text. Raises `Refused` if there is none."""
    scheme, _, text = (app.current_event.headers.get("authorization") or "").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Refused(Code.TOKEN_MISSING)
    return text.strip()
