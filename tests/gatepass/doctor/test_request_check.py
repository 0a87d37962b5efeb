"""Real requests: the gate's 401, or what else answers."""

import pytest

from gatepass.attach.api_state import ApiKind
from gatepass.attach.goal import AttachOptions
from gatepass.attach.plan import ResourceChange
from gatepass.attach.record import AttachRecord, AttachStatus
from gatepass.attach.resources import GATE, ResourceKey, ResourceKind, RouteAuthorization
from gatepass.doctor import request_check
from tests.gatepass.doctor.conftest import Ward
from tests.support.emulators import free_port
from tests.support.scripted import answer, scripted

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
    ("status", "outcome", "what"),
    [
        ("401 Unauthorized", "ok", "refused GET /search"),
        ("200 OK", "problem", "it is EXPOSED"),
        ("404 Not Found", "problem", "it is EXPOSED"),
        ("403 Forbidden", "problem", "something else than the gate refused it"),
        ("500 Internal Server Error", "problem", "it cannot call the gate"),
        ("", "problem", "gave no answer"),
    ],
)
def test_only_the_gates_refusal_is_sound(
    ward: Ward,
    http_api: str,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    outcome: str,
    what: str,
) -> None:
    with scripted(answer({"message": "x"}, status or "200 OK")) as server:
        url = server.url if status else f"http://127.0.0.1:{free_port()}"
        monkeypatch.setattr(request_check, "address", lambda *_: (url, {}))
        lines = ward.doctor("--request")
        (line,) = [one for one in lines if one["check"] == "requests"]
        assert (line["status"], what in line["what"]) == (outcome, True), line
        for request in server.requests:
            assert request.startswith(b"GET /search ")
            assert b"authorization: bearer sent-by-gatepass-doctor\r\n" in request.lower()


def test_without_an_attached_api_there_is_nothing_to_ask(ward: Ward) -> None:
    (line,) = [one for one in ward.doctor("--request") if one["check"] == "requests"]
    assert line["status"] == "skipped"
    assert not any(one["check"] == "requests" for one in ward.doctor())
