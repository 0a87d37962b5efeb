"""What a user may do with their own access: tokens, usage, and the end of the account."""

import re
import time

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.signer import SOLUTION, USER

ASK = {"solution_id": SOLUTION}


@pytest.fixture
def user(api: Api) -> Api:
    """Signed in, with access and a token."""
    api.sign_in()
    api.access.grant(api.user, SOLUTION)
    return api


def mint(api: Api, path: str = "/v1/tokens") -> str:
    status, answer = api.call("POST", path, ASK, api.id_token)
    assert status == 200
    return str(answer["token"])


def reason(api: Api, token: str) -> str:
    return str(api.call("POST", "/v1/validate", ASK, token)[1]["reason"])


def test_rotating_ends_the_token_before(user: Api) -> None:
    old = mint(user)
    new = mint(user, "/v1/tokens/rotate")
    assert (reason(user, old), reason(user, new)) == ("token_superseded", "ok")


def test_revoking_ends_the_token_and_leaves_the_access(user: Api) -> None:
    old = mint(user)
    assert reason(user, old) == "ok"
    assert user.call("DELETE", f"/v1/tokens/{SOLUTION}", bearer=user.id_token) == (
        200,
        {"status": "revoked", "solution_id": SOLUTION},
    )
    assert reason(user, old) == "token_superseded"
    assert user.call("DELETE", f"/v1/tokens/{SOLUTION}", bearer=user.id_token)[0] == 200
    new = mint(user)
    assert reason(user, new) == "ok"
    assert user.call("POST", "/v1/validate", ASK | {"spend": False}, new)[1]["used"] == 2


def test_a_suspended_user_cannot_get_a_token_by_revoking_and_signing_in(user: Api) -> None:
    mint(user)
    user.access.suspend(user.user, SOLUTION)
    user.call("DELETE", f"/v1/tokens/{SOLUTION}", bearer=user.id_token)
    status, problem = user.call("POST", "/v1/sessions", {"email": EMAIL, "password": PASSWORD, "solution_id": SOLUTION})
    assert (status, problem["type"]) == (403, "urn:gatepass:entitlement_suspended")


def test_the_list_shows_plan_usage_and_when_it_resets(user: Api) -> None:
    token = mint(user)
    for _ in range(4):
        reason(user, token)
    status, answer = user.call("GET", "/v1/entitlements", bearer=user.id_token)
    (found,) = answer["entitlements"]
    assert status == 200
    assert {k: found[k] for k in ("solution_id", "status", "plan", "limit", "used", "remaining")} == {
        "solution_id": SOLUTION,
        "status": "active",
        "plan": "registered",
        "limit": 10,
        "used": 4,
        "remaining": 6,
    }
    assert found["resets_at"].endswith("T00:00:00Z")


def test_the_list_shows_an_unlimited_a_lapsed_and_a_vanished_plan(user: Api) -> None:
    user.table.put_entitlement(user.user, plan="pro", total=41)
    user.table.put_entitlement(user.user, "gone", plan="any")
    found = {e["solution_id"]: e for e in user.call("GET", "/v1/entitlements", bearer=user.id_token)[1]["entitlements"]}
    assert (found[SOLUTION]["limit"], found[SOLUTION]["used"], found["gone"]["plan"]) == (None, 41, "any")
    user.table.put_entitlement(user.user, plan="pro", paid_until=int(time.time()) - 1)
    (found[SOLUTION],) = [
        e for e in user.call("GET", "/v1/entitlements", bearer=user.id_token)[1]["entitlements"] if e["name"]
    ]
    assert (found[SOLUTION]["plan"], found[SOLUTION]["limit"]) == ("registered", 10)
    assert found[SOLUTION]["paid_until"].endswith("Z")


def test_nobody_sees_or_touches_what_is_somebody_elses(user: Api) -> None:
    user.table.put_entitlement(USER)
    assert len(user.call("GET", "/v1/entitlements", bearer=user.id_token)[1]["entitlements"]) == 1
    assert user.call("GET", "/v1/entitlements")[0] == 401
    assert user.call("DELETE", "/v1/account")[0] == 401
    assert user.call("DELETE", f"/v1/tokens/{SOLUTION}")[0] == 401


