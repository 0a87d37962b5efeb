"""Every sample in `events/` gives the reason that it stands for."""

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from authorizer.answers import AccessNotDecided, Unauthorized
from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.reasons import Reason
from tests.support.api import Api
from tests.support.make_events import files
from tests.support.seller import selling_api
from tests.support.table import Table
from token_service import payments_handler
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
    ("name", "status"),
    [
        ("http_keys", 200),
        ("http_validate_anonymous", 200),
        ("http_solution_unknown", 404),
        ("http_checkout_signed_out", 401),
        ("http_razorpay_unsigned", 403),
    ],
)
def test_the_token_services_sample_gives_its_status(api: Api, name: str, status: int) -> None:
    event = json.loads((EVENTS / "token_service" / f"{name}.json").read_text())
    with selling_api(api):
        assert edge.handle(api.app, api.services.origins, event, None)["statusCode"] == status


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("schedule_every_minute", {"tried": 0, "late": 0, "unmatched": 0}),
        ("schedule_comparison", {"found": 0, "remaining": 0}),
    ],
)
def test_the_job_of_payments_takes_its_samples(
    api: Api, monkeypatch: pytest.MonkeyPatch, name: str, counts: dict[str, int]
) -> None:
    event = json.loads((EVENTS / "payments" / f"{name}.json").read_text())
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
    with selling_api(api) as razorpay:
        monkeypatch.setenv("GATEPASS_TABLE", api.table.name)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", api.moto)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", api.settings.dynamodb_endpoint or "")
        monkeypatch.setenv("GATEPASS_RAZORPAY_URL", razorpay.url)
        monkeypatch.setenv("GATEPASS_RAZORPAY_SECRET", f"razorpay-{api.table.name}")
        assert payments_handler.lambda_handler(event, context) == counts
