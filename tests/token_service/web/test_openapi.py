"""The API's description: true, current, valid, and enough for a client to find its way by."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from entitlements.refusals import Code
from gatepass.local.gateway import Api as GatewayApi
from gatepass.local.gateway import LambdaProxy, LocalGateway, Route
from tests.support.api import Api
from tests.support.emulators import ROOT
from tests.support.seller import selling_api
from tests.support.signer import SOLUTION
from tests.support.table import Table
from token_service.users.sessions import counts
from token_service.web import edge, openapi

FILE = ROOT / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(openapi.generated())
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def generate(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """In an environment without any setting."""
    command = [sys.executable, "-m", "token_service.web.openapi", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60)


def codes(response: dict[str, Any]) -> set[str]:
    return set(re.findall(r"`(\w+)`", response["description"]))


def test_the_file_in_the_repository_is_current() -> None:
    assert FILE.read_text() == openapi.generated()


@pytest.mark.usefixtures("processes")
def test_it_is_printed_without_any_setting() -> None:
    assert generate().stdout == openapi.generated()
    assert generate("--check", FILE).returncode == 0


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", ["missing.json", "old.json"])
def test_a_file_that_is_not_current_is_refused_with_the_command_that_mends_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "old.json").write_text("{}\n")
    refused = generate("--check", tmp_path / name)
    assert refused.returncode == 1
    assert f"python -m token_service.web.openapi > {tmp_path / name}" in refused.stderr


def test_it_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_operation_has_a_name_a_summary_and_a_group_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] and operation["tags"][0] in openapi.TAGS for operation in OPERATIONS.values())


def test_every_code_is_named_by_some_operation_under_its_own_status() -> None:
    named = {
        (code, int(status))
        for operation in OPERATIONS.values()
        for status, response in operation["responses"].items()
        for code in codes(response)
    }
    # A described operation is never asked by a wrong method.
    public = [code for code in Code if code.is_public and code is not Code.METHOD_NOT_ALLOWED]
    assert named == {(code.value, code.http_status) for code in public}


def test_the_service_serves_it_to_every_origin(api: Api) -> None:
    status, served = api.call("GET", "/v1/openapi.json", origin="https://anywhere.example.org")
    assert (status, served) == (200, DOCUMENT)
    assert api.headers["Access-Control-Allow-Origin"] == "*"


class References(HTMLParser):
    """What a page makes a browser fetch, and the text of its styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls, self.styles, self.within = list[str](), "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.within = tag
        self.urls += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within == "style":
            self.styles += data


def test_the_page_is_whole_in_itself(api: Api) -> None:
    status, html = api.call("GET", edge.DOCS_PATH)
    page = References(html)
    assert status == 200
    assert [url for url in page.urls if not url.startswith(("#", "data:"))] == []
    assert page.styles
    assert [url for url in re.findall(r"url\(([^)]*)\)", page.styles) if not url.strip("\"'").startswith("data:")] == []
    assert "@import" not in page.styles
    # What the script might fetch, the browser lets it fetch from this service alone.
    assert api.headers["Content-Security-Policy"] == edge.DOCS_CSP
    assert set(re.findall(r"https?:|//|\*", edge.DOCS_CSP)) == set()


def test_the_pages_link_to_the_document_leads_to_it(api: Api) -> None:
    """Swagger UI makes it out of the page's own address."""
    assert "?format=json" in api.call("GET", edge.DOCS_PATH)[1]
    assert api.call("GET", f"{edge.DOCS_PATH}?format=json") == (200, DOCUMENT)


