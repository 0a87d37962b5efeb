"""A solution that hands tokens out by one-time codes, at a portal whose first solution it is."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from tests.support.command import Command
from tests.support.portal_visit import PASSWORD, SOLUTION, Visitor

CODED = "by-codes"
NAME = "Found by codes"


def items(table: Any) -> set[tuple[str, str]]:
    return {(item["pk"], item["sk"]) for item in table.scan(ConsistentRead=True)["Items"]}


@pytest.fixture
def front(visitor: Visitor, tmp_path: Path) -> Iterator[str]:
    """The page of the solution; the portal shows it before the other one. Other tests share the stack without it."""
    told = visitor.stack.exported
    table: Any = boto3.resource(
        "dynamodb", endpoint_url=told["AWS_ENDPOINT_URL"], region_name=told["AWS_REGION"],
        aws_access_key_id="local", aws_secret_access_key="local",
    ).Table(told["GATEPASS_TABLE"])  # fmt: skip
    before = items(table)
    gatepass = Command(None, tmp_path, **told)
    page = visitor.stack.named("the page")
    solution = {
        "solution_id": CODED, "name": NAME, "token_delivery": "code", "frontend_url": page, "return_urls": [page],
        "marketplace_url": visitor.home, "default_plan": "free", "plans": {"free": {"limits": {"day": 10}}},
    }  # fmt: skip
    file = tmp_path / "by-codes.yaml"
    file.write_text(json.dumps(solution))
    applied = gatepass("solutions", "apply", str(file))
    assert applied.returncode == 0, applied.stderr
    added = items(table) - before
    # Not by answering for the server: a page that has no address of this machine may not call a service here.
    visitor.page.add_init_script(
        f"""new MutationObserver(() => {{
          const meta = document.querySelector("meta[name=solutions]");
          if (meta?.content === "{SOLUTION}") meta.content = "{CODED} {SOLUTION}";
        }}).observe(document, {{ childList: true, subtree: true }});"""
    )
    yield page
    for pk, sk in added:
        table.delete_item(Key={"pk": pk, "sk": sk})


@pytest.mark.parametrize("begin", ["the overview", "the bare registration"])
def test_a_visitor_of_the_portal_registers_and_opens_the_solution(visitor: Visitor, front: str, begin: str) -> None:
    page = visitor.open("" if begin == "the overview" else "register")
    if begin == "the overview":
        page.click("main >> text=Register for free >> nth=0")
        page.wait_for_selector("h1:text-is('Register')")
    page.wait_for_selector(f"main >> text={NAME}")
    visitor.sets_password(PASSWORD)
    page.wait_for_selector("text=Your account is ready.")
    page.wait_for_selector(f".mine h2:text-is('{NAME}')")
    if begin == "the overview":
        assert "Its page asks you to sign in once more." in page.inner_text("[role=status]")
    assert page.get_attribute(f"text=Open {NAME}", "href") == front
    # The other way to the token, for programs.
    page.click("text=Show token")
    page.wait_for_selector("text=Hide token")
    assert page.inner_text(".token").startswith("gp1_")

    # The solution's page sends the user with a state of its own, and gets a code that only it can exchange.
    verifier = secrets.token_urlsafe(32)
    state = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    visitor.open("sign-in", solution_id=CODED, state=state)
    with page.expect_request(lambda request: "code=" in request.url) as returning:
        visitor.signs_in()
    answer = parse_qs(urlsplit(returning.value.url).query)
    assert returning.value.url.startswith(front)
    assert answer["state"] == [state]
    status, given = visitor.ask("POST", "/v1/codes/exchange", {"code": answer["code"][0], "verifier": verifier})
    assert (status, given["solution_id"]) == (200, CODED)


def test_a_user_signs_in_from_the_overview(visitor: Visitor, front: str) -> None:
    visitor.has_account()
    page = visitor.open("", solution_id=CODED)
    page.click("main >> text=Sign in")
    page.wait_for_selector("[name=password]")
    visitor.signs_in()
    page.wait_for_selector(f".mine h2:text-is('{NAME}')")
    assert "Its page asks you to sign in once more." in page.inner_text("[role=status]")
