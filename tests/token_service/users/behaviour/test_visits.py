"""Who is signed in already goes on to a solution without the password, and gets no more by it than by signing in."""

from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.signer import SOLUTION

HOME = "https://finder.example.com/app"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
VISIT = {"solution_id": SOLUTION, "return_to": f"{HOME}/search", "state": "s" * 43}


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["type"].removeprefix("urn:gatepass:")


@pytest.mark.parametrize("delivery", ["query", "fragment", "code"])
def test_the_answer_is_that_of_a_sign_in_without_the_id_token(real_api: Api, delivery: str) -> None:
    api = real_api
    api.sign_in()
    api.table.put_solution(token_delivery=delivery, return_urls=[HOME], frontend_url=HOME)
    status, signed_in = api.call("POST", "/v1/sessions", CREDENTIALS | VISIT)
    assert status == 200
    status, visited = api.call("POST", "/v1/visits", VISIT, signed_in["id_token"])
    assert (status, visited["id_token"], visited["expires_in"]) == (200, None, None)
    if delivery == "code":  # a new one each time
        codes = [one.pop("code") for one in (signed_in, visited)]
        signed_in["redirect"] = signed_in["redirect"].replace(*codes)
    given = signed_in | {"id_token": None, "expires_in": None}
    assert visited == given
    assert visited["redirect"].startswith(f"{HOME}/search")
    assert visited["state"] in visited["redirect"]


def test_a_user_who_is_new_to_the_solution_gets_its_default_plan(real_api: Api) -> None:
    bearer = real_api.sign_in()
    status, visited = real_api.call("POST", "/v1/visits", VISIT | {"from": "anonymous_quota_exceeded"}, bearer)
    assert status == 200
    assert real_api.call("POST", "/v1/validate", {"solution_id": SOLUTION}, visited["token"])[1]["plan"] == "registered"
    (granted,) = [one for one in real_api.table.all() if one.get("event") == "granted"]
    assert granted["from"] == "anonymous_quota_exceeded"


def test_what_is_refused_at_the_front_door_is_refused_here(real_api: Api) -> None:
    api, other = real_api, "https://evil.example.com/"
    bearer = api.sign_in()
    assert refused(api.call("POST", "/v1/visits", VISIT | {"return_to": other}, bearer)) == (400, "return_to_refused")
    assert refused(api.call("POST", "/v1/visits", VISIT | {"solution_id": "none"}, bearer)) == (404, "solution_unknown")
    assert refused(api.call("POST", "/v1/visits", VISIT)) == (401, "sign_in_required")
    assert refused(api.call("POST", "/v1/visits", VISIT, api.tokens["AccessToken"])) == (401, "sign_in_required")
    assert api.services.access.find(api.user, SOLUTION) is None
    api.access.grant(api.user, SOLUTION)
    api.access.suspend(api.user, SOLUTION)
    assert refused(api.call("POST", "/v1/visits", VISIT, bearer)) == (403, "entitlement_suspended")
    api.table.put_solution(status="disabled")
    assert refused(api.call("POST", "/v1/visits", VISIT, bearer)) == (403, "solution_disabled")


def test_no_account_that_is_made_anew_gets_past_its_suspension(real_api: Api) -> None:
    """A sign-in to the account alone looks at no solution, so this is the first one to ask what was left."""
    api = real_api
    bearer = api.sign_in()
    api.call("POST", "/v1/visits", VISIT, bearer)
    api.access.suspend(api.user, SOLUTION)
    assert api.call("DELETE", "/v1/account", bearer=bearer)[0] == 200
    before = api.user
    bearer = api.sign_in()
    assert api.user != before
    assert refused(api.call("POST", "/v1/visits", VISIT, bearer)) == (403, "entitlement_suspended")


def test_an_id_token_that_names_no_address_is_not_enough(real_api: Api) -> None:
    """The settings of a client decide which attributes its tokens have."""
    real_api.sign_in()
    for bearer in (real_api.claiming("email"), real_api.claiming(email=""), real_api.claiming(email=[EMAIL])):
        assert refused(real_api.call("POST", "/v1/visits", VISIT, bearer)) == (401, "sign_in_required")
        assert real_api.call("GET", "/v1/entitlements", bearer=bearer)[0] == 200
