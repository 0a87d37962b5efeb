"""Identifies the caller by verifying a Cognito ID token.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from typing import Any, Final, NamedTuple

import jwt

from entitlements.identifiers import InvalidIdentifier, require_user_id
from entitlements.items import DELETING
from entitlements.refusals import Code, Refused
from token_service.users.sessions import Sessions, counts

LEEWAY: Final = 30
"""Seconds by which clocks may differ."""
GROUPS: Final = "cognito:groups"
"""https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html"""


class Caller(NamedTuple):
    """Who a verified ID token is of."""

    user_id: str
    groups: frozenset[str]
    """The Cognito groups that the user was in when the token was issued."""
    email: str
    """The account's address; empty in tokens of a client that may not read it."""


class IdentityVerifier:
    """Verifies ID tokens of one pool and client."""

    def __init__(self, issuer: str, client_id: str, jwks_url: str, sessions: Sessions) -> None:
        """The pool's keys are fetched on first use and cached."""
        self._issuer, self._client_id, self._sessions = issuer, client_id, sessions
        self._keys = jwt.PyJWKClient(jwks_url, cache_keys=True, timeout=2)

    def user_id(self, authorization: str | None, deleting: bool = False) -> str:
        """The `sub` of the bearer token. Raises `Refused` without saying which check failed.

        With `deleting`, an account whose deletion has begun is accepted too, so that the deletion can be repeated.
        """
        return self._caller(authorization, deleting).user_id

    def caller(self, authorization: str | None) -> Caller:
        """The user of the bearer token, with its groups and address. Raises `Refused` as `user_id` does."""
        return self._caller(authorization, deleting=False)

    def _caller(self, authorization: str | None, deleting: bool) -> Caller:
        caller, auth_time = self._verified(authorization)
        account = self._sessions.account(caller.user_id)
        if not counts(account, auth_time) and not (deleting and account.get(DELETING)):
            raise Refused(Code.SIGN_IN_REQUIRED)
        return caller

    def _verified(self, authorization: str | None) -> tuple[Caller, int]:
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(Code.SIGN_IN_REQUIRED, public="send the Cognito ID token as Authorization: Bearer")
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._client_id,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "token_use", "auth_time"]},
            )
            # Access tokens of the pool are signed by the same keys, but do not authenticate the user to this client.
            if claims["token_use"] != "id" or type(claims["auth_time"]) is not int:
                raise jwt.InvalidTokenError
            email = claims.get("email")
            caller = Caller(
                require_user_id(claims["sub"]), _groups(claims.get(GROUPS)), email if isinstance(email, str) else ""
            )
            return caller, claims["auth_time"]
        except jwt.PyJWKClientConnectionError as error:
            raise Refused(Code.IDENTITY_UNAVAILABLE, "the user pool's keys cannot be read") from error
        except (jwt.PyJWTError, InvalidIdentifier) as error:
            raise Refused(Code.SIGN_IN_REQUIRED) from error


def _groups(claim: object) -> frozenset[str]:
    """The groups of a claim: none if it is anything but a list of strings, so that nothing odd can grant access."""
    if not isinstance(claim, list) or not all(isinstance(name, str) for name in claim):
        return frozenset()
    return frozenset(claim)
