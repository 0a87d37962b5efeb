"""No token, email address, IP address, or secret is in any log of any test (`tests/support/logs.py`)."""

import logging

import pytest

import authorizer.handler
import token_service.web.routes.validation
from tests.support import logs
from tests.support.signer import Signer
from token_service.log import LOGGER
from token_service.web.problems import LOGGER as POWERTOOLS


def test_every_place_that_logs_is_read() -> None:
    for module in (authorizer.handler, token_service.web.routes.validation):
        assert module.decision_line.__wrapped__
    assert LOGGER.name == POWERTOOLS.name == logs.LOGGER


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"refused {Signer().token()}", ["a token", "a JWT"]),
        ("mail to someone@example.com failed", ["an email address"]),
        ("from 198.51.100.7", ["an IP address"]),
        ("from 2001:db8::7", ["an IP address"]),
        ("Authorization: Signature=00", ["a secret"]),
        ('{"latency_ms": 1.25, "at": "2026-11-30T10:00:00Z", "api": "abc123", "detail": "127.0.0.1:8000"}', []),
    ],
)
def test_what_must_not_be_there_is_found(text: str, what: list[str]) -> None:
    LOGGER.warning("%s", text)
    seen, logs.found[:] = list(logs.found), []
    assert [line.partition(" in a log")[0] for line in seen] == what


def test_an_exception_s_message_and_what_is_added_are_read_too() -> None:
    try:
        raise ValueError("someone@example.com")
    except ValueError:
        LOGGER.exception("failed")
    LOGGER.warning("more", extra={"address": "198.51.100.7"})
    seen, logs.found[:] = list(logs.found), []
    assert len(seen) == 2
    logging.getLogger("another").warning("someone@example.com")
    assert logs.found == []
