"""Real requests: the gate's refusal, or what else answers."""

import re
import time

import pytest

from entitlements.gate import Gate, Request
from entitlements.reasons import Reason
from gatepass.attach.api_state import ApiKind
from gatepass.attach.goal import AttachOptions
from gatepass.attach.plan import ResourceChange
from gatepass.attach.record import AttachRecord, AttachStatus
from gatepass.attach.resources import GATE, ResourceKey, ResourceKind, RouteAuthorization
from gatepass.doctor import request_check
from tests.gatepass.doctor.conftest import Ward
from tests.support.emulators import free_port
from tests.support.scripted import answer, scripted
from tests.support.table import PatientDynamoDB

ARN = "arn:aws-cn:lambda:cn-north-1:123456789012:function:gate:live"


def record(*routes: str, stage: str = "prod") -> AttachRecord:
    keys = [ResourceKey(ResourceKind.ROUTE, route) for route in routes]
    changes = {key: ResourceChange(key, None, RouteAuthorization("CUSTOM", GATE), None) for key in keys}
    options = AttachOptions(ARN)
    return AttachRecord("abc123", "s", AttachStatus.ATTACHED, ApiKind.HTTP, stage, options, "1", changes)


@pytest.mark.parametrize(
    ("routes", "asked"),
    [
        (["POST /search", "GET /items/{id}/{proxy+}"], ("GET", "/items/x/x")),
        (["ANY /{proxy+}"], ("GET", "/x")),
        (["$default"], ("GET", "/")),
        (["POST /search"], ("POST", "/search")),
        ([], None),
    ],
)
def test_a_route_that_reads_is_asked_if_there_is_one(routes: list[str], asked: tuple[str, str] | None) -> None:
    assert request_check.gated_route(record(*routes)) == asked


def test_the_address_is_that_of_the_stage() -> None:
    class Deployed:
        emulated = False

    assert request_check.address(Deployed(), record()) == (  # type: ignore[arg-type]
        "https://abc123.execute-api.cn-north-1.amazonaws.com.cn/prod",
        {},
    )
    url, _ = request_check.address(Deployed(), record(stage="$default"))  # type: ignore[arg-type]
    assert url == "https://abc123.execute-api.cn-north-1.amazonaws.com.cn"


@pytest.mark.parametrize(
    ("status", "kind", "outcome", "what"),
    [
        ("403 Forbidden", "AccessDeniedException", "ok", "refused GET /search"),
        ("403 Forbidden", "", "ok", "refused GET /search"),
        ("403 Forbidden", "MissingAuthenticationTokenException", "problem", "without the gate: MissingAuth"),
        ("403 Forbidden", "ForbiddenException", "problem", "without the gate: ForbiddenException"),
        ("200 OK", "", "problem", "it is EXPOSED"),
        ("404 Not Found", "", "problem", "it is EXPOSED"),
        ("500 Internal Server Error", "", "problem", "it cannot call the gate"),
        ("", "", "problem", "gave no answer"),
    ],
)
def test_only_the_gates_refusal_is_sound(
    ward: Ward, http_api: str, monkeypatch: pytest.MonkeyPatch, status: str, kind: str, outcome: str, what: str
) -> None:
    with scripted(answer({"message": "x"}, status or "200 OK", x_amzn_ErrorType=kind)) as server:
        url = server.url if status else f"http://127.0.0.1:{free_port()}"
        monkeypatch.setattr(request_check, "address", lambda *_: (url, {}))
        (line,) = ward.examine("requests")
        assert (line.status, what in line.what) == (outcome, True), line
        assert [request.startswith(b"GET /search ") for request in server.requests] == ([True] if status else [])


def test_the_gate_refuses_the_token_before_it_writes(
    ward: Ward, http_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(answer({"message": "Forbidden"}, "403 Forbidden")) as server:
        monkeypatch.setattr(request_check, "address", lambda *_: (server.url, {}))
        ward.examine("requests")
    (sent,) = re.findall(rb"authorization: bearer (\S+)", server.requests[0], re.IGNORECASE)
    gate = Gate(PatientDynamoDB(ward.endpoint, ward.table))
    before = ward.items()
    request = Request("GET", "/search", (f"Bearer {sent.decode()}",))
    assert gate.decide("faiss-search", request, time.time()).reason is Reason.SOLUTION_MISMATCH
    assert ward.items() == before


def test_it_is_asked_for_by_an_option_and_skipped_without_an_attached_api(ward: Ward) -> None:
    (line,) = [one for one in ward.doctor("--request") if one["check"] == "requests"]
    assert line["status"] == "skipped"
    assert not any(one["check"] == "requests" for one in ward.doctor())
