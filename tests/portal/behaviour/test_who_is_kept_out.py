"""Who has lost a solution still reaches the account at the portal, and no sign-in there grants what nobody asked for."""

import json
from pathlib import Path

import pytest

from tests.support.axe import violations
from tests.support.command import Command
from tests.support.portal_visit import PASSWORD, SOLUTION, Visitor
from tests.support.walk import PICTURES

WIDTHS = (1280, 360)


def operator(visitor: Visitor, folder: Path) -> Command:
    return Command(None, folder, **visitor.stack.exported)


def suspend(visitor: Visitor, folder: Path) -> None:
    done = operator(visitor, folder)("entitlements", "suspend", "--email", visitor.email, "--solution", SOLUTION)
    assert done.returncode == 0, done.stderr


def looks(visitor: Visitor, name: str) -> None:
    """Take pictures, and hold what holds for every page."""
    page, before = visitor.page, visitor.page.viewport_size
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert violations(page) == []
    assert before is not None
    page.set_viewport_size(before)


def test_a_suspended_user_cancels_what_would_still_be_charged_and_deletes_the_account(
    visitor: Visitor, tmp_path: Path
) -> None:
    visitor.signed_in()
    page = visitor.open("upgrade", solution=SOLUTION, plan="pro")
    page.click(".wide-button")
    page.click("dialog button.pay")
    page.wait_for_selector("h2:has-text('Your payment is confirmed')")
    suspend(visitor, tmp_path)
    page.evaluate("sessionStorage.clear()")

    visitor.open("sign-in", solution_id=SOLUTION)
    visitor.signs_in()
    page.wait_for_selector("[role=alert] >> text=suspended")
    looks(visitor, "kept-out")
    page.click("main >> button:text-is('Your account')")
    page.wait_for_selector("text=Your access is suspended.")
    assert page.locator("text=/^Open /").count() == 0  # there is nothing behind it
    looks(visitor, "kept-out-account")
    page.click("main >> text=Cancel subscription")
    page.click("dialog .danger")
    page.wait_for_selector("text=The subscription is cancelled.")
    visitor.open("receipts")
    assert "₹499.00" in page.inner_text(".receipts")

    page.click("nav >> text=Account")
    page.click("main >> text='Delete the account' >> nth=1")
    page.fill("dialog input", visitor.email)
    page.click("dialog .danger")
    page.wait_for_selector("text=Your account is deleted.")


@pytest.mark.parametrize("route", ["account", "usage", "sign-in"])
def test_a_page_of_the_account_signs_in_to_the_account_alone(visitor: Visitor, tmp_path: Path, route: str) -> None:
    visitor.has_account()
    suspend(visitor, tmp_path)
    page = visitor.open(route)
    assert page.text_content("h1") == "Sign in"
    with page.expect_request("**/v1/sessions") as asking:
        visitor.signs_in()
    assert json.loads(asking.value.post_data or "") == {"email": visitor.email, "password": PASSWORD}
    page.wait_for_url(f"{visitor.home}{'my-solutions' if route == 'sign-in' else route}")


@pytest.mark.parametrize("way", ["password", "register"])
def test_who_sets_a_new_password_though_suspended_is_at_the_account(visitor: Visitor, tmp_path: Path, way: str) -> None:
    visitor.has_account()
    suspend(visitor, tmp_path)
    page = visitor.open(way, solution_id=SOLUTION)
    visitor.sets_password("An0ther-password")
    page.wait_for_selector("text=Your access is suspended.")
    assert page.text_content("h1") == "My solutions"


def test_an_account_without_solutions_is_offered_them(visitor: Visitor, tmp_path: Path) -> None:
    visitor.ask("POST", "/v1/registrations", {"email": visitor.email, "solution_id": SOLUTION})
    code = visitor.stack.code(visitor.email)
    assert visitor.ask("POST", "/v1/passwords", {"email": visitor.email, "code": code, "password": PASSWORD})[0] == 200
    page = visitor.open("sign-in")
    visitor.signs_in()
    page.wait_for_selector("text=You have no solutions yet.")
    looks(visitor, "no-solutions")
    listed = operator(visitor, tmp_path)("entitlements", "list", "--email", visitor.email, "--json")
    assert json.loads(listed.stdout) == []
    with page.expect_request(lambda request: "token=" in request.url):
        page.click("text=Start with AWS Solution Finder")
