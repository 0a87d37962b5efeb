"""The formats of the identifiers in keys, tokens and messages."""

import re
from typing import Final

SOLUTION_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
PLAN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# A Cognito `sub` is a UUID in lower case; another form of the same UUID would be another DynamoDB key.
USER_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
API_ID: Final = re.compile(r"[a-zA-Z0-9]{1,64}")
# The issuer is permanent, in the ring and in every token: a name, not a URL that may change.
ISSUER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


class InvalidIdentifier(ValueError):
    """An identifier has the wrong shape; the message says which one and what is expected."""


def require_solution_id(value: str) -> str:
    """Return `value`, or raise `InvalidIdentifier`."""
    return _require(SOLUTION_ID, value, "solution id", "2 to 63 lower-case letters, digits and hyphens")


def require_user_id(value: str) -> str:
    """Return `value`, or raise `InvalidIdentifier`."""
    return _require(USER_ID, value, "user id", "the Cognito sub, a UUID in lower case")


def require_api_id(value: str) -> str:
    """Return `value`, or raise `InvalidIdentifier`."""
    return _require(API_ID, value, "API id", "the API's id in API Gateway, letters and digits")


def require_issuer(value: str) -> str:
    """Return `value`, or raise `InvalidIdentifier`."""
    return _require(ISSUER, value, "issuer", "a permanent name of letters, digits and . _ : / -")


def _require(pattern: re.Pattern[str], value: str, what: str, expected: str) -> str:
    if not pattern.fullmatch(value):
        raise InvalidIdentifier(f"{value!r} is not a valid {what}: expected {expected}")
    return value
