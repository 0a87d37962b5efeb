"""gatepass.js on a page of its own, under a strict CSP: where the token goes, and what the user sees."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gatepass.published_script import published
from tests.support.shop import KEY, NOTICE, OFFER, WALL, Shop, stored
from tests.support.signer import SOLUTION

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

API = "https://api.example.com/prod"
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization"}
CSP = "default-src 'none'; script-src 'self'; connect-src *; require-trusted-types-for 'script'; trusted-types 'none'"
SPENT = {
    "message": "Refused", "reason": "anonymous_quota_exceeded", "plan": "anonymous", "limit": "3", "used": "3",
    "remaining": "0", "resetsAt": "", "upgradeUrl": "https://marketplace.example.com/?solution_id=faiss-search",
}  # fmt: skip
LISTEN = """
window.seen = [];
for (const name of ["token", "remaining", "refused", "offer", "notice"]) {
  document.addEventListener(`gatepass:${name}`, (event) => window.seen.push([name, event.detail]));
}
addEventListener("securitypolicyviolation", (event) => window.seen.push(["violation", event.violatedDirective]));
"""


@pytest.fixture
def page(shop: Shop) -> "Iterator[Page]":
    page = shop.blank(LISTEN)
    page.set_default_timeout(4000)
    page.route("https://**", lambda route: answer(route, 200))
    yield page
    shop.context.set_offline(False)


def answer(route: "Route", status: int, body: Any = None) -> None:
    content = {} if body is None else body
    route.fulfill(status=status, body=json.dumps(content), headers=CORS, content_type="application/json")


def visit(page: "Page", shop: Shop, address: str = "", api: str = API, attributes: str = "") -> None:
    """A page with nothing but the tag, integrity included, and an element for what remains."""
    script = published()
    body = f"""<!doctype html><html lang="en"><meta http-equiv="Content-Security-Policy" content="{CSP}"><title>A page</title>
<script src="gatepass.js" integrity="{script.integrity}" crossorigin="anonymous" data-solution="{SOLUTION}"
 data-api="{api}" data-marketplace="https://marketplace.example.com/" data-token-service="{shop.tokens.url}"
 data-unit="search,searches" {attributes}></script>
