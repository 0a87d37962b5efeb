"""A page sends its user to the marketplace, and knows what comes back from there."""

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.shop import (
    IGNORE,
    KEY,
    LINK,
    MARKETPLACE,
    NOTICE,
    OFFER,
    USE,
    VERIFIERS,
    WALL,
    Shop,
    issued_state,
    search,
    stored,
)
from tests.support.signer import SOLUTION

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request, Route

CODE = "c" * 43
NO_HASHES = "Object.defineProperty(crypto, 'subtle', {value: undefined})"


def visits(page: "Page") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(page.evaluate("key => localStorage.getItem(key) ?? '[]'", VERIFIERS))
    return found


def challenge(verifier: str) -> str:
    """RFC 7636, section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def exhaust(page: "Page") -> dict[str, str]:
    """Search until the page refuses and offers to register; what its link tells the marketplace."""
    while search(page) == "5 hits":
        pass
    link = page.get_attribute(LINK, "href") or ""
    assert link.startswith(f"{MARKETPLACE}/solutions?")
    return {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}


@pytest.mark.parametrize("mark", ["?", "#"])
def test_who_registers_comes_back_with_a_token_and_is_not_asked(shop: Shop, mark: str) -> None:
    page = shop.open()
    told = exhaust(page)
    assert (told["solution_id"], told["return_to"]) == (SOLUTION, f"{shop.origin}/")
    (visit,) = visits(page)
    assert len(visit["verifier"]) == 43
    assert told["state"] == visit["state"] == challenge(visit["verifier"])

    def register(route: "Route") -> None:
        back = f"{told['return_to']}{mark}token={shop.token}&state={told['state']}"
        route.fulfill(content_type="text/html", body=f'<a href="{back.replace("&", "&amp;")}">Back</a>')

    page.route(f"{MARKETPLACE}/**", register)
    assert page.inner_text(LINK) == "Register"
    page.click(LINK)
    page.click("text=Back")
    page.wait_for_url(f"{shop.origin}/")
    assert stored(page) == shop.token
    assert not page.is_visible(OFFER)
    assert search(page) == "5 hits"
    assert visits(page) == []
    entries = page.evaluate("navigation.entries().map((entry) => entry.url)")
    assert [url for url in entries if "token" in url or (url.startswith(shop.origin) and "state" in url)] == []


def test_a_state_is_good_once(shop: Shop) -> None:
    page = shop.open()
    back = f"{shop.origin}/?token={{}}&state={issued_state(page)}"
    page.goto(back.format(shop.token))
    page.goto(back.format("another"))
    assert stored(page) == shop.token
    page.wait_for_selector(OFFER)


def test_a_state_counts_beside_its_token_alone(shop: Shop) -> None:
    page = shop.open()
    page.goto(f"{shop.origin}/?state={issued_state(page)}#token=another")
    assert stored(page) is None
    page.wait_for_selector(OFFER)
    assert page.url.rstrip("#") == f"{shop.origin}/"


def test_a_visit_ends_after_a_day(shop: Shop) -> None:
    page = shop.open()
    state = issued_state(page)
    page.clock.fast_forward("24:00:01")
    page.evaluate("hash => { location.hash = hash; }", f"token=another&state={state}")
    page.wait_for_selector(OFFER)
    assert stored(page) is None


def test_five_tabs_may_be_away_at_once_and_links_of_one_page_count_as_one(shop: Shop) -> None:
    tabs, states = [shop.open() for _ in range(6)], list[str]()
    for tab in [*tabs, tabs[0]]:
        if states:  # what a tab stores reaches the processes of the others a moment later
            tab.wait_for_function(
                "([key, state]) => (localStorage.getItem(key) ?? '').includes(state)", arg=[VERIFIERS, states[-1]]
            )
        if len(states) < len(tabs):
            states.append(issued_state(tab))
    assert len(set(states)) == 6
    assert [visit["state"] for visit in visits(tabs[0])] == states[1:]
    told = exhaust(tabs[0])
    search(tabs[0])
    assert [visit["state"] for visit in visits(tabs[0])] == [*states[2:], told["state"]]


def test_storage_that_holds_something_else_is_no_visit(shop: Shop) -> None:
    page = shop.open()
    for junk in ("{}", "[null, 1, {}]", "no json"):
        page.evaluate("([key, junk]) => localStorage.setItem(key, junk)", [VERIFIERS, junk])
        assert len(issued_state(page)) == 43
        assert len(visits(page)) == 1


@pytest.mark.parametrize(
    ("answer", "kept"), [(USE, False), (IGNORE, True), ("Escape", True)]
)  # fmt: skip
def test_a_token_that_was_not_asked_for_is_offered(shop: Shop, answer: str, kept: bool) -> None:
    shop.open(shop.token).close()
    page = shop.blank()
    page.goto(f"{shop.origin}/?token=another")
    assert page.url == f"{shop.origin}/"
    assert "did not ask for" in page.inner_text(OFFER)
    assert "stays in use" in page.inner_text(OFFER)
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "offer"
    assert search(page) == "5 hits"
    assert stored(page) == shop.token
    if answer == "Escape":
        page.focus(OFFER)
        page.keyboard.press("Escape")
    else:
        page.click(answer)
    assert not page.is_visible(OFFER)
    assert stored(page) == (shop.token if kept else "another")


def test_the_token_that_is_stored_already_is_not_asked_about(shop: Shop) -> None:
    page = shop.open(shop.token)
    page.goto(f"{shop.origin}/?token={shop.token}")
    assert not page.is_visible(OFFER)
    assert page.url == f"{shop.origin}/"


def test_a_renewal_meanwhile_leaves_the_question_open(shop: Shop) -> None:
    shop.open(shop.token).close()
    page = shop.blank()
    page.goto(f"{shop.origin}/?token=another")
    shop.change_key()
    page.clock.fast_forward("24:00:01")
    with page.expect_response("**/v1/tokens/refresh"):
        assert search(page) == "5 hits"
    page.wait_for_function("([key, was]) => localStorage.getItem(key) !== was", arg=[KEY, shop.token])
    page.click(USE)
    assert stored(page) == "another"


def test_other_parts_of_the_address_stay(shop: Shop) -> None:
    page = shop.open()
    page.goto(f"{shop.origin}/?q=a+b&token=another#results")
    assert page.url == f"{shop.origin}/?q=a+b#results"


def exchange(page: "Page", shop: Shop, status: int, **body: str) -> list[Any]:
    """STUB of the token service's `POST /v1/codes/exchange`: what it was asked, in place of an answer of its own."""
    asked: list[Any] = []

    def answer(route: "Route", request: "Request") -> None:
        asked.append(request.post_data_json)
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=status, body=json.dumps(body), headers=headers, content_type="application/json")

    page.route(f"{shop.tokens.url}/v1/codes/exchange", answer)
    return asked


