"""Attempts count by the visitor behind the portal's distribution, and nobody else can name a visitor."""

import os
from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.events import api_request
from tests.support.signer import SOLUTION
from tests.support.template import TEMPLATE
from token_service.settings import Settings
from token_service.users.limits import SIGN_INS
from token_service.web import edge
from token_service.web.viewer import ADDRESS_HEADER, SECRET_HEADER, from_viewer

SECRET = "s" * 43
WRONG = {"email": EMAIL, "password": "Wr0ng-password", "solution_id": SOLUTION}
EDGE = "203.0.113.200"
"""An address of CloudFront, which all visitors of the portal share."""


@pytest.fixture
def behind(real_api: Api) -> Api:
    """The token service of a stack with a portal, and a user to attack."""
    real_api.settings = replace(real_api.settings, portal_secret=SECRET)
    real_api.sign_in()
    return real_api


def sign_in(api: Api, secret: str, viewer: str, body: dict[str, Any] = WRONG) -> int:
    return api.call(
        "POST", "/v1/sessions", body, source_ip=EDGE, x_gatepass_portal_secret=secret, x_gatepass_viewer=viewer
    )[0]


def test_a_direct_caller_who_names_other_visitors_is_counted_by_the_own_address(behind: Api) -> None:
    guesses = [sign_in(behind, SECRET[:-1], f"198.51.100.{n}") for n in range(SIGN_INS.most + 1)]
    assert guesses == [401] * SIGN_INS.most + [429]


def test_visitors_of_the_portal_are_counted_each_for_themselves(behind: Api) -> None:
    guesses = [sign_in(behind, SECRET, f"2001:db8::{n:x}") for n in range(SIGN_INS.most + 1)]
    assert guesses == [401] * SIGN_INS.most + [429]
    right = WRONG | {"password": PASSWORD}
    assert sign_in(behind, SECRET, "198.51.100.7", right) == 200


def told(portal_secret: str = SECRET, **headers: str) -> str:
    event = api_request("GET", "/v1/docs")
    event["requestContext"]["http"]["sourceIp"] = EDGE
    event["headers"] = {SECRET_HEADER: SECRET} | headers
    return str(from_viewer(event, portal_secret)["requestContext"]["http"]["sourceIp"])


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::7"])
def test_the_distributions_word_is_taken_for_the_source(address: str) -> None:
    assert told(**{ADDRESS_HEADER: address}) == address
    assert told(**{ADDRESS_HEADER.upper(): address}) == address


@pytest.mark.parametrize("address", ["", "198.51.100.7:443", "198.51.100.7, 198.51.100.8", "example.com"])
def test_what_is_no_address_leaves_the_connections_own(address: str) -> None:
    assert told(**{ADDRESS_HEADER: address}) == EDGE


@pytest.mark.parametrize("presented", ["", SECRET[:-1], SECRET.upper(), f"{SECRET},{SECRET}", "\ud800", "é"])
def test_another_secret_leaves_the_connections_own_and_so_does_a_stack_without_a_portal(presented: str) -> None:
    headers = {ADDRESS_HEADER: "198.51.100.7", SECRET_HEADER: presented}
    assert told(**headers) == EDGE
    assert told("", **headers) == EDGE


def test_the_handler_reads_the_secret_and_shows_it_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from token_service import handler

    settings = Settings.read(os.environ | {"GATEPASS_PORTAL_SECRET": SECRET})
    assert SECRET not in repr(settings)
    monkeypatch.setattr(handler, "_settings", settings)
    monkeypatch.setattr(edge, "handle", lambda app, origins, event, context: event)
    event = api_request("GET", "/v1/docs")
    event["headers"] = {SECRET_HEADER: SECRET, ADDRESS_HEADER: "198.51.100.7"}
    assert handler.lambda_handler(event, None)["requestContext"]["http"]["sourceIp"] == "198.51.100.7"


def test_the_template_and_the_code_name_the_same_headers() -> None:
    resources = TEMPLATE["Resources"]
    origins = resources["PortalDistribution"]["Properties"]["DistributionConfig"]["Origins"]
    (header,) = origins[1]["OriginCustomHeaders"]
    assert header["HeaderName"] == SECRET_HEADER
    assert f"'{ADDRESS_HEADER}'" in resources["PortalApi"]["Properties"]["FunctionCode"]["Sub"]
    given = resources["TokenService"]["Properties"]["Environment"]["Variables"]["GATEPASS_PORTAL_SECRET"]
    assert given["If"][1] == header["HeaderValue"]
