"""Every AWS call of attach and detach fails in turn, before and after it was carried out, once and from then on.

Many failures leave the same behind, such as those of two reads in a row. What follows from it is tried once.
"""

import json
import re
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatepass.attach import record as records
from tests.gatepass.attach.conftest import Faults, World
from token_service.repository import Repository

MODES = ("before", "after", "lost before", "lost after", "interrupted before", "interrupted after")

CASES = [(kind, mode) for kind in ("REST", "HTTP") for mode in MODES]
CASES += [(kind, mode) for kind in ("HTTP manual", "WEBSOCKET") for mode in ("before", "lost after")]


def faults_of(mode: str) -> Faults:
    faults = Faults()
    faults.after = mode.endswith("after")
    faults.forever = mode.startswith("lost")
    if mode.startswith("interrupted"):
        faults.error = KeyboardInterrupt
    elif mode == "before":
        faults.error = lambda: ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "X")
    return faults


def make(world: World, kind: str) -> tuple[str, str]:
    if kind == "REST":
        return world.rest_api(), "REST"
    if kind == "WEBSOCKET":
        return world.v2_api("WEBSOCKET", auto=False, routes=("$connect", "$default")), "WEBSOCKET"
    routes = ("POST /search", "GET /health", "OPTIONS /health", "$default")
    return world.v2_api(auto=kind == "HTTP", routes=routes), "HTTP"


def recorded(world: World, api: str) -> "records.AttachRecord | None":
    return records.load(Repository(world.table.client, world.table.name), api)


