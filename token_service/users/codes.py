"""One-time codes, which a URL carries instead of the token, as in PKCE (RFC 7636).

A page creates a verifier and sends its SHA-256 as `state`. The code is worthless without the verifier, which is never
in a URL. A code works once, within a minute, and only for the entitlement's generation when it was issued.
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
SIGN_IN_AGAIN: Final = "the code is wrong, expired or already used: sign in again"
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""RFC 7636 section 4.2, `S256`: the only method."""


class Redeemed(NamedTuple):
    """The token that a code can be exchanged for."""

    user_id: str
    solution_id: str
    generation: str


class Codes:
    """Issues and redeems codes."""

    def __init__(self, repository: Repository, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._clock = repository, clock

    def issue(self, redeemed: Redeemed, origin: str, challenge: str) -> str:
        """Issue a code of 43 characters. The table holds its hash, and no token."""
        code = base64url.encode(secrets.token_bytes(CODE_BYTES))
        facts = {"user": redeemed.user_id, "solution": redeemed.solution_id, "generation": redeemed.generation}
        expires_at = floor(self._clock()) + SECONDS
        self._repository.put_item(
            _key(code), {**facts, "origin": origin, "challenge": challenge, "expires_at": expires_at}
        )
        return code

    def redeem(self, code: str, verifier: str, origin: str) -> Redeemed:
        """Consume a code. Raises `Refused` without saying which check failed; a wrong verifier does not consume it.

        `origin` is the request's Origin header, or empty. Browsers set it truthfully; other clients can forge it, but
        still need the verifier.
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
