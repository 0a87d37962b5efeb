"""Writes `events/`: sample events with valid tokens of a test-only key, and the fixture that they need.

`python -m tests.support.make_events` writes, `--check` compares; the signatures are deterministic, so both agree.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from entitlements.items import entitlement_key
from entitlements.solution import read_solution
from entitlements.token import jti_of
from tests.support import events
from tests.support.signer import SOLUTION, Signer, ring, secret_of
from tests.support.table import API, config

FOLDER = Path(__file__).parents[2] / "events"
SAM_LOCAL_API = "1234567890"
"""The id of every API under `sam local start-api`."""

# One user for each state that a request can meet. No counter is of a day, so that the samples never grow old.
USERS: dict[str, dict[str, Any]] = {
    "registered": {},
    "pro": {"plan": "pro"},
    "suspended": {"status": "suspended"},
    "revoked": {"status": "revoked", "jti": None},
    "superseded": {"jti": "the-jti-of-a-newer-token"},
    "spent": {"plan": "pack-100", "granted": 100, "total": 100},
    "stranded": {"plan": "a-plan-of-old"},
}


def user_id(name: str) -> str:
    return f"00000000-0000-4000-8000-{list(USERS).index(name) + 1:012d}"


def token(name: str) -> str:
    return Signer().token(user_id(name))


def fixture() -> dict[str, Any]:
    solution, key_ring = read_solution(config()), ring()
    items: list[dict[str, Any]] = [
        {"pk": "keyring", "sk": "current", "document": key_ring.to_document(), "version": 1},
        {"pk": f"solution#{SOLUTION}", "sk": "config", "document": solution.to_document()},
        {"pk": f"api#{API}", "sk": "config", "solution_id": SOLUTION},
        {"pk": f"api#{SAM_LOCAL_API}", "sk": "config", "solution_id": SOLUTION},
    ]
    for name, changes in USERS.items():
        user = user_id(name)
        attributes = {
            "user_id": user,
            "solution_id": SOLUTION,
            "status": "active",
            "plan": "registered",
            "generation": "1",
            "jti": jti_of(secret_of(user)),
            "total": 0,
        } | changes
        kept = {key: value for key, value in attributes.items() if value is not None}
        items.append({"pk": f"user#{user}", "sk": f"solution#{SOLUTION}", **kept})
    return {"items": items, "expected": {name: reason for name, (_, reason) in samples().items()}}


def samples() -> dict[str, tuple[dict[str, Any], str]]:
    """Each sample with the reason that the gate gives on a freshly seeded table."""
    altered = token("registered")[:-10] + ("A" * 10 if not token("registered").endswith("A" * 10) else "B" * 10)
    return {
        "authorizer/rest_token_ok.json": (events.rest_token(f"Bearer {token('registered')}"), "ok"),
        "authorizer/rest_token_missing.json": (events.rest_token(None), "token_missing"),
        "authorizer/rest_request_ok.json": (events.rest_request(token("registered")), "ok"),
        "authorizer/rest_request_anonymous.json": (events.rest_request(None), "ok_anonymous"),
        "authorizer/rest_request_malformed.json": (events.rest_request("not-a-token"), "token_malformed"),
        "authorizer/rest_request_altered.json": (events.rest_request(altered), "signature_invalid"),
        "authorizer/rest_request_foreign_solution.json": (
            events.rest_request(Signer().token(user_id("registered"), "another-solution")),
            "solution_mismatch",
        ),
        "authorizer/rest_request_options.json": (events.rest_request(None, method="OPTIONS"), "token_missing"),
        "authorizer/rest_request_suspended.json": (events.rest_request(token("suspended")), "entitlement_suspended"),
        "authorizer/rest_request_quota_exceeded.json": (events.rest_request(token("spent")), "quota_exceeded"),
        "authorizer/http_1_ok.json": (events.http_1(token("pro")), "ok"),
        "authorizer/http_1_revoked.json": (events.http_1(token("revoked")), "entitlement_revoked"),
        "authorizer/http_2_ok.json": (events.http_2(token("pro")), "ok"),
        "authorizer/http_2_anonymous.json": (events.http_2(None, ip="2001:db8::7"), "ok_anonymous"),
        "authorizer/http_2_superseded.json": (events.http_2(token("superseded")), "token_superseded"),
        "authorizer/http_2_unknown_key.json": (
            events.http_2(Signer("another test-only key").token(user_id("pro"))),
            "key_unknown",
        ),
        "authorizer/http_2_unknown_api.json": (events.http_2(token("pro"), api="unlinked"), "api_unknown"),
        "authorizer/http_2_unknown_plan.json": (events.http_2(token("stranded")), "plan_unknown"),
        "authorizer/websocket_ok.json": (events.websocket_connect(token("pro")), "ok"),
        "authorizer/websocket_other_issuer.json": (
            events.websocket_connect(Signer().token(user_id("pro"), issuer="another-marketplace")),
            "issuer_mismatch",
        ),
    }


def files() -> dict[str, str]:
    data = {"fixture.json": fixture()} | {name: event for name, (event, _) in samples().items()}
    data["key_rotation/schedule_daily.json"] = events.schedule()
    data["watch/schedule_hourly.json"] = events.schedule("WatchHourly")
    data["token_service/http_keys.json"] = events.api_request("GET", "/.well-known/jwks.json")
    data["payments/schedule_every_minute.json"] = events.schedule("PaymentsEveryMinute")
    data["usage/logs_refused.json"] = events.logs(
        {"reason": "quota_exceeded", "allowed": False, "solution": SOLUTION, "user": user_id("spent")}
    )
    before, after = ({"plan": "registered", "d20261124": used} for used in (7, 8))
    record = events.stream(entitlement_key(user_id("registered"), SOLUTION), "MODIFY", before, after)
    data["usage/stream_request.json"] = {"Records": [record]}
    data["payments/schedule_comparison.json"] = {"reconcile_hours": 26}
    buy = {"solution_id": SOLUTION, "plan": "pro"}
    data["token_service/http_checkout_signed_out.json"] = events.api_request("POST", "/v1/checkout", buy)
    event = {"event": "payment.captured", "payload": {}}
    data["token_service/http_razorpay_unsigned.json"] = events.api_request("POST", "/v1/webhooks/razorpay", event)
    ask = {"solution_id": SOLUTION, "method": "POST", "path": "/search"}
    data["token_service/http_validate_anonymous.json"] = events.api_request("POST", "/v1/validate", ask)
    data["token_service/http_solution_unknown.json"] = events.api_request("GET", "/v1/solutions/none-such")
    return {name: json.dumps(value, indent=2) + "\n" for name, value in data.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the files are up to date")
    wanted = files()
    if parser.parse_args().check:
        found = {str(p.relative_to(FOLDER)): p.read_text() for p in FOLDER.rglob("*.json")}
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        if wrong:
            print(f"not up to date: {', '.join(wrong)}: python -m tests.support.make_events", file=sys.stderr)
        return bool(wrong)
    for name, text in wanted.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
