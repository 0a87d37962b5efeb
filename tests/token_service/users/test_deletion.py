"""Deleting an account ends everything and renews nothing; it can break off anywhere and be repeated."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from entitlements.items import account_key, entitlement_key, remains_key, token_key
from entitlements.refusals import Refused
from entitlements.solution import read_solution
from entitlements.windows import windows_at
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.crash import Crash
from tests.support.signer import SOLUTION
from tests.support.table import PLANS, config
from token_service.access.records import Entitlement
from token_service.access.remains import CLOCKS_DIFFER, DAY, MOST_DAYS, remains_of, with_remains

ASK = {"solution_id": SOLUTION}
ACCOUNT = {"email": EMAIL, "password": PASSWORD} | ASK
NOW = 1_795_478_400.0 + 3_600  # 2026-11-24 01:00 UTC


def register(api: Api) -> str:
    """A new account's token."""
    api.call("POST", "/v1/registrations", {"email": EMAIL} | ASK)
    status, welcome = api.call("POST", "/v1/registrations/confirm", ACCOUNT | {"code": api.code()})
    assert status == 200, welcome
    return str(welcome["token"])


def sign_in(api: Api) -> tuple[int, Any]:
    return api.call("POST", "/v1/sessions", ACCOUNT)


def id_token(api: Api) -> str:
    status, welcome = sign_in(api)
    assert status == 200, welcome
    return str(welcome["id_token"])


def delete(api: Api, bearer: str) -> int:
    return api.call("DELETE", "/v1/account", bearer=bearer)[0]


def reason(api: Api, token: str) -> str:
    return str(api.call("POST", "/v1/validate", ASK, token)[1]["reason"])


def users(api: Api) -> int:
    return len(api.cognito.list_users(UserPoolId=api.pool)["Users"])


def test_a_deleted_account_leaves_no_access_and_no_personal_data(real_api: Api) -> None:
    api = real_api
    token, session = register(api), id_token(api)
    (user_id,) = {item["user_id"] for item in api.table.all() if "jti" in item and "user_id" in item}
    assert api.call("DELETE", "/v1/account", bearer=session) == (200, {"status": "account_deleted"})
    assert reason(api, token) == "entitlement_revoked"
    assert users(api) == 0
    assert api.table.get(token_key(user_id, SOLUTION)) is None
    kept = api.table.all()
    assert EMAIL not in json.dumps(kept)
    events = sorted(
        item["event"] for item in kept if item["pk"] == f"user#{user_id}" and item["sk"].startswith("audit#")
    )
    assert events == ["account_deleted", "granted", "token_minted"]
    # The ID token outlives the account for an hour: it opens nothing, and a repetition is as good as done.
    assert api.call("POST", "/v1/tokens", ASK, session)[1]["type"] == "urn:gatepass:sign_in_required"
    assert delete(api, session) == 200
    with pytest.raises(Refused, match="deleted this account"):
        api.access.grant(user_id, SOLUTION)


def test_who_deletes_and_registers_again_gets_no_second_quota(real_api: Api) -> None:
    token = register(real_api)
    for _ in range(9):
        assert reason(real_api, token) == "ok"
    delete(real_api, id_token(real_api))
    token = register(real_api)
    assert [reason(real_api, token) for _ in range(2)] == ["ok", "quota_exceeded"]
    delete(real_api, id_token(real_api))
    assert reason(real_api, register(real_api)) == "quota_exceeded"


@pytest.mark.parametrize("change", ["suspend", "revoke"])
def test_who_was_suspended_or_revoked_stays_so(real_api: Api, change: str) -> None:
    register(real_api)
    session = id_token(real_api)
    user_id = _user(real_api)
    getattr(real_api.access, change)(user_id, SOLUTION)
    assert delete(real_api, session) == 200
    real_api.call("POST", "/v1/registrations", {"email": EMAIL} | ASK)
    status, problem = real_api.call("POST", "/v1/registrations/confirm", ACCOUNT | {"code": real_api.code()})
    status_of = {"suspend": "entitlement_suspended", "revoke": "entitlement_revoked"}
    assert (status, problem["type"]) == (403, f"urn:gatepass:{status_of[change]}")


def _user(api: Api) -> str:
    (user,) = api.cognito.list_users(UserPoolId=api.pool)["Users"]
    return next(str(a["Value"]) for a in user["Attributes"] if a["Name"] == "sub")


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("way_on", ["delete again", "sign in", "reset the password"])
def test_a_deletion_that_breaks_off_is_finished(real_api: Api, crash: Crash, after: bool, way_on: str) -> None:
    api, number = real_api, 0
    api.wire(api.settings, behind=1)  # no step waits for the next second
    while True:
        number += 1
        token = register(api)
        session = id_token(api)
        for _ in range(3):
            reason(api, token)
        user_id = _user(api)
        crash.at(number, after)
        status = delete(api, session)
        fired = crash.calls >= number
        crash.at(0, False)
        begun = bool((api.table.get(account_key(user_id)) or {}).get("deleting"))
        if begun and users(api):
            if way_on == "delete again":
                assert delete(api, session) == 200
            elif way_on == "sign in":
                assert sign_in(api)[0] == 401
            else:
                api.call("POST", "/v1/passwords/forgotten", {"email": EMAIL})
                reset = {"email": EMAIL, "code": api.code(), "password": PASSWORD}
                assert api.call("POST", "/v1/passwords", reset)[1]["type"] == "urn:gatepass:code_invalid"
        elif not begun:
            assert status >= 500
            assert delete(api, session) == 200
        assert users(api) == 0
        assert reason(api, token) == "entitlement_revoked"
        kept = api.table.get(remains_key(api.services.deletion._hashes.of(EMAIL), SOLUTION)) or {}
        assert kept[windows_at(time.time(), "UTC").open["day"].counter] == 3, number
        api.table.client.delete_item(
            TableName=api.table.name, Key=remains_key(api.services.deletion._hashes.of(EMAIL), SOLUTION).wire
        )
        for item in api.table.all():
            if item["sk"] == "attempts":
                key = {name: {"S": item[name]} for name in ("pk", "sk")}
                api.table.client.delete_item(TableName=api.table.name, Key=key)
        if not fired:
            break
    assert number > 6


