"""Who calls: a Cognito ID token, verified.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from typing import Any, Final

import jwt

from entitlements.identifiers import InvalidIdentifier, require_user_id
from token_service.errors import Refused

LEEWAY: Final = 30
"""Seconds by which clocks may differ."""


class IdentityVerifier:
    """Verifies ID tokens of one pool and client."""

    def __init__(self, issuer: str, client_id: str, jwks_url: str) -> None:
        """The keys are fetched when first needed and kept."""
        self._issuer, self._client_id = issuer, client_id
        self._keys = jwt.PyJWKClient(jwks_url, cache_keys=True, timeout=2)

    def user_id(self, authorization: str | None) -> str:
        """The `sub` of the bearer. Raises `Refused`, without saying which check failed."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("sign_in_required", "send the Cognito ID token as Authorization: Bearer")
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._client_id,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "token_use"]},
            )
            # An access token of the same pool has the same signature, and says less about who consented to what.
            if claims["token_use"] != "id":
                raise jwt.InvalidTokenError
            return require_user_id(claims["sub"])
        except jwt.PyJWKClientConnectionError as error:
            raise Refused("identity_unavailable", "the user pool's keys cannot be read right now: try again") from error
        except (jwt.PyJWTError, InvalidIdentifier) as error:
            raise Refused("sign_in_required", "the ID token is not valid or has expired: sign in again") from error