class Frontier:
    """The token service for a client that knows its tokens by these names, which never end whatever it does to them.

    Rotated, revoked and deleted, a token of its own would lock the client out of all that is behind a sign-in.
    """

    ID_TOKEN, TOKEN = "the-id-token", "the-token"

    def __init__(self, api: Api) -> None:
        self.api = api
        api.table.put_solution(return_urls=["http://localhost:8000/"], frontend_url="http://localhost:8000/")
        api.sign_in()  # the person of the examples, whom nobody deletes
        self.people = count()
        self.sign_in()
        self.seen: dict[tuple[str, str], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))

    def handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        live = {self.ID_TOKEN: lambda: self.api.id_token, self.TOKEN: self.token}
        bearer = event["headers"].get("authorization", "").removeprefix("Bearer ")
        if bearer in live:
            self.renew()
            self.token()
            event["headers"]["authorization"] = f"Bearer {live[bearer]()}"
        answer = self.api.answer(event, context)
        self.note(event["requestContext"]["http"]["method"], event["rawPath"], answer)
        return answer

    def sign_in(self) -> None:
        self.api.sign_in(f"person{next(self.people)}@example.com", "operators")

    def renew(self) -> None:
        """Who was signed out or deleted is somebody else from now on."""
        auth_time = jwt.decode(self.api.id_token, options={"verify_signature": False})["auth_time"]
        if not counts(self.api.services.sessions.account(self.api.user), auth_time):
            self.sign_in()

    def token(self) -> str:
        found = self.api.access.find(self.api.user, SOLUTION)
        if found is None or found.status != "active":
            self.api.access.grant(self.api.user, SOLUTION)
        return self.api.services.minting.mint(self.api.user, SOLUTION)

    def note(self, method: str, path: str, answer: dict[str, Any]) -> None:
        of_problem = "problem" in answer["headers"].get("Content-Type", "")
        code = json.loads(answer["body"])["type"].rpartition(":")[2] if of_problem else ""
        # The path that is written out before the one with a parameter in it, as the framework has it.
        for documented in sorted(DOCUMENT["paths"], key=lambda p: "{" in p):
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", documented), path) and (method, documented) in OPERATIONS:
                self.seen[method, documented][answer["statusCode"]].add(code)
                return


CONFIG = f"""
# What a schema cannot say is refused too: a password that is weak, a return_to that is not the solution's.
[[operations]]
include-tag = "registration"
checks.positive_data_acceptance.enabled = false

[checks.negative_data_rejection]
# With 413, which it does not expect: a field that is too long can make a body that is.
expected-statuses = [400, 401, 403, 404, 413, 415, 422, 429]

# A schema cannot say either that one day must not be after another.
[[operations]]
include-operation-id = "getUsage"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]

[phases.coverage]
# TRACE would be answered by the HTTP server of these tests, with its 501.
unexpected-methods = ["DELETE", "GET", "PATCH", "POST", "PUT"]

[auth.openapi.idToken]
bearer = "{Frontier.ID_TOKEN}"

[auth.openapi.token]
bearer = "{Frontier.TOKEN}"
"""
UNGUESSED = {
    ("POST", "/v1/registrations/confirm"), ("POST", "/v1/passwords"), ("POST", "/v1/codes/exchange"),
    ("POST", "/v1/checkout/complete"), ("POST", "/v1/webhooks/razorpay"), ("DELETE", "/v1/subscriptions/{solution_id}"),
}  # fmt: skip
"""Their success needs a code, mailed or handed out, a signature of Razorpay, or a payment: no client guesses them."""
NONE = {"description": ""}


def test_no_request_finds_a_500_or_an_answer_that_is_not_documented(
    real_table: Table, moto_endpoint: str, mailbox: Path, tmp_path: Path
) -> None:
    service = Api(real_table, moto_endpoint, mailbox)
    frontier = Frontier(service)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    route = Route("ANY", "$default", LambdaProxy(frontier.handler))
    with selling_api(service), LocalGateway(GatewayApi("tokens1234", "HTTP", (route,))) as gateway:
        run = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis", "run", f"{gateway.url}/v1/openapi.json",
                "--max-examples=20", "--generation-deterministic", "--suppress-health-check=too_slow", "--request-timeout=30",
                "--no-color",
                # An HTTP API knows no 405: what is no route is 404.
                "--exclude-checks=unsupported_method,allow_header_conformance",
            ],
            cwd=tmp_path, env=os.environ | {"NO_PROXY": "127.0.0.1"}, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert frontier.seen.keys() == OPERATIONS.keys()
    answers = [
        (operation, status, OPERATIONS[operation]["responses"].get(str(status), NONE)["description"], code)
        for operation, statuses in frontier.seen.items()
        for status, found in statuses.items()
        for code in found
    ]
    # A decision tells its reason, not a code; what the codes are of, Schemathesis has compared.
    assert [a for a in answers if a[3] and f"`{a[3]}`" not in a[2] and "gate's refusal" not in a[2]] == []
    reached = {operation for operation, status, _, _ in answers if 200 <= status < 300}
    assert OPERATIONS.keys() - reached <= UNGUESSED
