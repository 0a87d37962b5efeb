"""The services of payments for the command, with the operator's AWS credentials."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from entitlements.refusals import Code, Refused
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from token_service.payments.books import Books
from token_service.payments.failures import RazorpayRefusal
from token_service.payments.records import SubscriptionRecord

if TYPE_CHECKING:
    from token_service.payments.wiring import Payments

RAZORPAY_CODES: Final = (Code.PAYMENTS_NOT_CONFIGURED, Code.PAYMENTS_UNAVAILABLE)


@contextmanager
def payments_of(environment: Environment) -> Iterator["Payments"]:
    """The services of payments. In the block, what Razorpay refuses raises `CommandError`.

    They are imported here, because they take longer to import than most commands run.
    """
    from token_service.payments.wiring import build_payments

    with _log_on_standard_error():
        try:
            yield build_payments(
                environment.repository, time.time, lambda: environment.razorpay_secret_text, environment.razorpay_url
            )
        except RazorpayRefusal as refusal:
            raise CommandError(
                f"Razorpay refused the request: {refusal} (the keys are those of {environment.razorpay_secret_name})"
            ) from refusal


def live_subscriptions(environment: Environment, user_id: str, solution_id: str) -> list[SubscriptionRecord]:
    """A user's subscriptions to a solution that Razorpay may still charge."""
    book = Books(environment.repository).read(user_id, solution_id)
    return [one for one in book.subscriptions.values() if not one.over]


def end_subscriptions(environment: Environment, user_id: str, solution_id: str) -> None:
    """Cancel a user's live subscriptions to a solution. Raises `CommandError` if that cannot be done now.

    Razorpay is asked first, so that keys that are missing or wrong change nothing.
    """
    live = live_subscriptions(environment, user_id, solution_id)
    if not live:
        return
    named = ", ".join(one.subscription_id for one in live)
    instead = (
        f"Nothing was revoked, because {named} may still be charged. To end access at once, run gatepass "
        f"entitlements suspend --user {user_id} --solution {solution_id}, and revoke later"
    )
    try:
        with payments_of(environment) as payments:
            payments.razorpay.subscription(live[0].subscription_id)
            payments.settlement.end_subscriptions(user_id, solution_id)
    except CommandError as error:
        raise CommandError(f"{error}. {instead}") from error
    except Refused as error:
        if error.code not in RAZORPAY_CODES:
            raise
        raise CommandError(f"{error}. {instead}") from error


@contextmanager
def _log_on_standard_error() -> Iterator[None]:
    """Let the services' warnings be read by people. As JSON on standard output, they would mix with the results.

    Undone afterwards, because the local stack runs commands beside the token service.
    """
    from token_service.web.problems import LOGGER

    handler = logging.StreamHandler()
    handler.setFormatter(_PlainLine("gatepass: %(message)s"))
    logger = logging.getLogger(LOGGER.name)
    before, logger.handlers = logger.handlers, [handler]
    try:
        yield
    finally:
        logger.handlers = before


class _PlainLine(logging.Formatter):
    """A log record as a line, with what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        about = [
            str(vars(record)[name])
            for name in ("payment", "subscription", "event_name", "reason")
            if name in vars(record)
        ]
        return f"{super().format(record)}{': ' if about else ''}{', '.join(about)}"