class Seen:
    """What failures left behind so far. Names and times that AWS made since `before` are told apart by their order."""

    _MADE = re.compile(r"\b(?=[a-z]*\d)[a-z0-9]{6,}\b|\b\d{4}-\d\d-\d\d[T ][\d:.]+|\b\d{9,}(?:\.\d+)?\b")

    def __init__(self, before: dict[str, Any]) -> None:
        self._old = set(self._MADE.findall(self._text(before)))
        self._seen: set[str] = set()

    @staticmethod
    def _text(state: dict[str, Any]) -> str:
        return json.dumps(state, sort_keys=True, default=str)

    def new(self, state: dict[str, Any]) -> bool:
        """Whether it is the first time."""
        names: dict[str, str] = {}

        def name(found: "re.Match[str]") -> str:
            return found[0] if found[0] in self._old else names.setdefault(found[0], f"#{len(names)}")

        text = self._MADE.sub(name, self._text(state))
        self._seen, known = self._seen | {text}, text in self._seen
        return not known

    def __len__(self) -> int:
        return len(self._seen)


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_attach_failing_anywhere_is_attached_or_as_before_or_resumable_and_never_open(
    world: World, kind: str, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api, kind = make(world, kind)
    before = world.state(api, kind)
    put_back, seen = world.keep(api, kind), Seen(before)
    faults = faults_of(mode)
    faults.watch = world.guard(api, kind)
    outcomes = set()
    while True:
        faults.at += 1
        faults.failed = []
        status = world.attach(api, faults=faults)
        said = capsys.readouterr().err
        assert "EXPOSED" not in said, (faults.at, faults.failed, said)
        if not faults.failed:
            break  # every call has failed once
        if status == 0:
            outcomes.add("attached")
        elif "stopped partway" in said:
            outcomes.add("resumable")
        else:
            outcomes.add("as before")
            assert world.state(api, kind) == before, (faults.at, faults.failed, said)
            continue
        left = world.state(api, kind)
        if seen.new({"status": status, "left": left}):
            record = recorded(world, api)
            # Without a record, the last write was done, and only its answer was lost.
            assert record is not None or left == before, faults.failed
            if record is not None and len(seen) % 2:
                assert world.run("status", api) == (0 if record.status == "attached" else 1), faults.failed
                assert world.attach(api) == 0, faults.failed
                assert world.run("status", api) == 0, faults.failed
            if record is not None:
                assert world.detach(api) == 0, (faults.at, faults.failed, capsys.readouterr().err)
            assert world.state(api, kind) == before, (faults.at, faults.failed)
        put_back()
    assert status == 0
    assert faults.at > (6 if faults.after else 12)
    assert ("as before" in outcomes) or faults.after
    assert ("resumable" in outcomes) == mode.startswith("lost")


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_detach_failing_anywhere_is_attached_or_as_before_or_resumable_and_never_open(
    world: World, kind: str, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api, kind = make(world, kind)
    before = world.state(api, kind)
    faults = faults_of(mode)
    faults.watch = world.guard(api, kind)
    assert world.attach(api) == 0
    attach_again, seen = world.keep(api, kind), Seen(world.state(api, kind))
    while True:
        faults.at += 1
        faults.failed = []
        status = world.detach(api, faults=faults)
        said = capsys.readouterr().err
        assert "EXPOSED" not in said, (faults.at, faults.failed, said)
        if not faults.failed:
            break
        stopped = "stopped partway" in said
        if seen.new({"stopped": stopped, "left": world.state(api, kind)}):
            if recorded(world, api) is None:
                assert world.state(api, kind) == before, faults.failed
            elif not stopped:
                assert world.run("status", api) == 0, faults.failed
            elif len(seen) % 2:
                assert world.attach(api) == 0, faults.failed
                assert world.run("status", api) == 0, faults.failed
            if recorded(world, api) is not None:
                assert world.detach(api) == 0, (faults.at, faults.failed, capsys.readouterr().err)
            assert world.state(api, kind) == before, (faults.at, faults.failed)
        attach_again()
    assert status == 0
    assert world.state(api, kind) == before


@pytest.mark.parametrize("kind", ["REST", "HTTP"])
def test_two_failures_in_one_run_leave_nothing_open(
    world: World, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one strikes on the way back, or in the run that was to finish the first."""
    api, kind = make(world, kind)
    before = world.state(api, kind)
    random = Random(kind)
    for _ in range(12):
        faults = faults_of("after")
        faults.watch = world.guard(api, kind)
        faults.at = random.randint(2, 14)
        faults.then = faults.at + random.randint(1, 8)
        world.attach(api, faults=faults)
        where = (faults.failed, capsys.readouterr().err)
        if recorded(world, api) is None:
            assert world.state(api, kind) == before, where
            continue
        again = faults_of("before")
        again.watch, again.at = faults.watch, random.randint(3, 20)
        world.detach(api, faults=again)
        if recorded(world, api) is not None:
            assert world.detach(api) == 0, (*where, again.failed, capsys.readouterr().err)
        assert world.state(api, kind) == before, (*where, again.failed)


@pytest.mark.parametrize(
    ("kind", "service"), [("REST", "api-gateway"), ("HTTP", "apigatewayv2"), ("WEBSOCKET", "apigatewayv2")]
)
def test_throttled_calls_are_repeated_with_back_off(
    world: World, kind: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.awsrequest import AWSResponse

    api, _ = make(world, kind)
    sent: list[str] = []
    clients: list[object] = []

    class Raw:
        def stream(self, *_: object, **__: object) -> list[bytes]:
            return [b'{"message":"Too Many Requests"}']

    def throttle(request: object, **_: object) -> "AWSResponse | None":
        sent.append(request.method)  # type: ignore[attr-defined]
        if len(sent) % 3:
            return None
        headers = {"x-amzn-ErrorType": "TooManyRequestsException"}
        return AWSResponse("https://aws", 429, headers, Raw())

    class Throttled(Faults):
        def install(self, client: object) -> object:
            client.meta.events.register_first(f"before-send.{service}.*", throttle)  # type: ignore[attr-defined]
            clients.append(client)
            return client

    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.001)
    assert world.attach(api, faults=Throttled()) == 0
    for client in clients:
        client.meta.events.unregister(f"before-send.{service}.*", throttle)  # type: ignore[attr-defined]
    assert len(sent) > 20
    assert world.run("status", api) == 0
