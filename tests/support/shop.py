"""A solution's page, its API behind the gate, and the token service, each at an origin of its own, for a browser."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.token import parse
from gatepass.local.gateway import Api as GatewayApi
from gatepass.local.gateway import Authorizer, LambdaProxy, LocalGateway, Mock, Route
from gatepass.local.stack import GATEWAY_RESPONSES
from gatepass.published_script import published
from tests.support import emulators
from tests.support.api import Api
from tests.support.emulators import ROOT
from tests.support.signer import SOLUTION, USER
from tests.support.table import API, Table

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request

FRONTEND = ROOT / "examples" / "faiss_search" / "frontend"
KEY = f"gatepass.token.{SOLUTION}"
VERIFIERS = f"gatepass.verifier.{SOLUTION}"
WALL, NOTICE, OFFER = "dialog.refused", "dialog.notice", "dialog.offer"
USE, IGNORE, LINK = f"{OFFER} button:text-is('Use it')", f"{OFFER} button:text-is('Ignore')", f"{WALL} a"
MARKETPLACE = "https://marketplace.example.com"
PREFLIGHT = Mock(204, {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization,content-type",
    "Access-Control-Allow-Methods": "GET,POST",
})  # fmt: skip


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Shop:
    """The page, the API behind its gate and the token service, each at an origin of its own; a clock for the gate."""

    def __init__(self, context: "BrowserContext", moto: str, folder: Path, mailbox: Path) -> None:
        self.context, self.folder, self.ahead, self.hands_on = context, folder, 0.0, False
        self.table = Table(emulators.client("dynamodb", moto), f"t-{secrets.token_hex(6)}")
        self.service = Api(self.table, moto, mailbox)
        self.table.put(f"api#{API}", "config", solution_id=SOLUTION)
        self.keys = self.service.keys
        self.service.access.grant(USER, SOLUTION)
        self.token = self.service.services.minting.mint(USER, SOLUTION)
        gate = Authorizer(make_handler(Gate(self.table.store), lambda: time.time() + self.ahead, lambda _: None))
        routes = (Route("POST", "/search", LambdaProxy(self.search), gate), Route("OPTIONS", "/search", PREFLIGHT))
        self.gateway = LocalGateway(GatewayApi(API, "REST", routes, gateway_responses=dict(GATEWAY_RESPONSES)))
        self.tokens = LocalGateway(
            GatewayApi("tokens1234", "HTTP", (Route("ANY", "$default", LambdaProxy(self.service.answer)),))
        )
        self.pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        self.origin = f"http://127.0.0.1:{self.pages.server_port}"
        for file in FRONTEND.iterdir():
            text = file.read_text().replace("http://127.0.0.1:8080", self.gateway.url)
            (folder / file.name).write_text(text.replace("http://127.0.0.1:8081", self.tokens.url))
        (folder / "gatepass.js").write_bytes(published().content)
        self.table.put_solution(frontend_url=f"{self.origin}/")
        self.table.put(f"origin#{self.origin}", f"solution#{SOLUTION}")
        self.asked: list[str] = []
        self.questions: list[str] = []
        self.errors: list[str] = []

    def search(self, event: Any, context: Any) -> Any:
        """The solution, and where `hands_on` is set, one whose backend tells the browser what the gate asked for."""
        from examples.faiss_search.app import lambda_handler  # makes its index, which only a browser's test needs

        answer = lambda_handler(event, context)
        if self.hands_on:
            answer["headers"] |= {
                "X-Gatepass-Resign": event["requestContext"]["authorizer"]["resign"],
                "Access-Control-Expose-Headers": "X-Gatepass-Resign",
            }
        return answer

    def open(self, token: str = "", script: str = "") -> "Page":
        """The page in a new tab; with a token as its user comes back from the marketplace: beside an issued state."""
        page = self.blank(script)
        if token:
            page.goto(f"{self.origin}/")
            page.goto(f"{self.origin}/?token={token}&state={issued_state(page)}")
        else:
            page.goto(f"{self.origin}/")
        assert page.url == f"{self.origin}/"
        return page

    def note(self, request: "Request") -> None:
        """What a page sends, in order; what it only asks for, to show it, apart."""
        if request.method == "POST":
            name = request.url.rpartition("/")[2]
            (self.questions if name == "validate" else self.asked).append(name)

    def blank(self, script: str = "") -> "Page":
        """A tab that is yet to go anywhere; `script` runs before each page's own."""
        page = self.context.new_page()
        if script:
            page.add_init_script(script)
        page.on("request", self.note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.clock.install(time=time.time())
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


@contextmanager
def open_shop(context: "BrowserContext", moto: str, folder: Path, mailbox: Path) -> Iterator[Shop]:
    """Serve a shop, at an origin whose storage is empty; in the end no script of its pages has failed."""
    shop = Shop(context, moto, folder, mailbox)
    with shop.gateway, shop.tokens:
        thread = threading.Thread(target=shop.pages.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield shop
            assert shop.errors == []
        finally:
            for page in context.pages:
                page.close()
            shop.pages.shutdown()
            shop.pages.server_close()
            thread.join()


def issued_state(page: "Page") -> str:
    """The state of a visit to the marketplace that this page begins."""
    return parse_qs(urlsplit(page.evaluate("gatepass.link()")).query)["state"][0]


def search(page: "Page", query: str = "message queue") -> str:
    """What the page shows in the end: its hits' number, or why it was refused."""
    if page.locator(WALL).count():
        page.keyboard.press("Escape")
    page.fill("#query", query)
    page.click("#go")
    page.wait_for_selector(f".hit, {WALL}")
    return f"{page.locator('.hit').count()} hits" if page.locator(".hit").count() else page.inner_text(WALL)


def stored(page: "Page") -> str | None:
    token: str | None = page.evaluate("key => localStorage.getItem(key)", KEY)
    return token


def kid(token: str | None) -> str:
    parsed = parse(token or "")
    assert parsed is not None
    return parsed.kid


def wait_for_renewal(page: "Page", before: str) -> None:
    page.wait_for_function("([key, was]) => localStorage.getItem(key) !== was", arg=[KEY, before])
