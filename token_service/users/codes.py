"""One-time codes: what a browser carries in an address instead of a token, as PKCE has it (RFC 7636).

A page makes a verifier and sends its SHA-256 along as `state`; the code is worth nothing without the verifier, which
never was in an address. A code works once, within a minute, and for the entitlement's generation of its time alone.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from math import floor
from typing import Final, NamedTuple

from entitlements import base64url
from entitlements.items import Key, code_key, to_wire
from entitlements.refusals import Code, Refused
from token_service.repository import Repository

SECONDS: Final = 60
CODE_BYTES: Final = 32
SIGN_IN_AGAIN: Final = "the code is wrong, used or too old: sign in again"
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""RFC 7636 section 4.2, `S256`: the only method."""


class Redeemed(NamedTuple):
    """What a code stood for."""

    user_id: str
    solution_id: str
    generation: str


class Codes:
    """Issues codes and takes them back."""

    def __init__(self, repository: Repository, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._clock = repository, clock

    def issue(self, redeemed: Redeemed, origin: str, challenge: str) -> str:
        """A code of 43 characters; the table holds its hash, and no token."""
        code = base64url.encode(secrets.token_bytes(CODE_BYTES))
        facts = {"user": redeemed.user_id, "solution": redeemed.solution_id, "generation": redeemed.generation}
        expires_at = floor(self._clock()) + SECONDS
        self._repository.put_item(
            _key(code), {**facts, "origin": origin, "challenge": challenge, "expires_at": expires_at}
        )
        return code

    def redeem(self, code: str, verifier: str, origin: str) -> Redeemed:
        """Consume a code. Raises `Refused`, without saying what was wrong; a wrong verifier consumes nothing.

        `origin` is the caller's own word, or empty: a browser does not lie, and others need the verifier all the same.
        """
        challenge = base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())
        condition = "challenge = :challenge AND expires_at > :now" + (" AND origin = :origin" if origin else "")
        values: dict[str, str | int] = {":challenge": challenge, ":now": floor(self._clock())}
        values |= {":origin": origin} if origin else {}
        taken = self._repository.take_item(
            _key(code),
            {
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {name: to_wire(value) for name, value in values.items()},
            },
        )
        if taken is None:
            raise Refused(Code.CODE_INVALID, public=SIGN_IN_AGAIN)
        return Redeemed(taken["user"], taken["solution"], taken["generation"])


def _key(code: str) -> Key:
    return code_key(base64url.encode(hashlib.sha256(code.encode("ascii")).digest()))
