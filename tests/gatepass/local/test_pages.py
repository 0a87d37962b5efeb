"""The pages of the local stack: set to their services, and nothing but their files."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatepass.local.backends import EXAMPLE
from gatepass.local.pages import Pages

SETTINGS = {
    "api": "http://127.0.0.1:1/prod",
    "token-service": "http://127.0.0.1:2",
    "portal": "http://127.0.0.1:4/portal",
    "portal-name": "Local marketplace",
    "solutions": "one",
    "solution": "one",
    "razorpay-script": "http://127.0.0.1:3/v1/checkout.js",
}
MAIL = {"email": "ä@example.com", "code": "012345", "purpose": "sign-up", "sent_at": "2026-11-29T10:00:00+00:00"}


def get(path: str, frontend: Path | None = EXAMPLE / "frontend") -> dict[str, Any]:
    pages = Pages(frontend, lambda: [MAIL])
    pages.settings = SETTINGS
    return pages({"rawPath": path}, None)


def test_the_examples_page_names_the_local_api_and_token_service() -> None:
    page = get("/")["body"]
    assert ' data-api="http://127.0.0.1:1/prod" data-token-service="http://127.0.0.1:2"' in page
    assert ' data-solution="one"' in page
    assert 'http-equiv="Content-Security-Policy" content="default-src' in page
    assert page == get("/index.html")["body"]


@pytest.mark.parametrize(
    "path", ["/portal/", "/portal/index.html", "/portal/upgrade", "/portal/sign-in/", "/portal/a/b"]
)
def test_the_portal_is_one_page_at_every_address_of_its_own(path: str) -> None:
    answer = get(path)
    assert 'name="solutions" content="one"' in answer["body"]
    assert 'src="/portal/app.js"' in answer["body"]
    assert 'name="razorpay-script" content="http://127.0.0.1:3/v1/checkout.js"' in answer["body"]
    assert "connect-src http://127.0.0.1:2 http://127.0.0.1:3;" in answer["headers"]["content-security-policy"]


@pytest.mark.parametrize("path", ["/app.js", "/gatepass.js", "/style.css", "/portal/app.js", "/inbox/inbox.js"])
def test_scripts_and_styles_are_served_as_what_they_are(path: str) -> None:
    answer = get(path)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"].startswith(("text/javascript", "text/css"))


def test_the_inbox_tells_the_mails_of_cognito() -> None:
    assert json.loads(get("/inbox/mails.json")["body"]) == [MAIL]
    assert "<h1>Inbox</h1>" in get("/inbox/")["body"]


@pytest.mark.parametrize(
    "path", ["/../solution.yaml", "/..", "/none.js", "/portal/../app.js", "/portal/a/app.js", "//app.js", "/portal"]
)
def test_no_path_leads_out_of_the_folders(path: str) -> None:
    assert get(path)["statusCode"] == 404


@pytest.mark.parametrize("path", ["/llms.txt", "/portal/llms.txt"])
def test_programs_find_their_guide_with_the_addresses_of_this_stack(path: str) -> None:
    answer = get(path)
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert answer["body"].startswith("# Local marketplace\n")
    assert "http://127.0.0.1:2/v1/openapi.json" in answer["body"]
    assert "http://127.0.0.1:4/portal/my-solutions" in answer["body"]


def test_without_a_front_end_the_portal_is_the_first_page() -> None:
    answer = get("/", None)
    assert (answer["statusCode"], answer["headers"]["location"]) == (302, "/portal/")
    assert get("/app.js", None)["statusCode"] == 404
