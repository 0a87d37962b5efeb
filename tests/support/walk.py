"""A person at a browser: counts what they do, keeps a picture of each step, and minds what they would."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.axe import violations
from tests.support.emulators import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

PICTURES = ROOT / "build" / "journey"
"""Kept after the test, to look at."""
HACK = "<img src=x onerror=window.hacked=1>"


class Walk:
    """`clicks` and `fields` count what the person did with the pages; `sent` has the addresses and referrers they caused."""

    def __init__(self, page: "Page", shape: str) -> None:
        self.shape, self.clicks, self.fields, self.pictures = shape, 0, 0, 0
        self.sent: list[tuple[str, str]] = []
        self.errors: list[str] = []
        page.context.on("request", self._note)
        page.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.follow(page)

    def follow(self, page: "Page") -> None:
        """Go on in another tab."""
        self.page = page
        page.set_default_timeout(20_000)

    def _note(self, request: "Request") -> None:
        self.sent.append((request.url, request.headers.get("referer", "")))

    def clicks_on(self, selector: str) -> None:
        self.clicks += 1
        self.page.click(selector)

    def types(self, selector: str, text: str) -> None:
        self.fields += 1
        self.page.fill(selector, text)

    def looks(self, name: str, closely: bool = False) -> None:
        """Take a picture. Nothing is cut off; looked at closely, nothing serious stands in the way of anybody."""
        self.pictures += 1
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{self.shape}-{self.pictures:02}-{name}.png")
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if closely:
            serious = [one for one in violations(self.page) if one.startswith(("serious", "critical"))]
            assert not serious, (name, serious)

    def searches(self, query: str = "message queue") -> str:
        """On the solution's page: the text of the status, or of the refusal that is shown."""
        self.page.fill("#query", query)
        self.page.click("#go")
        self.page.wait_for_selector("dialog.refused, #status:has-text('fit')")
        wall = self.page.locator("dialog.refused")
        return wall.inner_text() if wall.count() else self.page.inner_text("#status")

    def remaining(self, text: str) -> None:
        self.page.wait_for_function(
            "text => document.querySelector('[data-gatepass=remaining]').textContent === text", arg=text
        )

    def token(self) -> str:
        return str(self.page.evaluate("localStorage.getItem('gatepass.token.faiss-search') ?? ''"))


def keep(name: str, facts: object) -> Path:
    """Beside the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.json"
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path
