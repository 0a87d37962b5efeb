"""The journey of one visitor, step by step. Each step is a real HTTP request with its real answer."""

import json
import secrets
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Summary

from entitlements import base64url
from gatepass.local.backends import example
from gatepass.local.stack import LocalStack

SOLUTION: Final = "faiss-search"
CAME_FROM: Final = "anonymous_quota_exceeded"
"""The refusal whose link the visitor followed: the portal hands it on."""
ANONYMOUS_SEARCHES: Final = 3
REGISTERED_SEARCHES: Final = 10
EXPECTED_USAGE: Final[dict[str, Any]] = {
    "units": {"anonymous": ANONYMOUS_SEARCHES, "pro": 2, "registered": REGISTERED_SEARCHES},
    "revenue": [49900],
    "refused": [
        {"reason": "anonymous_quota_exceeded", "subjects": 1, "registered": 1, "paid": 1},
        {"reason": "quota_exceeded", "subjects": 1, "registered": 0, "paid": 1},
    ],
}
COUNTED_SECONDS: Final = 20
"""How long the local stack may take to count."""
PASSWORD: Final = secrets.token_urlsafe(18) + "aA1"
QUERIES: Final = (
    "run containers without servers",
    "message queue",
    "object storage",
    "graph database",
    "send email",
    "data warehouse",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the summary."""

    what: str
    expected: str
    seen: str

    @property
    def right(self) -> bool:
        """Whether the step had the expected result."""
        return self.expected == self.seen


@dataclass
class Demo:
    """Runs and narrates the journey on a stack."""

    stack: LocalStack
    console: Console
    check_interrupted: Callable[[], None]
    steps: list[Step] = field(default_factory=list)
    user: str = ""

    def run(self) -> bool:
        """Run the whole journey. Returns False if a step had an unexpected result."""
        self._say(f"A FAISS search API without a line of access code runs behind the gate at {self.stack.gateway.url}")
        self._anonymous()
        token, id_token = self._registration()
        self._daily_quota(token)
        self._upgrade(token, id_token)
        self._forgeries(token)
        self._rotation(token)
        self._revocation(token)
        self._usage()
        return self._summary()

    def _anonymous(self) -> None:
        self._say(f"A visitor searches without a token: {ANONYMOUS_SEARCHES} searches per address are free")
        for n in range(ANONYMOUS_SEARCHES):
            self._search(f"anonymous search {n + 1}", None, 200, "ok_anonymous")
        body = self._search("anonymous search 4", None, 403, "anonymous_quota_exceeded")
        self._check("the refusal contains an upgrade link", True, str(body.get("upgradeUrl")).startswith("https://"))

    def _registration(self) -> tuple[str, str]:
        self._say("The visitor registers for the solution and returns with a permanent token")
        who = {"email": "visitor@example.com", "solution_id": SOLUTION}
        self._post("/v1/registrations", who, 202)
        code = self.stack.aws.mails()[-1]["code"]
        self.console.print(f"  [dim](the mail says: your code is {code})[/dim]")
        welcome = self._post(
            "/v1/registrations/confirm", who | {"code": code, "password": PASSWORD, "from": CAME_FROM}, 200
        )
        again = self._post("/v1/sessions", who | {"password": PASSWORD}, 200)
        self._check("a second browser gets the same token", True, welcome.get("token") == again.get("token"))
        token = str(welcome.get("token"))
        ask = {"solution_id": SOLUTION, "spend": False}
        self.user = str(self._request(f"{self.stack.token_service.url}/v1/validate", ask, token)[1].get("userId"))
        return token, str(again.get("id_token"))

    def _daily_quota(self, token: str) -> None:
        self._say(f"With the token, {REGISTERED_SEARCHES} searches a day are allowed")
        for n in range(REGISTERED_SEARCHES):
            self._search(f"registered search {n + 1}", token, 200, "ok")
        self._search("registered search 11", token, 403, "quota_exceeded")

    def _upgrade(self, token: str, id_token: str) -> None:
        self._say("The user pays for pro (at a stand-in for Razorpay): the next request passes with the same token")
        started = self._post("/v1/checkout", {"solution_id": SOLUTION, "plan": "pro"}, 200, id_token)
        # What Razorpay's Checkout does in the browser: the user pays, and it hands three values to the page.
        pay = f"{self.stack.razorpay.url}/stand-in/subscriptions/{started.get('subscription_id')}/authenticate"
        returned = self._request(pay, {})[1].get("returned") or {}
        self._post("/v1/checkout/complete", returned, 200, id_token)
        self._search("search after the payment", token, 200, "ok")

    def _forgeries(self, token: str) -> None:
        self._say("Forged, altered, and foreign tokens are refused before any call to the table")
        secret, header, payload, signature = token.removeprefix("gp1_").split(".")
        stolen = "gp1_" + ".".join([base64url.encode(secrets.token_bytes(32)), header, payload, signature])
        self._search("a made-up token", "gp1_made-up", 401, "token_malformed")
        self._search("the stolen JWT with a made-up secret", stolen, 401, "signature_invalid")
        claims = json.loads(base64url.decode(payload)) | {"sub": str(uuid.uuid4())}
        altered = base64url.encode(json.dumps(claims).encode())
        self._search(
            "a token with another user's ID", f"gp1_{secret}.{header}.{altered}.{signature}", 401, "signature_invalid"
        )
        self._search("a token for another solution", self._foreign_token(), 403, "solution_mismatch")

    def _foreign_token(self) -> str:
        from tempfile import NamedTemporaryFile

        other = example().solution_file.read_text().replace(f"solution_id: {SOLUTION}", "solution_id: another-solution")
        with NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(other)
            file.flush()
            self.stack.aws.run("solutions", "apply", file.name)
        self.stack.aws.run("entitlements", "grant", "--user", self.user, "--solution", "another-solution")
        return self.stack.aws.run("tokens", "mint", "--user", self.user, "--solution", "another-solution")[1]

    def _rotation(self, token: str) -> None:
        self._say("The operator rotates the signing key: the token stays valid")
        self._command("keys", "rotate", "--now")
        self._search("search after the rotation", token, 200, "ok")

    def _revocation(self, token: str) -> None:
        self._say("The operator revokes access: the token is refused immediately and permanently")
        self._command("entitlements", "revoke", "--user", self.user, "--solution", SOLUTION)
        self._search("search after the revocation", token, 403, "entitlement_revoked")

    def _usage(self) -> None:
        self._say("The operator sees the totals: units, refused demand, and revenue of today")
        end = time.monotonic() + COUNTED_SECONDS
        while True:  # the stream is read off the path of requests, and a moment later
            report = json.loads(self.stack.aws.run("usage", "--solution", SOLUTION, "--json")[1])["solutions"][0]
            counted = report["total"]
            revenue = [money["amount"] for money in counted["revenue"]]
            seen = {"units": counted["units"], "revenue": revenue, "refused": counted["refused"]}
            if seen == EXPECTED_USAGE or time.monotonic() > end:
                break
            self.check_interrupted()
            time.sleep(0.5)
        self._command("usage", "--solution", SOLUTION, "--from", report["days"][-1]["day"])
        self._note("every unit, refusal, and payment counts once", str(EXPECTED_USAGE), str(seen))

    def _search(self, what: str, token: str | None, status: int, reason: str) -> dict[str, Any]:
        query = QUERIES[len(self.steps) % len(QUERIES)]
        seen, body = self._request(f"{self.stack.gateway.url}/search", {"query": query, "k": 1}, token)
        found = f"“{query}” → {body['hits'][0]['name']}" if body.get("hits") else json.dumps(body)
        self.console.print(f"  POST /search  [bold]{seen}[/bold] {self.stack.last_reason}  [dim]{_plain(found)}[/dim]")
        self._note(what, f"{status} {reason}", f"{seen} {self.stack.last_reason}")
        return dict(body)

    def _post(self, path: str, body: dict[str, Any], status: int, bearer: str | None = None) -> dict[str, Any]:
        seen, answer = self._request(f"{self.stack.token_service.url}{path}", body, bearer)
        shown = {key: value for key, value in answer.items() if value and key not in ("id_token", "expires_in")}
        text = json.dumps(
            {k: f"{v.partition('gp1_')[0]}gp1_…" if "gp1_" in str(v) else v for k, v in shown.items()},
            ensure_ascii=False,
        )
        self.console.print(f"  POST {path}  [bold]{seen}[/bold]  [dim]{_plain(text)}[/dim]")
        self._note(f"POST {path}", str(status), str(seen))
        return answer

    def _request(self, url: str, body: dict[str, Any], bearer: str | None = None) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return response.status, dict(json.load(response))
        except urllib.error.HTTPError as error:
            return error.code, dict(json.load(error))

    def _command(self, *arguments: str) -> str:
        status, output = self.stack.aws.run(*arguments)
        shown = "\n    ".join(output.splitlines())
        self.console.print(f"  $ gatepass {' '.join(arguments)}\n    [dim]{_plain(shown)}[/dim]")
        self._note(f"gatepass {arguments[0]} {arguments[1]}", "exit 0", f"exit {status}")
        return output

    def _check(self, what: str, expected: bool, seen: bool) -> None:
        self._note(what, str(expected).lower(), str(seen).lower())

    def _note(self, what: str, expected: str, seen: str) -> None:
        self.check_interrupted()
        self.steps.append(Step(what, expected, seen))
        if expected != seen:
            self.console.print(f"  [bold red]expected {expected}[/bold red]")

    def _say(self, text: str) -> None:
        self.console.print(f"\n[bold cyan]{_plain(text)}[/bold cyan]")

    def _summary(self) -> bool:
        wrong = [step for step in self.steps if not step.right]
        if self.console.is_terminal:
            table = Summary(title="The journey")
            for column in ("step", "expected", "seen", ""):
                table.add_column(column)
            for step in self.steps:
                table.add_row(step.what, step.expected, step.seen, "[green]✓[/green]" if step.right else "[red]✗[/red]")
            self.console.print(table)
        self.console.print(f"\n{len(self.steps) - len(wrong)} of {len(self.steps)} steps passed")
        return not wrong


def _plain(text: str) -> str:
    """Escape brackets, which rich would read as markup."""
    return text.replace("[", "\\[")
