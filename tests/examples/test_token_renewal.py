"""A page in a real browser keeps its token through every change of the signing key, without its user noticing."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.token import parse
from examples.faiss_search import app as backend
from gatepass.gateway import Api as GatewayApi
from gatepass.gateway import Authorizer, LambdaProxy, LocalGateway, Mock, Route
from gatepass.local.stack import GATEWAY_RESPONSES
from tests.support import emulators
from tests.support.api import Api
from tests.support.browser import browser_context
from tests.support.signer import SOLUTION, USER
from tests.support.table import API, Table
from token_service import edge

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request
    from playwright.sync_api import Route as PlaywrightRoute

FRONTEND = Path(backend.__file__).parent / "frontend"
KEY = f"gatepass.token.{SOLUTION}"
PREFLIGHT = Mock(204, {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization,content-type",
    "Access-Control-Allow-Methods": "GET,POST",
})  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> "Iterator[BrowserContext]":
    with browser_context() as context:
        yield context


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Shop:
    """The page, the API behind its gate and the token service, each at an origin of its own; a clock for the gate."""

    def __init__(self, context: "BrowserContext", moto: str, folder: Path, mailbox: Path) -> None:
        self.context, self.ahead, self.hands_on = context, 0.0, False
        self.table = Table(emulators.client("dynamodb", moto), f"t-{secrets.token_hex(6)}")
        self.service = Api(self.table, moto, mailbox)
        self.table.put(f"api#{API}", "config", solution_id=SOLUTION)
        self.keys = self.service.keys
        self.service.access.grant(USER, SOLUTION)
        self.token = self.service.services.minting.mint(USER, SOLUTION)
        gate = Authorizer(make_handler(Gate(self.table.store), lambda: time.time() + self.ahead, lambda _: None))
        routes = (Route("POST", "/search", LambdaProxy(self.search), gate), Route("OPTIONS", "/search", PREFLIGHT))
        self.gateway = LocalGateway(GatewayApi(API, "REST", routes, gateway_responses=dict(GATEWAY_RESPONSES)))
        handle = lambda event, lambda_context: edge.handle(  # noqa: E731
            self.service.app, self.service.services.origins, event, lambda_context
        )
        self.tokens = LocalGateway(GatewayApi("tokens1234", "HTTP", (Route("ANY", "$default", LambdaProxy(handle)),)))
        self.pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        self.origin = f"http://127.0.0.1:{self.pages.server_port}"
        for file in FRONTEND.iterdir():
            text = file.read_text().replace("http://127.0.0.1:8080", self.gateway.url)
            (folder / file.name).write_text(text.replace("http://127.0.0.1:8081", self.tokens.url))
        self.table.put_solution(frontend_url=f"{self.origin}/")
        self.table.put(f"origin#{self.origin}", f"solution#{SOLUTION}")
        self.asked: list[str] = []
        self.errors: list[str] = []

    def search(self, event: Any, context: Any) -> Any:
        """The solution, and where `hands_on` is set, one whose backend tells the browser what the gate asked for."""
        answer = backend.lambda_handler(event, context)
        if self.hands_on:
            answer["headers"] |= {
                "X-Gatepass-Resign": event["requestContext"]["authorizer"]["resign"],
                "Access-Control-Expose-Headers": "X-Gatepass-Resign",
            }
        return answer

    def note(self, request: "Request") -> None:
        if request.method == "POST":
            self.asked.append(request.url.rpartition("/")[2])

    def open(self, token: str = "", script: str = "") -> "Page":
        page = self.context.new_page()
        if script:
            page.add_init_script(script)
        page.on("request", self.note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.clock.install(time=time.time())
        page.goto(f"{self.origin}/" + (f"?token={token}" if token else ""))
        assert "token=" not in page.url
        return page

    def change_key(self, then: Callable[[str], object] = lambda kid: None) -> str:
        """Rotate, do something with the old key, and let the gate hear of it."""
        old = self.keys.ring().signing_key.kid
        self.keys.promote(self.keys.create().kid, in_haste=True)
        then(old)
        self.ahead += 61
        return old

    def used(self) -> int:
        (item,) = [item for item in self.table.all() if item["sk"] == f"solution#{SOLUTION}" and "jti" in item]
        return int(item["total"])


@pytest.fixture
def shop(browser: "BrowserContext", moto_endpoint: str, tmp_path: Path, mailbox: Path) -> Iterator[Shop]:
    shop = Shop(browser, moto_endpoint, tmp_path, mailbox)
    with shop.gateway, shop.tokens:
        thread = threading.Thread(target=shop.pages.serve_forever, daemon=True)
        thread.start()
        try:
            yield shop
            assert shop.errors == []
        finally:
            for page in browser.pages:
                page.close()
            shop.pages.shutdown()
            shop.pages.server_close()
            thread.join()


def search(page: "Page", query: str = "message queue") -> str:
    """What the page shows in the end: its hits' number, or its notice."""
    page.fill("#query", query)
    page.click("#go")
    page.wait_for_selector(".hit, #notice:not([hidden])")
    return f"{page.locator('.hit').count()} hits" if page.locator(".hit").count() else page.inner_text("#notice")


def stored(page: "Page") -> str | None:
    token: str | None = page.evaluate("key => localStorage.getItem(key)", KEY)
    return token


def kid(token: str | None) -> str:
    parsed = parse(token or "")
    assert parsed is not None
    return parsed.kid


def wait_for_renewal(page: "Page", before: str) -> None:
    page.wait_for_function("([key, was]) => localStorage.getItem(key) !== was", arg=[KEY, before])


def test_once_a_day_a_page_renews_its_token_and_the_old_key_drains(shop: Shop) -> None:
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
    page = shop.open(shop.token, "Object.defineProperty(window, 'localStorage', {get() { throw new Error('off'); }})")
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
    link = page.get_attribute("#notice-link", "href")
    assert link == f"https://marketplace.example.com/solutions?solution_id={SOLUTION}"
    assert shop.asked == ["search", "refresh"]
    assert stored(page) == shop.token  # it is the user's: forgetting it is a button


def test_a_refusal_that_renewing_cannot_mend_is_not_asked_again(shop: Shop) -> None:
    """The key is so new that the gate does not know it; the token service has nothing newer."""
    page = shop.open(shop.token)
    assert search(page) == "5 hits"
    shop.keys.promote(shop.keys.create().kid, in_haste=True)
    new = shop.service.services.minting.mint(USER, SOLUTION)
    page = shop.open(new)
    assert "Unauthorized" in search(page)
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
    assert "Unauthorized" in search(page)
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


def test_a_foreign_api_in_the_address_gets_no_token_and_renews_none(shop: Shop) -> None:
    shop.open(shop.token).close()
    page = shop.open()
    page.goto(f"{shop.origin}/?api=https://evil.example.com")
    assert "not sent" in page.inner_text("#access")
    seen: list[str] = []

    def refuse(route: "PlaywrightRoute") -> None:
        seen.append(str(route.request.headers.get("authorization")))
        route.fulfill(status=401, body="{}")

    page.route("https://evil.example.com/**", refuse)
    search(page)
    assert set(seen) == {"None"}
    assert "refresh" not in shop.asked