<button id="before">Before</button><p data-gatepass="remaining"></p>"""
    (shop.folder / "plain.html").write_text(body)
    page.goto(f"{shop.origin}/plain.html{address}")


def signed_in(page: "Page", shop: Shop, **values: str) -> None:
    visit(page, shop, **values)
    page.evaluate("([key, token]) => localStorage.setItem(key, token)", [KEY, shop.token])
    page.evaluate("key => localStorage.setItem(key, String(Date.now()))", f"{KEY}.asked")


def seen(page: "Page", name: str) -> list[Any]:
    return [detail for kind, detail in page.evaluate("window.seen") if kind == name]


WAYS = {
    "fetch": "(url) => fetch(url)",
    "fetch of a URL": "(url) => fetch(new URL(url))",
    "fetch of a Request": "(url) => fetch(new Request(url, {method: 'POST', body: 'x'}))",
    "XMLHttpRequest": "(url) => new Promise((done) => { const x = new XMLHttpRequest(); x.open('GET', url);"
    " x.onload = () => done(); x.send(); })",
}
OWN = {
    "fetch": "(url) => fetch(url, {headers: {authorization: 'Basic x'}})",
    "fetch of a Request": "(url) => fetch(new Request(url, {headers: {authorization: 'Basic x'}}))",
    "XMLHttpRequest": "(url) => new Promise((done) => { const x = new XMLHttpRequest(); x.open('GET', url);"
    " x.setRequestHeader('authorization', 'Basic x'); x.onload = () => done(); x.send(); })",
}


def sent(page: "Page", way: str, url: str) -> str | None:
    """The header with which the request arrives."""
    heard: list[str | None] = []

    def note(route: "Route") -> None:
        if route.request.method != "OPTIONS":
            heard.append(route.request.headers.get("authorization"))
        answer(route, 200)

    page.route(url, note)
    page.evaluate(f"(url) => ({way})(url).then(() => {{}})", url)
    (header,) = heard
    return header


@pytest.mark.parametrize("way", WAYS)
def test_the_token_goes_to_the_api_and_nowhere_else(page: "Page", shop: Shop, way: str) -> None:
    signed_in(page, shop)
    assert sent(page, WAYS[way], f"{API}/search") == f"Bearer {shop.token}"
    for other in (
        "https://api.example.com/production",
        "https://api.example.com/",
        "https://api.example.com.evil.com/prod/x",
    ):
        assert sent(page, WAYS[way], other) is None


@pytest.mark.parametrize("way", OWN)
def test_a_header_of_the_pages_own_is_left_alone(page: "Page", shop: Shop, way: str) -> None:
    signed_in(page, shop)
    assert sent(page, OWN[way], f"{API}/search") == "Basic x"


@pytest.mark.parametrize("way", ["fetch", "XMLHttpRequest"])
def test_a_refusal_is_an_accessible_dialog(page: "Page", shop: Shop, way: str) -> None:
    visit(page, shop)
    page.route(f"{API}/search", lambda route: answer(route, 403, SPENT))
    page.focus("#before")
    page.evaluate(f"(url) => ({WAYS[way]})(url).then(() => {{}})", f"{API}/search")
    page.wait_for_selector(WALL)
    text = "You have used your 3 free searches. Register for 10 a day."
    dialog = page.get_by_role("alertdialog", name="No free searches left", description=text)
    assert dialog.evaluate("(element) => element.matches(':modal') && element.getRootNode().activeElement === element")
    focused = "document.activeElement.shadowRoot?.activeElement.textContent ?? document.activeElement.id"
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focused))
    assert {"Register", "Close"} <= set(reached)
    assert "before" not in reached
    link = dialog.get_by_role("link", name="Register").get_attribute("href") or ""
    assert all(f"{name}=" in link for name in ("solution_id", "return_to", "state"))
    page.keyboard.press("Escape")
    page.wait_for_selector(WALL, state="detached")
    assert page.evaluate("document.activeElement.id") == "before"
    (detail,) = seen(page, "refused")
    assert (detail["reason"], detail["message"], detail["link"]) == ("anonymous_quota_exceeded", text, link)
    assert seen(page, "violation") == []


def test_a_page_with_a_look_of_its_own_prevents_the_dialog(page: "Page", shop: Shop) -> None:
    visit(page, shop)
    page.route(f"{API}/search", lambda route: answer(route, 403, SPENT))
    page.evaluate(
        """(url) => new Promise((done) => {
            document.addEventListener("gatepass:refused", (event) => { event.preventDefault(); Promise.resolve().then(() => done()); });
            fetch(url);
        })""",
        f"{API}/search",
    )
    assert page.locator(WALL).count() == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_api_itself_is_the_pages_business(page: "Page", shop: Shop, status: int) -> None:
    visit(page, shop)
    page.route(f"{API}/search", lambda route: answer(route, status, {"message": "Not your document"}))
    with page.expect_response("**/v1/validate"):
        answered = page.evaluate("(url) => fetch(url).then((response) => response.json())", f"{API}/search")
    assert answered == {"message": "Not your document"}
    page.evaluate("gatepass.remaining()")
    assert seen(page, "refused") == []


def test_what_remains_is_shown_before_the_wall(page: "Page", shop: Shop) -> None:
    visit(page, shop, api=shop.gateway.url)
    page.wait_for_selector("text=3 of 3 free searches left")
    page.evaluate(
        "() => fetch(gatepass.api + '/search', {method: 'POST', body: '{\"query\": \"queue\"}'}).then(() => 0)"
    )
    page.wait_for_selector("text=2 of 3 free searches left")
    assert [detail["remaining"] for detail in seen(page, "remaining")][-1] == 2


def test_in_memory_mode_nothing_is_stored(page: "Page", shop: Shop) -> None:
    visit(page, shop, f"?token={shop.token}", attributes='data-storage="memory"')
    page.click(f"{OFFER} button:text-is('Use it')")
    page.evaluate("gatepass.link()")
    assert sent(page, WAYS["fetch"], f"{API}/search") == f"Bearer {shop.token}"
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    assert seen(page, "notice") == []
    page.reload()
    assert page.evaluate("gatepass.signedIn") is False


def test_refused_storage_is_explained(page: "Page", shop: Shop) -> None:
    page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
    visit(page, shop, f"?token={shop.token}")
    page.click(f"{OFFER} button:text-is('Use it')")
    assert "until you leave this page" in page.inner_text(NOTICE)
    assert sent(page, WAYS["fetch"], f"{API}/search") == f"Bearer {shop.token}"


@pytest.mark.parametrize(("offline", "title"), [(True, "You are offline"), (False, "could not be reached")])
def test_without_an_answer_the_page_gets_its_error_and_the_user_a_message(
    page: "Page", shop: Shop, offline: bool, title: str
) -> None:
    visit(page, shop)
    page.route(f"{API}/search", lambda route: route.abort())
    shop.context.set_offline(offline)
    error = page.evaluate("(url) => fetch(url).catch((error) => error.name)", f"{API}/search")
    assert error == "TypeError"
    assert title in page.inner_text(NOTICE)


def test_another_tab_signs_in_here_too(page: "Page", shop: Shop) -> None:
    visit(page, shop)
    page.route(f"{API}/search", lambda route: answer(route, 403, SPENT))
    page.evaluate("(url) => fetch(url).then(() => 0)", f"{API}/search")
    page.wait_for_selector(WALL)
    shop.open(shop.token)
    page.wait_for_selector(WALL, state="detached")
    assert page.evaluate("gatepass.signedIn") is True
    assert len(seen(page, "token")) >= 1


def test_a_tag_without_an_api_leaves_the_page_as_it_is(page: "Page", shop: Shop) -> None:
    visit(page, shop, f"?token={shop.token}", api="")
    assert page.url == f"{shop.origin}/plain.html"
    assert page.evaluate("typeof gatepass") == "undefined"
    assert stored(page) is None
    assert sent(page, WAYS["fetch"], f"{API}/search") is None


@pytest.mark.parametrize("missing", ["data-solution", "data-api", "data-token-service"])
def test_a_tag_without_what_it_needs_is_told_to_its_author_and_does_nothing(
    page: "Page", shop: Shop, missing: str
) -> None:
    visit(page, shop)
    text = (shop.folder / "plain.html").read_text()
    (shop.folder / "plain.html").write_text(text.replace(f"{missing}=", "data-nothing="))
    with page.expect_console_message(lambda told: "gatepass.js needs" in told.text):
        page.goto(f"{shop.origin}/plain.html")
    assert page.evaluate("window.gatepass") is None
