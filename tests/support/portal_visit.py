"""A visitor of the portal: a tab of a browser, and an account whose mail the local stack shows."""

import json
import secrets
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.support.running_stack import RunningStack

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PASSWORD = "Str0ng-enough!"
SOLUTION = "faiss-search"
PATIENCE = 20_000
"""Milliseconds; a page that takes longer has failed."""


class Visitor:
    """A tab without a session. Errors of its scripts and what its policy blocked are in `errors`."""

    def __init__(self, stack: RunningStack, context: "BrowserContext") -> None:
        self.stack, self.page = stack, context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.home = stack.named("the portal")
        self.service = stack.named("token service").removesuffix("/v1/docs")
        self.email = f"visitor-{secrets.token_hex(4)}@example.com"
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda told: self.errors.append(told.text) if "Security Policy" in told.text else None)

    def open(self, route: str = "", **query: str) -> "Page":
        """A page of the portal, once it shows its content."""
        self.page.goto(f"{self.home}{route}{'?' if query else ''}{urlencode(query)}")
        self.loaded()
        return self.page

    def loaded(self) -> None:
        self.page.wait_for_selector("main h1")
        self.page.wait_for_selector("main:not([aria-busy])")

    def has_account(self) -> "Visitor":
        """Registered, by the API and not in the browser."""
        self.ask("POST", "/v1/registrations", {"email": self.email, "solution_id": SOLUTION})
        code = self.stack.code(self.email)
        given = {"email": self.email, "code": code, "password": PASSWORD, "solution_id": SOLUTION}
        status, answer = self.ask("POST", "/v1/registrations/confirm", given)
        assert status == 200, (answer, self.stack.heard[-20:])
        return self

    def signs_in(self, password: str = PASSWORD) -> None:
        """Fill in the form that is shown."""
        self.page.fill("[name=email]", self.email)
        self.page.fill("[name=password]", password)
        self.page.click("main button[type=submit]")

    def sets_password(self, password: str) -> None:
        """By a mailed code, on the page that asks for the address first."""
        self.page.fill("[name=email]", self.email)
        self.page.click("text=Send the code")
        self.page.wait_for_selector("[name=code]")
        self.page.fill("[name=code]", self.stack.code(self.email))
        self.page.fill("[name=password]", password)
        self.page.click("main button[type=submit]")

    def signed_in(self) -> "Visitor":
        """With an account, and with its session in this tab."""
        self.has_account()
        self.open("sign-in")
        self.signs_in()
        self.page.wait_for_selector("h1:text-is('My solutions')")
        self.loaded()
        return self

    def focused(self) -> str:
        """The text of what has the focus, also inside Razorpay's window."""
        script = """() => {
          let at = document.activeElement;
          while (at?.shadowRoot) at = at.shadowRoot.activeElement;
          return at?.name || at?.innerText || "";
        }"""
        return str(self.page.evaluate(script)).strip()

    def tabs_to(self, text: str) -> None:
        """Press Tab until what begins with `text` has the focus."""
        for _ in range(40):
            if self.focused().startswith(text):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {text}, but {self.focused()}")

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """What the token service answers to a program."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.service}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def allowed(self, token: str) -> bool:
        """Whether the token is good for a request."""
        request = {"solution_id": SOLUTION, "method": "POST", "path": "/search", "spend": False}
        return self.ask("POST", "/v1/validate", request, token)[0] == 200