def test_signing_in_while_an_account_is_being_deleted_leaves_nothing_behind(
    real_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sign-in comes between the look for entitlements and the end of the account, for a solution that is new."""
    api = real_api
    register(api)
    session, user_id = id_token(api), _user(api)
    api.table.put_solution(solution_id="another-one")
    seen: list[tuple[int, Any]] = []
    cognito = api.services.deletion._cognito
    real = cognito.delete

    def delete_late(user: str) -> None:
        monkeypatch.setattr(cognito, "delete", real)
        # What a request that was let in just before the mark would do now.
        with pytest.raises(Refused):
            api.services.access.ensure(user_id, read_solution(config(solution_id="another-one")))
        seen.append(api.call("POST", "/v1/sessions", ACCOUNT | {"solution_id": "another-one"}))
        real(user)

    monkeypatch.setattr(cognito, "delete", delete_late)
    assert delete(api, session) == 200
    assert (seen[0][0], seen[0][1]["type"]) == (401, "urn:gatepass:credentials_invalid")
    assert api.table.get(entitlement_key(user_id, "another-one")) is None
    assert users(api) == 0


PLAIN = read_solution(config(plans={"registered": {"limits": {"day": 10, "month": 100}}}, costs={}))
LIFETIME = read_solution(config())
WINDOWS = windows_at(NOW, "UTC")
HOUR, TODAY, MONTH = (WINDOWS.open[name].counter for name in ("hour", "day", "month"))


def closed(**changes: Any) -> Entitlement:
    fields: dict[str, Any] = {"status": "revoked", "closed_as": "active", "plan": "registered"} | changes
    return Entitlement("u", SOLUTION, generation="g", **fields)


@pytest.mark.parametrize(
    ("entitlement", "kept", "days"),
    [
        (closed(total=7), {}, 0),
        (closed(total=7, counters={TODAY: 7}), {TODAY: 7}, 1),
        (closed(total=7, counters={TODAY: 2, MONTH: 7}), {TODAY: 2, MONTH: 7}, 7),
        (closed(total=7, counters={HOUR: 2, TODAY: 2}), {HOUR: 2, TODAY: 2}, 1),
        (closed(total=7, counters={HOUR: 2}), {HOUR: 2}, 1 / 24),
        (closed(total=7, counters={"d20200101": 7}), {}, 0),
        (
            closed(closed_as="suspended", suspended_reason="fraud"),
            {"status": "suspended", "suspended_reason": "fraud"},
            MOST_DAYS,
        ),
        (closed(closed_as="revoked"), {"status": "revoked"}, MOST_DAYS),
    ],
)
def test_what_is_kept_ends_with_its_window_and_after_400_days_at_last(
    entitlement: Entitlement, kept: dict[str, Any], days: float
) -> None:
    found = remains_of(entitlement, PLAIN, NOW) or {}
    ends = found.pop("expires_at", NOW)
    assert found == kept
    assert days * DAY - 3_600 <= ends - NOW <= days * DAY + CLOCKS_DIFFER
    fresh = closed(status="active", closed_as="")
    again = with_remains(fresh, found | {"expires_at": int(NOW) + 1}, PLAIN, NOW)
    assert (again.status, dict(again.counters)) == (
        kept.get("status", "active"),
        {k: v for k, v in kept.items() if k in (HOUR, TODAY, MONTH)},
    )
    # DynamoDB deletes up to two days late: what has ended counts no more.
    assert with_remains(fresh, found | {"expires_at": int(NOW)}, PLAIN, NOW) == fresh


@pytest.mark.parametrize(("deleted", "back"), [(-2, -1), (-2, 3), (1, 2), (2, 57)])
@pytest.mark.parametrize("counter", ["d20261130", "d20261201"])
def test_around_midnight_the_counters_of_both_days_are_kept(deleted: int, back: int, counter: str) -> None:
    """The clocks of gates differ: one that is ahead has counted tomorrow's requests, one that is behind goes on with
    yesterday's. The simulation found that a deletion in between gave the quota of that day anew (seed 3168)."""
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    found = remains_of(closed(total=4, counters={counter: 4}), PLAIN, midnight + deleted)
    assert found is not None
    again = with_remains(closed(status="active", closed_as=""), found, PLAIN, midnight + back)
    assert again.counters == {counter: 4}


def test_yesterdays_counters_are_soon_forgotten() -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert remains_of(closed(total=4, counters={"d20261130": 4}), PLAIN, midnight + CLOCKS_DIFFER) is None


def test_a_lifetime_limit_is_remembered_where_a_plan_has_one() -> None:
    assert "anonymous" in PLANS
    found = remains_of(closed(total=7), LIFETIME, NOW) or {}
    assert (found["total"], found["expires_at"] - NOW) == (7, MOST_DAYS * DAY)
    assert (remains_of(closed(total=7), None, NOW) or {})["total"] == 7
