"""The short journey in Firefox: three free searches, registration, and a token that outlives the browser."""

import secrets
from pathlib import Path

from tests.support.firefox import Firefox, firefox
from tests.support.portal_visit import PASSWORD
from tests.support.running_stack import RunningStack

WALL = "document.querySelector('gatepass-dialog')?.shadowRoot.querySelector('dialog.refused')"
TOKEN = "return localStorage.getItem('gatepass.token.faiss-search')"


def searches(browser: Firefox) -> str:
    """What is told in the end."""
    browser.fill("#query", "message queue")
    browser.click("return document.getElementById('go')")
    told = f"const s = document.getElementById('status').innerText; return ({WALL})?.innerText || (/fit/.test(s) && s)"
    return str(browser.wait(told))


def test_a_stranger_registers_and_comes_back_another_day(unvisited: RunningStack, tmp_path: Path) -> None:
    stack = unvisited
    front, email = stack.named("the page"), f"fox-{secrets.token_hex(4)}@example.com"
    with firefox(tmp_path / "profile") as browser:
        browser.open(front)
        assert [searches(browser) for _ in range(3)] == ["5 services fit, best first."] * 3
        assert "Register for 10 a day." in searches(browser)
        browser.click(f"return {WALL}.querySelector('a')")
        browser.press("Register")
        browser.fill("[name=email]", email)
        browser.press("Send the code")
        browser.wait("return document.querySelector('[name=code]')")
        browser.fill("[name=code]", stack.code(email))
        browser.fill("[name=password]", PASSWORD)
        browser.press("Create the account")
        token = browser.wait(TOKEN)
        assert browser.url == front
        assert searches(browser) == "5 services fit, best first."
    with firefox(tmp_path / "profile") as browser:
        browser.open(front)
        assert browser.run(TOKEN) == token
        assert searches(browser) == "5 services fit, best first."
