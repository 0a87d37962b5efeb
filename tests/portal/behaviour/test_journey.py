"""The marketplace's own journey, by the pages alone: three free searches, registration, ten a day, a paid plan."""

import secrets
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.support.browser import chromium
from tests.support.portal_visit import PASSWORD
from tests.support.running_stack import RunningStack
from tests.support.walk import HACK, Walk, keep

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType

SHAPES: dict[str, Any] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}
WALL = "dialog.refused"


def table_of(stack: RunningStack) -> Any:
    told = stack.exported
    return boto3.resource(
        "dynamodb", endpoint_url=told["AWS_ENDPOINT_URL"], region_name=told["AWS_REGION"],
        aws_access_key_id="local", aws_secret_access_key="local",
    ).Table(told["GATEPASS_TABLE"])  # fmt: skip


def registered_from(stack: RunningStack) -> Counter[str]:
    """How many registrations came from which refusal."""
    return Counter(item["from"] for item in table_of(stack).scan()["Items"] if "from" in item)


def registers(walk: Walk, stack: RunningStack, email: str) -> None:
    walk.clicks_on("main >> text=Register")
    walk.types("[name=email]", email)
    walk.clicks_on("text=Send the code")
    walk.page.wait_for_selector("[name=code]")
    walk.looks("code", closely=True)
    with walk.page.expect_popup() as opened:
        walk.clicks_on("text=Open its inbox")
    inbox = opened.value
    inbox.wait_for_selector(f"#mails li:has-text('{email}')")
    code = inbox.inner_text("#mails li:first-child .price b")
    inbox.close()
    walk.types("[name=code]", code)
    walk.types("[name=password]", PASSWORD)
    walk.clicks_on("text=Create the account")
    walk.page.wait_for_url(stack.named("the page"))


def signs_in(walk: Walk, email: str) -> None:
    walk.clicks_on("main >> text=Sign in")
    walk.types("[name=email]", email)
    walk.types("[name=password]", PASSWORD)
    walk.clicks_on("main button[type=submit]")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stranger_gets_from_free_searches_to_a_paid_plan_by_the_pages_alone(
    unvisited: RunningStack, browser: "BrowserContext", tmp_path: Path, shape: str
) -> None:
    (engine, options), stack = chromium(), unvisited
    front, email = stack.named("the page"), f"stranger-{secrets.token_hex(4)}@example.com"
    context = engine.launch_persistent_context(tmp_path / "profile", **options, **SHAPES[shape])
    walk = Walk(context.pages[0], shape)
    walk.page.goto(front)
    walk.remaining("3 of 3 free searches left")
    walk.looks("welcome")
    for left in (2, 1, 0):
        assert "fit" in walk.searches()
        walk.remaining(f"{left} of 3 free searches left")
    walk.looks("results")

    began = time.monotonic()
    assert "You have used your 3 free searches. Register for 10 a day." in walk.searches()
    walk.looks("wall", closely=True)
    walk.clicks_on(f"{WALL} a")
    walk.page.wait_for_selector("h1:text-is('AWS Solution Finder')")
    walk.looks("plans")
    before = registered_from(stack)
    registers(walk, stack, email)
    assert registered_from(stack) - before == Counter({"anonymous_quota_exceeded": 1})
    registered = {"seconds": round(time.monotonic() - began, 1), "clicks": walk.clicks, "fields": walk.fields}
    walk.remaining("10 of 10 searches left")
    token = walk.token()
    assert token.startswith("gp1_")
    for left in range(9, -1, -1):
        assert "fit" in walk.searches(HACK if left == 5 else "message queue")
        walk.remaining(f"{left} of 10 searches left")

    assert "Upgrade for more." in walk.searches()
    walk.looks("upgrade-wall", closely=True)
    walk.clicks_on(f"{WALL} a")
    walk.clicks_on("text=Choose pro")
    walk.page.wait_for_selector(".summary")
    walk.looks("offer")
    walk.clicks_on(".wide-button")
    walk.page.wait_for_selector("dialog button.pay")
    walk.looks("payment", closely=True)
    walk.clicks_on("dialog button.pay")
    walk.page.wait_for_selector("h2:has-text('Your payment is confirmed')")
    walk.looks("paid", closely=True)
    walk.clicks_on("text=Open AWS Solution Finder")
    walk.page.wait_for_url(front)
    assert [walk.searches() for _ in range(3)] == ["5 services fit, best first."] * 3
    paid = {"seconds": round(time.monotonic() - began, 1), "clicks": walk.clicks, "fields": walk.fields}
    walk.looks("unlimited", closely=True)
    keep(shape, {"from the wall to registered": registered, "from the wall to paid": paid})
    assert (paid["clicks"], paid["fields"]) == (10, 3)

    the_token_is_nowhere_else(walk, stack, token)
    assert walk.page.evaluate("window.hacked") is None
    context = it_outlives_the_tab_and_the_browser(walk, context, engine, options | SHAPES[shape], tmp_path, front)
    assert walk.token() == token
    a_second_browser_gets_the_same_and_revokes_it(walk, stack, browser.browser, email, token)
    assert walk.errors == []
    context.close()


def the_token_is_nowhere_else(walk: Walk, stack: RunningStack, token: str) -> None:
    """The redirect of `token_delivery: query` has it in its address; after that, no address, referrer, or log."""
    carried = [url for url, _ in walk.sent if token in url]
    assert len(carried) == 1
    assert carried[0].startswith(f"{stack.named('the page')}?token=")
    assert [referrer for _, referrer in walk.sent if "token" in referrer or "state" in referrer] == []
    assert [line for line in stack.heard if token in line or token.split(".")[0] in line] == []
    entries = walk.page.evaluate("navigation.entries().map((entry) => entry.url ?? '')")
    assert [url for url in [walk.page.url, *entries] if "token" in url] == []


def it_outlives_the_tab_and_the_browser(
    walk: Walk, context: "BrowserContext", engine: "BrowserType", options: dict[str, Any], folder: Path, front: str
) -> "BrowserContext":
    walk.follow(context.new_page())
    walk.page.goto(front)
    assert "fit" in walk.searches()
    context.close()
    context = engine.launch_persistent_context(folder / "profile", **options)
    walk.follow(context.pages[0])
    walk.page.goto(front)
    assert "fit" in walk.searches()
    return context


def a_second_browser_gets_the_same_and_revokes_it(
    walk: Walk, stack: RunningStack, browser: "Browser | None", email: str, token: str
) -> None:
    assert browser is not None
    elsewhere = browser.new_context()
    other = Walk(elsewhere.new_page(), f"{walk.shape}-second")
    other.page.goto(stack.named("the page"))
    assert "You have used your 3 free searches." in other.searches()
    other.clicks_on(f"{WALL} a")
    signs_in(other, email)
    other.page.wait_for_url(stack.named("the page"))
    assert other.token() == token
    assert "fit" in other.searches()

    other.page.goto(f"{stack.named('the portal')}my-solutions")
    other.clicks_on(".token-panel >> text=Revoke")
    other.clicks_on("dialog .danger")
    other.page.wait_for_selector("text=The token is revoked.")
    assert "Sign in again" in walk.searches()
    walk.looks("revoked", closely=True)
    walk.clicks_on(f"{WALL} a")
    signs_in(walk, email)
    walk.page.wait_for_url(stack.named("the page"))
    assert "fit" in walk.searches()
    assert walk.token() != token
    assert other.errors == []
    elsewhere.close()
