"""A page in a real browser keeps its token through every change of the signing key, without its user noticing."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.shop import LINK, MARKETPLACE, USE, Shop, kid, search, stored, wait_for_renewal
from tests.support.signer import SOLUTION, USER
from token_service.signing.key_lifecycle import STORED_AFTER


@pytest.fixture(autouse=True)
def unasked(shop: Shop) -> Iterator[None]:
    """The answers to what a page only asks for, to show it, also tell of new keys: most cases are about pages that do not."""
    shop.context.route("**/v1/validate", lambda route: route.abort())
    yield
    shop.context.unroute_all()


def test_once_a_day_a_page_renews_its_token_and_the_old_key_drains(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    page = shop.open(shop.token)
    assert search(page) == "5 hits"
    old = shop.change_key()
    assert search(page) == "5 hits"
    assert shop.asked == ["search", "search"]
    page.clock.fast_forward("24:00:01")
    assert search(page) == "5 hits"
    wait_for_renewal(page, shop.token)
    assert (kid(stored(page)), stored(page)) == (
        shop.keys.ring().signing_key.kid,
        shop.service.services.minting.mint(USER, SOLUTION),
    )
    assert search(page) == "5 hits"
    assert shop.asked == ["search", "search", "search", "refresh", "search"]
    assert shop.keys.tokens_by_key()[old] == 0
    monkeypatch.setattr(shop.keys, "_clock", lambda: time.time() + STORED_AFTER)
    shop.keys.retire(old)  # refused while a live token rests on it


def test_a_page_that_is_told_renews_at_once(shop: Shop) -> None:
    shop.hands_on = True
    page = shop.open(shop.token)
    assert search(page) == "5 hits"
    assert shop.asked == ["search"]
    shop.change_key()
    assert search(page) == "5 hits"
    wait_for_renewal(page, shop.token)
    assert search(page) == "5 hits"
    assert shop.asked == ["search", "search", "refresh", "search"]


@pytest.mark.parametrize("end", ["retired", "revoked"])
def test_a_page_that_was_away_for_a_year_searches_as_if_nothing_had_been(shop: Shop, end: str) -> None:
    page = shop.open(shop.token)
    shop.change_key(
        lambda old: shop.keys.retire(old, force=True) if end == "retired" else shop.keys.revoke(old, "leaked")
    )
    assert search(page) == "5 hits"
    assert shop.asked == ["search", "refresh", "search"]
    assert kid(stored(page)) == shop.keys.ring().signing_key.kid
    assert shop.used() == 1
    # A second tab, which was open all the time, finds the new token where it looks for it.
    assert search(shop.open()) == "5 hits"
    assert shop.asked == ["search", "refresh", "search", "search"]


def test_a_page_without_storage_renews_too(shop: Shop) -> None:
    page = shop.blank("Object.defineProperty(window, 'localStorage', {get() { throw new Error('off'); }})")
    page.goto(f"{shop.origin}/?token={shop.token}")
    page.click(USE)  # with what it cannot store it cannot know its own visits either
    shop.change_key(lambda old: shop.keys.retire(old, force=True))
    assert search(page) == "5 hits"
    assert search(page) == "5 hits"
    assert shop.asked == ["search", "refresh", "search", "search"]


def test_a_token_that_was_replaced_is_explained_and_asked_for_once(shop: Shop) -> None:
    page = shop.open(shop.token)
    shop.service.services.minting.rotate(USER, SOLUTION)
    shown = search(page)
    assert "The token was replaced by a newer one" in shown
    assert "Sign in again" in shown
    link = page.get_attribute(LINK, "href") or ""
    assert link.startswith(f"{MARKETPLACE}/solutions?solution_id={SOLUTION}&return_to=")
    assert shop.asked == ["search", "refresh"]
    assert stored(page) == shop.token  # it is the user's: forgetting it is a button


def test_a_refusal_that_renewing_cannot_mend_is_not_asked_again(shop: Shop) -> None:
    """The key is so new that the gate does not know it; the token service has nothing newer."""
    page = shop.open(shop.token)
    assert search(page) == "5 hits"
    shop.keys.promote(shop.keys.create().kid, in_haste=True)
    new = shop.service.services.minting.mint(USER, SOLUTION)
    page = shop.open(new)
    assert "was not accepted" in search(page)
    assert shop.asked == ["search", "search", "refresh"]
    assert stored(page) == new


def test_without_the_token_service_a_good_token_goes_on_working(shop: Shop) -> None:
    page = shop.open(shop.token)
    page.route(f"{shop.tokens.url}/**", lambda route: route.abort())
    page.clock.fast_forward("24:00:01")
    assert search(page) == "5 hits"
    assert search(page) == "5 hits"
    assert shop.asked == ["search", "refresh", "search"]
    shop.change_key(lambda old: shop.keys.retire(old, force=True))
    assert "was not accepted" in search(page)
    page.unroute_all()
    assert search(page) == "5 hits"


def test_a_token_that_is_forgotten_while_it_is_renewed_stays_forgotten(shop: Shop) -> None:
    page = shop.open(shop.token)
    held: list[Any] = []
    page.route("**/v1/tokens/refresh", lambda route: held.append(route))
    shop.change_key()
    page.clock.fast_forward("24:00:01")
    with page.expect_request("**/v1/tokens/refresh"):
        assert search(page) == "5 hits"
    page.click("#forget")
    with page.expect_response("**/v1/tokens/refresh"):
        held[0].continue_()
    assert search(page) == "5 hits"  # of the anonymous ones
    assert stored(page) is None
    assert page.evaluate("Object.keys(localStorage)") == []