@pytest.mark.parametrize(
    ("plan", "policy", "limit"),
    [
        ("registered", '"registered";q=10', '"registered";r=9;t='),
        ("pack-100", '"pack-100";q=100', '"pack-100";r=99'),
        ("pro", None, None),
    ],
)
def test_a_decision_tells_the_rate_limit(user: Api, plan: str, policy: str | None, limit: str | None) -> None:
    user.access.set_plan(user.user, SOLUTION, plan) if plan != "registered" else None
    user.call("POST", "/v1/validate", ASK, mint(user))
    assert user.headers.get("RateLimit-Policy") == policy
    assert (user.headers.get("RateLimit") or "").startswith(limit or "")
    assert "Retry-After" not in user.headers


def test_a_spent_quota_tells_when_to_come_back(user: Api) -> None:
    token = mint(user)
    statuses = [user.call("POST", "/v1/validate", ASK, token)[0] for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert 0 < int(user.headers["Retry-After"]) <= 86_400
    assert user.headers["RateLimit"].startswith('"registered";r=0;t=')


def test_auth_request_gets_status_and_headers(user: Api) -> None:
    token = mint(user)
    original = {"x_original_method": "POST", "x_original_uri": "/search?q=1"}
    assert user.call("GET", f"/v1/auth?solution_id={SOLUTION}", bearer=token, **original)[0] == 200
    assert (user.headers["X-Gatepass-User-Id"], user.headers["X-Gatepass-Plan"]) == (user.user, "registered")
    user.call("GET", f"/v1/auth?solution_id={SOLUTION}", bearer=token, x_original_uri="/health")
    assert user.headers["X-Gatepass-Remaining"] == "9"
    for _ in range(9):
        user.call("GET", f"/v1/auth?solution_id={SOLUTION}", bearer=token, **original)
    assert user.call("GET", f"/v1/auth?solution_id={SOLUTION}", bearer=token, **original)[0] == 403
    assert user.headers["X-Gatepass-Reason"] == "quota_exceeded"
    assert user.call("GET", f"/v1/auth?solution_id={SOLUTION}", bearer="x")[0] == 401
    assert user.call("GET", "/v1/auth")[0] == 400


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://finder.example.com", True),
        ("https://evil.example.com", False),
        ("null", False),
        ("https://finder.example.com.evil.com", False),
    ],
)
def test_only_pages_of_known_solutions_may_call_from_a_browser(api: Api, origin: str, allowed: bool) -> None:
    expected = origin if allowed else None
    status, _ = api.call("OPTIONS", "/v1/tokens", origin=origin, access_control_request_method="POST")
    assert status == 204
    assert api.headers.get("Access-Control-Allow-Origin") == expected
    assert ("Access-Control-Allow-Headers" in api.headers) is allowed
    api.call("POST", "/v1/validate", ASK, origin=origin)
    assert api.headers.get("Access-Control-Allow-Origin") == expected
    assert api.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["/v1/solutions/faiss-search", "/v1/none-such", "/v1/docs", "/v1/openapi.json"])
def test_every_answer_has_the_security_headers(api: Api, path: str) -> None:
    api.call("GET", path)
    assert api.headers["X-Content-Type-Options"] == "nosniff"
    assert api.headers["Referrer-Policy"] == "no-referrer"
    # Without includeSubDomains: the portal's domain answers with this header too, and its other hosts may not be ours.
    assert re.fullmatch(r"max-age=[1-9]\d{7,}", api.headers["Strict-Transport-Security"])
    assert "frame-ancestors 'none'" in api.headers["Content-Security-Policy"]


def test_the_public_keys_may_be_read_from_everywhere(api: Api) -> None:
    api.call("GET", "/.well-known/jwks.json")
    assert api.headers["Access-Control-Allow-Origin"] == "*"
