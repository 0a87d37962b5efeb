"""Nobody gets a token out of a visitor's page, or puts one in, by making the visitor open an address."""

from typing import TYPE_CHECKING

import pytest

from tests.support.shop import OFFER, USE, VERIFIERS, WALL, Shop, issued_state, search, stored
from tests.support.signer import USER

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

PLANTED = "gp1_planted.e30.e30.sig"


def listen(page: "Page", origin: str) -> list[str]:
    """What is sent to a server of the attacker's: the header, and the body."""
    heard: list[str] = []

    def answer(route: "Route") -> None:
        heard.append(f"{route.request.headers.get('authorization')} {route.request.post_data}")
        route.fulfill(status=401, body="{}", headers={"Access-Control-Allow-Origin": "*"})

    page.route(f"{origin}/**", answer)
    return heard


def refused_elsewhere(page: "Page") -> None:
    """Search at an API that is not the page's own, and that refuses: the page alone tells the user."""
    page.fill("#query", "message queue")
    page.click("#go")
    page.wait_for_selector("#status:text('did not accept')")


@pytest.mark.parametrize("place", ["?token={}", "#token={}", "?token={}&state=x", "#token={}&state=" + "A" * 43])
def test_a_planted_token_does_not_replace_the_visitors(shop: Shop, place: str) -> None:
    shop.open(shop.token).close()
    page = shop.blank()
    page.goto(f"{shop.origin}/{place.format(PLANTED)}")
    assert stored(page) == shop.token
    assert search(page) == "5 hits"


def test_a_planted_token_is_not_taken_where_there_is_none(shop: Shop) -> None:
    """A visitor who searches on the attacker's account shows the attacker how much, and pays for it on upgrading."""
    page = shop.blank()
    page.goto(f"{shop.origin}/?token={PLANTED}")
    assert stored(page) is None


@pytest.mark.parametrize("api", ["https://evil.example.com", "http://127.0.0.1:9999"])
def test_an_api_that_an_address_names_gets_no_token(shop: Shop, api: str) -> None:
    shop.open(shop.token).close()
    page = shop.blank()
    heard = listen(page, api)
    page.goto(f"{shop.origin}/?api={api}")
    search(page) if not api.startswith("http://127") else refused_elsewhere(page)
    assert [line for line in heard if "gp1_" in line] == []


def test_an_api_beside_the_token_gets_it_no_more_than_another(shop: Shop) -> None:
    """As where a page's address came back from the marketplace with what an attacker had put there."""
    page = shop.blank()
    heard = listen(page, "https://evil.example.com")
    page.goto(f"{shop.origin}/?api=https://evil.example.com&token={shop.token}")
    search(page)
    assert [line for line in heard if "gp1_" in line] == []


@pytest.mark.parametrize("api", ["https://evil.example.com", "http://127.0.0.1.evil.example.com", "no address"])
def test_an_api_elsewhere_is_not_asked_at_all(shop: Shop, api: str) -> None:
    page = shop.blank()
    heard = listen(page, api)
    page.goto(f"{shop.origin}/?api={api}")
    assert "?api= is ignored" in page.inner_text("#access")
    assert search(page) == "5 hits"
    assert heard == []


def test_an_api_on_this_machine_is_asked_without_token_and_learns_no_state(shop: Shop) -> None:
    shop.open(shop.token).close()
    page = shop.blank()
    sent: list[str | None] = []

    def refuse(route: "Route") -> None:
        sent.append(route.request.headers.get("authorization"))
        body = '{"reason": "anonymous_quota_exceeded", "upgradeUrl": "https://evil.example.com/"}'
        route.fulfill(status=403, body=body, headers={"Access-Control-Allow-Origin": "*"})

    page.route("http://127.0.0.1:9999/**", refuse)
    page.goto(f"{shop.origin}/?api=http://127.0.0.1:9999")
    assert "not sent" in page.inner_text("#access")
    refused_elsewhere(page)
    assert set(sent) == {None}
    assert page.locator(WALL).count() == 0
    assert page.evaluate("key => localStorage.getItem(key)", VERIFIERS) is None
    assert "refresh" not in shop.asked


def test_a_page_in_a_frame_does_not_ask(shop: Shop, tmp_path: "Path") -> None:
    """Whoever frames it may lay the button under something that is clicked gladly."""
    (tmp_path / "frame.html").write_text(f'<iframe src="/?token={PLANTED}"></iframe>')
    page = shop.blank()
    page.goto(f"{shop.origin}/frame.html")
    frame = page.frames[1]
    frame.wait_for_selector("#access")
    assert frame.inner_text("#access") == "You are searching without a token."
    assert frame.locator(OFFER).count() == 0


def test_a_token_of_another_solution_is_refused_in_words_and_left_behind_by_signing_in(shop: Shop) -> None:
    shop.table.put_solution(solution_id="another")
    shop.service.access.grant(USER, "another")
    others = shop.service.services.minting.mint(USER, "another")
    page = shop.open()
    page.goto(f"{shop.origin}/?token={others}")
    page.click(USE)
    assert "sign in again" in search(page).lower()
    assert shop.used() == 0
    page.goto(f"{shop.origin}/?token={shop.token}&state={issued_state(page)}")
    assert stored(page) == shop.token
    assert search(page) == "5 hits"
