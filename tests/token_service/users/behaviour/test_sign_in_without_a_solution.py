"""Who has lost a solution, or never had one, still signs in to the account itself: to cancel, to read, and to delete."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.signer import SOLUTION
from token_service.users.limits import SIGN_INS

ALONE = {"email": EMAIL, "password": PASSWORD}
FOR_IT = ALONE | {"solution_id": SOLUTION}
FORM = "application/x-www-form-urlencoded"
HOME = "https://finder.example.com/app"


def sign_in(api: Api, body: dict[str, Any]) -> tuple[int, Any]:
    return api.call("POST", "/v1/sessions", body)


@pytest.mark.parametrize("solution", [{}, {"solution_id": None}])
def test_it_gives_the_id_token_and_nothing_else(api: Api, solution: dict[str, Any]) -> None:
    api.sign_in()
    before = api.table.all()
    status, answer = sign_in(api, ALONE | solution)
    session = {name: answer.pop(name) for name in ("id_token", "expires_in")}
    assert status == 200
    assert answer == {"solution_id": None, "token": None, "code": None, "state": "", "redirect": ""}
    assert session["expires_in"] > 0
    # No entitlement, no audit entry, no token: only the counter of attempts, which a success takes back.
    assert [item for item in api.table.all() if item not in before and item["sk"] != "attempts"] == []
    assert api.call("GET", "/v1/entitlements", bearer=session["id_token"]) == (200, {"entitlements": []})


@pytest.mark.parametrize("change", ["suspend", "revoke"])
def test_who_is_held_by_a_solution_reaches_the_account_and_can_delete_it(api: Api, change: str) -> None:
    api.sign_in()
    assert sign_in(api, FOR_IT)[0] == 200
    getattr(api.access, change)(api.user, SOLUTION)
    held = {"suspend": "entitlement_suspended", "revoke": "entitlement_revoked"}[change]
    status, problem = sign_in(api, FOR_IT)
    assert (status, problem["type"]) == (403, f"urn:gatepass:{held}")
    status, answer = sign_in(api, ALONE)
    assert status == 200
    bearer = answer["id_token"]
    [one] = api.call("GET", "/v1/entitlements", bearer=bearer)[1]["entitlements"]
    assert (one["solution_id"], one["status"]) == (SOLUTION, held.removeprefix("entitlement_"))
    # It opens no way around: the solution's token stays out of reach.
    assert api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, bearer)[1]["type"] == problem["type"]
    assert api.call("DELETE", "/v1/account", bearer=bearer)[0] == 200


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_wrong_credentials_are_refused_alike_and_limited_together(real_api: Api, email: str) -> None:
    real_api.sign_in()
    wrong = {"email": email, "password": "Wr0ng-password"}
    answers = [sign_in(real_api, wrong | ({"solution_id": SOLUTION} if n % 2 else {})) for n in range(SIGN_INS.most)]
    assert {(status, problem["type"]) for status, problem in answers} == {(401, "urn:gatepass:credentials_invalid")}
    status, problem = sign_in(real_api, wrong)
    assert (status, problem["type"]) == (429, "urn:gatepass:too_many_requests")


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example.com", "https://finder.example.com"])
def test_no_form_signs_in_without_the_solution_whose_page_it_is_on(api: Api, origin: str) -> None:
    """Of such a form nobody can say whose it is: another site's could sign a visitor in to somebody else's account."""
    api.sign_in()
    headers: dict[str, Any] = {"origin": origin} if origin else {}
    for fields in (ALONE, ALONE | {"solution_id": ""}):
        status, problem = api.call("POST", "/v1/sessions", urlencode(fields), content_type=FORM, **headers)
        assert (status, problem["type"]) == (403, "urn:gatepass:origin_unknown")


@pytest.mark.parametrize("extra", [{"return_to": HOME}, {"state": "page-1"}])
def test_there_is_no_page_to_return_to_without_a_solution(api: Api, extra: dict[str, str]) -> None:
    api.sign_in()
    status, problem = sign_in(api, ALONE | extra)
    assert (status, problem["type"]) == (400, "urn:gatepass:request_invalid")
    assert "solution_id" in problem["faults"][0]["fault"]
