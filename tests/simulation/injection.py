"""Gives the product's modules a simulated clock and randomness, by the names under which they use them."""

import base64
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import requests

import authorizer.dynamodb
import authorizer.handler
import token_service.access.records
import token_service.payments.checkout
import token_service.payments.razorpay_api
import token_service.payments.webhook
import token_service.repository
import token_service.signing.keys
import token_service.usage.daily
import token_service.users.codes
from entitlements import es256
from entitlements.gate import Gate
from tests.simulation.cloud import CloudRazorpay
from tests.simulation.scheduler import Scheduler, Violation
from token_service.log import LOGGER as PLAIN_LOGGER
from token_service.repository import Repository
from token_service.web.problems import LOGGER


def _unexpected(message: str, **_: Any) -> None:
    """The webhook keeps an event that it could not apply for an unknown reason: here that is a failure."""
    raise Violation(message) from sys.exception()


_verify = lru_cache(maxsize=4_096)(es256.verify)
"""The product's own, once for each token: five containers verify the same ones."""


@contextmanager
def injected(scheduler: Scheduler, razorpay: CloudRazorpay) -> Iterator[None]:
    """Until the end of the block, the product lives in the simulation."""
    rng = scheduler.random
    clocks = SimpleNamespace(
        time=scheduler.clock,
        monotonic=lambda: scheduler.now,
        perf_counter=lambda: scheduler.now,
        sleep=scheduler.sleep,
        strftime=time.strftime,
        gmtime=time.gmtime,
    )
    hidden = SimpleNamespace(
        token_bytes=rng.randbytes,
        token_hex=lambda size: rng.randbytes(size).hex(),
        token_urlsafe=lambda size: base64.urlsafe_b64encode(rng.randbytes(size)).rstrip(b"=").decode(),
    )
    chance = SimpleNamespace(uniform=rng.uniform, randrange=rng.randrange)
    names: list[tuple[Any, str, Any]] = [
        (es256, "verify", _verify),
        (authorizer.dynamodb, "time", clocks),
        (authorizer.dynamodb, "os", SimpleNamespace(urandom=rng.randbytes)),
        (authorizer.handler, "time", clocks),
        (token_service.repository, "random", chance),
        (token_service.repository, "time", clocks),
        (token_service.usage.daily, "random", chance),
        (token_service.payments.razorpay_api, "time", clocks),
        (token_service.access.records, "secrets", hidden),
        (token_service.payments.checkout, "secrets", hidden),
        (token_service.signing.keys, "secrets", hidden),
        (token_service.users.codes, "secrets", hidden),
        (
            token_service.payments.webhook,
            "LOGGER",
            SimpleNamespace(warning=lambda *_, **__: None, exception=_unexpected),
        ),
        (Repository.__init__, "__defaults__", (scheduler.sleep,)),
        (Gate.__init__, "__defaults__", (rng.randbytes,)),
        (requests.Session, "request", lambda *arguments, **options: razorpay.request(*arguments, **options)),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in names]
    levels = LOGGER.log_level, PLAIN_LOGGER.level
    for owner, name, value in names:
        setattr(owner, name, value)
    LOGGER.setLevel(logging.CRITICAL)
    PLAIN_LOGGER.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        LOGGER.setLevel(levels[0])
        PLAIN_LOGGER.setLevel(levels[1])
        for owner, name, value in before:
            setattr(owner, name, value)
