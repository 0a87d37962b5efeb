"""The portal as it is published: at the root of a domain that serves the API too, under the template's policy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gatepass.local.gateway import Api as GatewayApi
from gatepass.local.gateway import LambdaProxy, LocalGateway, Route
from gatepass.portal_files import portal_files
from tests.support.api import Api
from tests.support.portal_visit import PATIENCE
from tests.support.signer import SOLUTION
from tests.support.template import TEMPLATE

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

SETTINGS = {"portal-name": "Example", "token-service": "", "solutions": SOLUTION, "contact": ""}
HEADERS = TEMPLATE["Resources"]["PortalHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
SENT = {one["Header"]: one["Value"] for one in HEADERS["CustomHeadersConfig"]["Items"]} | {
    "Content-Security-Policy": HEADERS["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
}


@pytest.fixture
def site(real_api: Api) -> Iterator[LocalGateway]:
    """What the distribution serves, but for its cache: files, the page at every other address, and the API."""
    files = {f"/{one.name}": one for one in portal_files(SETTINGS, "https://x.example.com", "https://y.example.com")}

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        path = str(event["rawPath"])
        if path.startswith("/v1/"):
            return real_api.answer(event, context)
        file = files[path if "." in path else "/index.html"]
        return {"statusCode": 200, "headers": SENT | {"Content-Type": file.content_type}, "body": file.content.decode()}

    route = Route("ANY", "$default", LambdaProxy(handle))
    with LocalGateway(GatewayApi("site123456", "HTTP", (route,))) as gateway:
        yield gateway


def test_its_pages_call_the_api_at_their_own_origin(site: LocalGateway, browser: "BrowserContext") -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if "Policy" in told.text else None)
    page.on("request", lambda request: asked.add(request.url.partition("/v1/")[0]) if "/v1/" in request.url else None)
    page.goto(f"{site.url}/")
    page.wait_for_selector("main h1:text-is('AWS Solution Finder'), main h2:text-is('AWS Solution Finder')")
    page.goto(f"{site.url}/sign-in")
    page.fill("[name=email]", "nobody@example.com")
    page.fill("[name=password]", "wrong-Wrong-1")
    page.click("main button[type=submit]")
    page.wait_for_selector("[role=alert]:has-text('The email address or the password is wrong')")
    page.close()
    assert errors == []
    assert asked == {site.url}


@pytest.mark.parametrize(
    ("path", "heading"),
    [("/sign-in/?state=s1", "Sign in"), ("/a/b", "There is no such page"), ("/a/b/?x=1", "There is no such page")],
)
def test_addresses_with_more_slashes_show_the_portal_too(
    site: LocalGateway, browser: "BrowserContext", path: str, heading: str
) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{site.url}{path}")
    page.wait_for_selector(f"main h1:text-is('{heading}')")
    assert page.url == f"{site.url}{path}"
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 10
    page.click("nav >> text=Register")
    page.wait_for_selector("main h1:text-is('Register')")
    assert page.url == f"{site.url}/register"
    page.close()
