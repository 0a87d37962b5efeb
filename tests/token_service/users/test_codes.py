"""One-time codes: what an address carries is worth nothing without the page that asked for it."""

import base64
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.crash import Crash
from tests.support.signer import SOLUTION

HOME = "https://finder.example.com/app"
ORIGIN = "https://finder.example.com"
ASK = {"solution_id": SOLUTION}


class Page:
    """A page of the solution, with a verifier and its hash."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.verifier = secrets.token_urlsafe(32)
        self.state = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def sign_in(self, **changes: Any) -> tuple[int, Any]:
        body = {"email": EMAIL, "password": PASSWORD, "state": self.state, "return_to": HOME} | ASK | changes
        return self.api.call("POST", "/v1/sessions", body)

    def code(self) -> str:
        status, welcome = self.sign_in()
        assert (status, welcome["token"]) == (200, None)
        (code,) = parse_qs(urlsplit(welcome["redirect"]).query)["code"]
        return code

    def exchange(self, code: str, origin: str = ORIGIN, changes: dict[str, str] | None = None) -> tuple[int, Any]:
        headers: dict[str, Any] = {"origin": origin} if origin else {}
        changes = changes or {}
        return self.api.call(
            "POST", "/v1/codes/exchange", {"code": code, "verifier": self.verifier} | changes, **headers
        )


@pytest.fixture
def page(real_api: Api) -> Page:
    real_api.sign_in()
    real_api.table.put_solution(token_delivery="code", return_urls=[HOME], frontend_url=HOME)
    return Page(real_api)


def invalid(answer: tuple[int, Any]) -> bool:
    return (answer[0], answer[1]["type"]) == (400, "urn:gatepass:code_invalid")


def test_a_page_gets_the_token_for_its_code(page: Page) -> None:
    status, welcome = page.sign_in()
    redirect = urlsplit(welcome["redirect"])
    assert parse_qs(redirect.query) == {"code": [welcome["code"]], "state": [page.state]}
    assert "gp1_" not in repr(welcome)
    stored = repr(page.api.table.all())
    assert welcome["code"] not in stored
    status, answer = page.exchange(welcome["code"])
    assert (status, answer["solution_id"]) == (200, SOLUTION)
    assert page.api.call("POST", "/v1/validate", ASK, answer["token"])[1]["reason"] == "ok"
    # The very token that the user has anyway.
    assert page.api.call("POST", "/v1/tokens", ASK, welcome["id_token"])[1]["token"] == answer["token"]


def test_a_code_works_once_and_for_its_page_alone(page: Page) -> None:
    code = page.code()
    thief = Page(page.api)
    assert invalid(thief.exchange(code))
    assert invalid(page.exchange(code, origin="https://evil.example.com"))
    # Who does not have the verifier spends nothing by trying: the page still gets its token.
    assert page.exchange(code, origin="")[0] == 200
    assert invalid(page.exchange(code))


def test_two_pages_of_a_new_user_both_get_the_token(page: Page) -> None:
    other = Page(page.api)
    codes = [page.code(), other.code()]
    tokens = [asking.exchange(code)[1]["token"] for asking, code in zip((page, other), codes, strict=True)]
    assert len(set(tokens)) == 1


def test_of_many_at_once_one_gets_it(page: Page) -> None:
    code = page.code()
    redeem = page.api.services.registration.exchange

    def exchange(_: int) -> bool:
        try:
            redeem(code, page.verifier, ORIGIN)
        except Exception:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(exchange, range(6))) == 1


def test_a_code_is_consumed_before_anything_is_derived(page: Page, crash: Crash) -> None:
    code = page.code()
    crash.at(0, False)
    assert invalid(page.exchange("x" * 43, origin=""))
    assert crash.operations == ["DeleteItem"]
    crash.at(0, False)
    assert page.exchange(code, origin="")[0] == 200
    assert crash.operations[0] == "DeleteItem"


def test_a_code_ends_after_a_minute_though_the_item_is_still_there(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    code = page.code()
    codes = page.api.services.registration._codes
    now = codes._clock()
    monkeypatch.setattr(codes, "_clock", lambda: now + 61)
    assert invalid(page.exchange(code))
    monkeypatch.setattr(codes, "_clock", lambda: now + 58)
    assert page.exchange(code)[0] == 200


def test_a_code_of_before_a_rotation_or_a_revocation_gives_no_token(page: Page) -> None:
    code = page.code()
    page.api.access.drop_token(page.api.user, SOLUTION)
    assert invalid(page.exchange(code))
    code = page.code()
    page.api.access.suspend(page.api.user, SOLUTION)
    assert page.exchange(code)[1]["type"] == "urn:gatepass:entitlement_suspended"


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/registrations/confirm"])
@pytest.mark.parametrize("return_to", [HOME, f"{HOME}/deep?code=1&state=2&tab=3"])
def test_without_a_state_the_account_is_made_and_no_code(page: Page, path: str, return_to: str) -> None:
    """Nobody holds the verifier of such a code. The solution's page asks again, with a state of its own."""
    api = page.api
    api.table.put_solution(token_delivery="code", return_urls=[return_to], frontend_url=HOME)
    body: dict[str, Any] = {"email": "new@example.com", "password": PASSWORD, "return_to": return_to} | ASK
    api.call("POST", "/v1/registrations", {"email": body["email"]} | ASK)
    confirmed = api.call("POST", "/v1/registrations/confirm", body | {"code": api.code(body["email"])})
    status, welcome = confirmed if path.endswith("confirm") else api.call("POST", path, body)
    assert (status, welcome["token"], welcome["code"], welcome["state"]) == (200, None, None, "")
    assert welcome["redirect"] == (HOME if return_to == HOME else f"{HOME}/deep?tab=3")
    assert bool(welcome["id_token"]) is (path == "/v1/sessions")
    assert [item for item in api.table.all() if item["sk"] == "code"] == []
    again = api.call("POST", "/v1/sessions", {**body, "state": page.state})[1]
    assert page.exchange(again["code"])[0] == 200


def test_a_form_without_a_state_returns_to_the_plain_page(page: Page) -> None:
    form = urlencode({"email": EMAIL, "password": PASSWORD} | ASK)
    sent: dict[str, Any] = {"content_type": "application/x-www-form-urlencoded", "origin": ORIGIN}
    assert page.api.call("POST", "/v1/sessions", form, **sent)[0] == 303
    assert page.api.headers["Location"] == HOME


@pytest.mark.parametrize("state", ["page-1", "x" * 42, "x" * 44])
def test_a_state_that_is_no_hash_of_a_verifier_is_told_before_anything_is_spent(
    page: Page, crash: Crash, state: str
) -> None:
    crash.at(0, False)
    status, problem = page.sign_in(state=state)
    assert (status, problem["type"]) == (400, "urn:gatepass:state_required")
    assert set(crash.operations) == {"GetItem"}


@pytest.mark.parametrize("changes", [{"verifier": "short"}, {"verifier": "x" * 129}, {"code": ""}, {"code": "a b"}])
def test_what_is_no_code_or_verifier_is_refused_by_its_key(page: Page, changes: dict[str, str]) -> None:
    status, problem = page.exchange("x" * 43, changes=changes)
    assert (status, problem["type"]) == (400, "urn:gatepass:request_invalid")
    assert problem["faults"]
