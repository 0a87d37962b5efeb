"""Every sample in `events/` gives the reason that it stands for."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from authorizer.answers import AccessNotDecided, Unauthorized
from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.reasons import Reason
from tests.support.api import Api
from tests.support.make_events import files
from tests.support.table import Table
from token_service.web import edge

EVENTS = Path(__file__).parents[1] / "events"
FIXTURE: dict[str, Any] = json.loads((EVENTS / "fixture.json").read_text())


@pytest.mark.parametrize("name", FIXTURE["expected"])
def test_the_sample_gives_its_reason(table: Table, name: str) -> None:
    for item in FIXTURE["items"]:
        table.put(**item)
    lines: list[str] = []
    handle = make_handler(Gate(table.store), write=lines.append)
    with contextlib.suppress(Unauthorized, AccessNotDecided):
        handle(json.loads((EVENTS / name).read_text()), None)
    assert json.loads(lines[-1])["reason"] == FIXTURE["expected"][name]


def test_the_samples_are_up_to_date() -> None:
    assert {str(p.relative_to(EVENTS)): p.read_text() for p in EVENTS.rglob("*.json")} == files()


def test_the_reasons_that_matter_have_a_sample() -> None:
    without = {
        "entitlement_missing",
        "key_revoked",
        "solution_disabled",
        "anonymous_quota_exceeded",
        "store_unavailable",
    }
    assert {r.value for r in Reason} - without == set(FIXTURE["expected"].values())


@pytest.mark.parametrize(
    ("name", "status"), [("http_keys", 200), ("http_validate_anonymous", 200), ("http_solution_unknown", 404)]
)
def test_the_token_services_sample_gives_its_status(api: Api, name: str, status: int) -> None:
    event = json.loads((EVENTS / "token_service" / f"{name}.json").read_text())
    assert edge.handle(api.app, api.services.origins, event, None)["statusCode"] == status