def test_a_code_is_exchanged_with_the_verifier_of_its_state(shop: Shop) -> None:
    page = shop.open()
    state = issued_state(page)
    asked = exchange(page, shop, 200, token=shop.token, solution_id=SOLUTION)
    with page.expect_response("**/v1/codes/exchange"):
        page.goto(f"{shop.origin}/?code={CODE}&state={state}")
    assert page.url == f"{shop.origin}/"
    assert search(page) == "5 hits"
    assert stored(page) == shop.token
    assert [(ask["code"], challenge(ask["verifier"]), len(ask)) for ask in asked] == [(CODE, state, 2)]
    assert visits(page) == []
    page.goto(f"{shop.origin}/?code={CODE}&state={state}")
    assert "has already used" in page.inner_text(NOTICE)
    assert len(asked) == 1


def test_the_first_search_waits_for_the_token(shop: Shop) -> None:
    page = shop.open()
    state = issued_state(page)
    held: list[Route] = []
    page.route(f"{shop.tokens.url}/v1/codes/exchange", lambda route: held.append(route))
    page.goto(f"{shop.origin}/?code={CODE}&state={state}")
    page.fill("#query", "message queue")
    page.click("#go")
    body = json.dumps({"token": shop.token, "solution_id": SOLUTION})
    held[0].fulfill(body=body, headers={"Access-Control-Allow-Origin": "*"})
    page.wait_for_selector(".hit")
    assert shop.used() == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"detail": "The code is wrong or has expired."}, "The code is wrong or has expired."),
        (200, {"token": "another", "solution_id": "another-solution"}, "could not be reached"),
        (500, {"message": "Internal Server Error"}, "could not be reached"),
    ],
)
def test_a_code_that_gives_no_token_is_explained(
    shop: Shop, status: int, body: dict[str, str], message: str
) -> None:  # fmt: skip
    page = shop.open()
    state = issued_state(page)
    exchange(page, shop, status, **body)
    page.goto(f"{shop.origin}/?code={CODE}&state={state}")
    assert message in page.inner_text(NOTICE)
    assert page.inner_text(f"{NOTICE} a") == "Sign in again"
    assert stored(page) is None


@pytest.mark.parametrize("address", [f"?code={CODE}", f"?code={CODE}&state={'A' * 43}", f"#code={CODE}"])
def test_a_code_that_was_not_asked_for_is_not_exchanged(shop: Shop, address: str) -> None:
    shop.open(shop.token).close()
    page = shop.blank()
    asked = exchange(page, shop, 200, token="another", solution_id=SOLUTION)
    page.goto(f"{shop.origin}/{address}")
    assert page.url.rstrip("#") == f"{shop.origin}/"
    page.wait_for_selector(NOTICE if "?" in address else "#access")
    assert search(page) == "5 hits"
    assert stored(page) == shop.token
    assert asked == []


def test_a_page_without_https_says_that_it_has_to_ask(shop: Shop) -> None:
    page = shop.blank(NO_HASHES)
    page.goto(f"{shop.origin}/")
    told = exhaust(page)
    assert set(told) == {"solution_id", "from", "return_to"}
    assert "was not opened over https" in page.inner_text(WALL)
    page.goto(f"{shop.origin}/?token={shop.token}")
    page.click(USE)
    assert search(page) == "5 hits"
    page.goto(f"{shop.origin}/?code={CODE}&state={'A' * 43}")
    assert "was not opened over https" in page.inner_text(NOTICE)


def test_a_one_time_code_becomes_the_token_end_to_end(shop: Shop) -> None:
    """The token service itself, the page's own verifier, and a thief who copied the address."""
    service = shop.service
    service.sign_in()
    shop.table.put_solution(frontend_url=f"{shop.origin}/", token_delivery="code")
    service.wire(service.settings)
    page = shop.open()
    account = {"email": EMAIL, "password": PASSWORD, "solution_id": SOLUTION, "state": issued_state(page)}
    status, welcome = service.call("POST", "/v1/sessions", account)
    assert (status, welcome["token"]) == (200, None)
    assert "token=" not in welcome["redirect"]
    page.goto(welcome["redirect"])
    page.wait_for_function("key => localStorage.getItem(key)", arg=KEY)
    assert page.url == f"{shop.origin}/"
    assert search(page) == "5 hits"
    mine = service.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, welcome["id_token"])[1]["token"]
    assert stored(page) == mine
    page.goto(welcome["redirect"])
    assert "sign-in code" in page.inner_text(NOTICE)
    assert stored(page) == mine
