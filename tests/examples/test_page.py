"""The page: usable by everybody in every state, and it says where to get more before nothing is left."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.axe import violations
from tests.support.shop import MARKETPLACE, WALL, Shop, search
from tests.support.signer import SOLUTION

if TYPE_CHECKING:
    from playwright.sync_api import Page

NARROW = 360
"""CSS pixels, the width of a small telephone."""
PROMPT = "#prompt:not([hidden])"


def link_of(page: "Page", selector: str) -> dict[str, list[str]]:
    """The parameters with which a click leads to the marketplace, which is away here."""
    assert (page.get_attribute(selector, "href") or "").startswith(f"{MARKETPLACE}/")
    page.route(f"{MARKETPLACE}/**", lambda route: route.fulfill(status=204))  # so that the page stays
    with page.expect_request(f"{MARKETPLACE}/**") as asked:
        page.click(selector)
    return parse_qs(urlsplit(asked.value.url).query)


def nothing_found(page: "Page") -> None:
    page.fill("#query", "asdf qwerty")
    page.click("#go")
    page.wait_for_selector("#ideas:visible")


def failed(page: "Page") -> None:
    page.route(
        "**/search", lambda route: route.fulfill(status=500, body="{}", headers={"Access-Control-Allow-Origin": "*"})
    )
    page.click("#go")
    page.wait_for_selector("#again:visible")


def test_every_state_is_accessible_and_narrow_in_both_colour_schemes(shop: Shop) -> None:
    page = shop.blank()
    page.set_viewport_size({"width": NARROW, "height": 740})
    page.goto(f"{shop.origin}/")
    page.wait_for_selector("#more:visible")
    states = {
        "before": lambda: None,
        "found": lambda: search(page),
        "nothing found": lambda: nothing_found(page),
        "failed": lambda: failed(page),
    }
    found = {}
    for name, reach in states.items():
        reach()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found[f"{name}, {scheme}"] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, name
    assert {where: what for where, what in found.items() if what} == {}
    assert page.locator(PROMPT).count() == 1


def test_a_visitor_is_offered_registration_before_the_last_free_search_is_used(shop: Shop) -> None:
    page = shop.open()
    page.wait_for_selector("#more:visible")
    assert page.inner_text("[data-gatepass=remaining]") == "3 of 3 free searches left"
    assert page.inner_text("#more") == "Register"
    assert link_of(page, "#more")["solution_id"] == [SOLUTION]
    assert page.locator(PROMPT).count() == 0
    search(page)
    search(page)
    page.wait_for_selector(PROMPT)
    assert page.inner_text("#prompt-text") == "You have 1 free search left. Register for more."
    link = link_of(page, "#prompt-link")
    assert (link["solution_id"], link["return_to"]) == ([SOLUTION], [f"{shop.origin}/"])
    assert len(link["state"][0]) == 43
    assert page.locator("#more:visible").count() == 0
    search(page)
    page.wait_for_function("() => document.getElementById('prompt-text').textContent.includes('no free searches left')")
    search(page)
    assert page.locator(WALL).count() == 1


def test_a_user_is_offered_an_upgrade_and_nothing_once_the_plan_is_unlimited(shop: Shop) -> None:
    page = shop.open(shop.token)
    page.wait_for_selector("#more:visible")
    assert page.inner_text("#more") == "Upgrade"
    shop.table.put_entitlement(plan="pro", generation="1")
    page.reload()
    page.wait_for_selector("#forget:visible")
    page.wait_for_function("() => document.querySelector('[data-gatepass=remaining]').textContent === ''")
    assert page.locator("#more:visible").count() + page.locator(PROMPT).count() == 0


def test_a_question_is_one_click_away_and_kept_on_the_way_to_the_marketplace(shop: Shop) -> None:
    page = shop.open()
    page.click("#examples button >> nth=0")
    page.wait_for_selector(".hit")
    assert page.evaluate("document.activeElement.id") == "query"
    asked = page.input_value("#query")
    page.goto("about:blank")
    page.goto(f"{shop.origin}/")
    assert page.input_value("#query") == asked
    assert page.locator(".hit").count() == 0


def test_a_failed_search_can_be_repeated_and_being_offline_is_said(shop: Shop) -> None:
    page = shop.open()
    page.route("**/search", lambda route: route.abort())
    page.fill("#query", "message queue")
    page.keyboard.press("Enter")
    page.wait_for_selector("#again:visible")
    assert "No answer from" in page.inner_text("#status")
    page.unroute("**/search")
    page.click("#again")
    page.wait_for_selector(".hit")
    assert page.locator("#again:visible").count() == 0
    shop.context.set_offline(True)
    page.wait_for_selector("#offline:visible")
    shop.context.set_offline(False)
    page.wait_for_selector("#offline", state="hidden")
