"""Reads every line that the product logs in any test, for what must never be in a log.

Importing it is what installs it: before `authorizer.handler`, which takes the function that writes a decision's line by
name. Programs that tests start write their logs elsewhere, and are not read.
"""

import json
import logging
import re
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import entitlements.log

FORBIDDEN: Final = {
    "a token": re.compile(r"gp1_[A-Za-z0-9_-]{20}"),
    "a JWT": re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "an email address": re.compile(r"[\w.+-]+@[A-Za-z0-9-]+\.[A-Za-z]+"),
    "an IP address": re.compile(r"(?<![\d.])(?!127\.0\.0\.1)\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|\b2001:db8:|\bfe80:"),
    "a secret": re.compile(r"key-secret|hook-secret|whsec|correct horse|rzp_[a-z]+_secret|X-Amz-Signature|Signature="),
}
LOGGER: Final = "token-service"
found: list[str] = []
"""What was found since it was last looked at."""


def audit(text: str) -> None:
    """Remember what must not be in a log."""
    found.extend(f"{what} in a log: {text}" for what, pattern in FORBIDDEN.items() if pattern.search(text))


def audited(write: Callable[..., str]) -> Callable[..., str]:
    @wraps(write)
    def line(*arguments: Any, **named: Any) -> str:
        text = write(*arguments, **named)
        audit(text)
        return text

    return line


def _audited_record(handle: Callable[[logging.Logger, logging.LogRecord], None]) -> Any:
    plain = set(vars(logging.makeLogRecord({})))

    @wraps(handle)
    def record(self: logging.Logger, record: logging.LogRecord) -> None:
        if record.name == LOGGER:
            extra = {name: value for name, value in vars(record).items() if name not in plain}
            raised = "".join(traceback.format_exception(record.exc_info[1])) if record.exc_info else ""
            audit(f"{record.getMessage()} {json.dumps(extra, default=str)} {raised}")
        handle(self, record)

    return record


entitlements.log.decision_line = audited(entitlements.log.decision_line)
logging.Logger.handle = _audited_record(logging.Logger.handle)  # type: ignore[method-assign]
