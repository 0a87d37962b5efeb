"""The Cognito user pool: accounts, codes and passwords. Its errors become ours and do not reveal who is registered.

The app client has a secret and allows only an admin sign-in flow, so that nobody can bypass our own limits: the public
operations (such as SignUp) require a hash of that secret, which only this service can read.
https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import jwt

from entitlements.identifiers import require_user_id
from entitlements.refusals import Code, Refused

_NOT_PROVEN: Final = frozenset(
    {
        "NotAuthorizedException",
        "UserNotFoundException",
        "UserNotConfirmedException",
        "PasswordResetRequiredException",
        "CodeMismatchException",
        "ExpiredCodeException",
        "InvalidParameterException",
        "LimitExceededException",
        "TooManyFailedAttemptsException",
    }
)
"""Errors that differ between known and unknown addresses, or between states of an account. Cognito counts the last two
for each user, so they too occur only for users that exist."""
_NOT_MAILED: Final = _NOT_PROVEN | {
    "CodeDeliveryFailureException",
    "InvalidEmailRoleAccessPolicyException",
    "TooManyRequestsException",
    "UserLambdaValidationException",
}


OF_THE_ACCOUNT: Final = frozenset({"InvalidParameterException", "NotAuthorizedException", "UserNotFoundException"})
"""Errors for which one account gets no mail although mail works. The operator can do nothing about them."""
SYMBOL: Final = r"[\^$*.\[\]{}()?\"!@#%&/\\,><':;|_~`=+\- ]"
"""https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html"""
_MAILS: Final = ("sign_up", "resend_confirmation_code", "forgot_password")


class AddressKnown(Exception):
    """An account with this address exists already."""


class NotProven(Exception):
    """Wrong code, wrong password, unknown address, or an account that is not in the required state."""


class NotMailed(Exception):
    """Cognito sent no mail. The message is the name of its exception."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the pool."""

    user_id: str
    confirmed: bool
    email: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The result of a sign-in. `auth_time` is in seconds since the epoch, `expires_in` in seconds."""

    user_id: str
    id_token: str
    auth_time: int
    expires_in: int


class Cognito:
    """The calls that registration makes, on a boto3 client of `cognito-idp`."""

    def __init__(self, client: Any, pool_id: str, client_id: str) -> None:
        """`client_id` is of an app client with a secret that allows ADMIN_USER_PASSWORD_AUTH."""
        self._client, self._pool_id, self._client_id = client, pool_id, client_id

    def require_good_password(self, password: str) -> None:
        """Refuse a password that the pool's policy forbids, whether the address is known or not."""
        policy = self._password_policy
        length = policy.get("MinimumLength", 8)
        rules = {
            f"at least {length} characters": len(password) >= length,
            # Basic Latin only, as in Cognito: if Cognito refused the password later, the code would already be spent.
            "a lower-case letter (a-z)": not policy.get("RequireLowercase") or re.search("[a-z]", password),
            "an upper-case letter (A-Z)": not policy.get("RequireUppercase") or re.search("[A-Z]", password),
            "a digit": not policy.get("RequireNumbers") or re.search("[0-9]", password),
            "a symbol": not policy.get("RequireSymbols") or re.search(SYMBOL, password),
        }
        missing = [rule for rule, kept in rules.items() if not kept]
        if missing:
            raise Refused(Code.PASSWORD_WEAK, public=f"the password needs {', '.join(missing)}")

    def find(self, email_or_id: str) -> Account | None:
        """Find an account by address or user id."""
        try:
            user = self._call("admin_get_user", UserPoolId=self._pool_id, Username=email_or_id)
        except NotProven:
            return None
        attributes = {entry["Name"]: entry["Value"] for entry in user["UserAttributes"]}
        confirmed = user["UserStatus"] != "UNCONFIRMED"
        return Account(require_user_id(attributes["sub"]), confirmed, attributes.get("email", "").lower())

    def sign_up(self, email: str) -> None:
        """Create an account with a random password, and mail a code. Raises `AddressKnown` or `NotMailed`."""
        self._mail(
            "sign_up", email, Password=random_password(), UserAttributes=[{"Name": "email", "Value": email}]
        )  # fmt: skip

    def resend_code(self, email: str) -> None:
        """Mail a new code to an unconfirmed account. Raises `NotMailed`."""
        self._mail("resend_confirmation_code", email)

    def forgot_password(self, email: str) -> None:
        """Mail a code for a new password to a confirmed account. Raises `NotMailed`."""
        self._mail("forgot_password", email)

    def confirm(self, email: str, code: str) -> None:
        """Spend the code of a sign-up. Raises `NotProven`."""
        self._call("confirm_sign_up", **self._as_client(email), ConfirmationCode=code)

    def reset(self, email: str, code: str) -> None:
        """Spend the code for a new password, and set a random password. Raises `NotProven`."""
        self._call(
            "confirm_forgot_password", **self._as_client(email), ConfirmationCode=code, Password=random_password()
        )

    def set_password(self, user_id: str, password: str) -> None:
        """Set the account's password, in any state of the account."""
        self._call(
            "admin_set_user_password", UserPoolId=self._pool_id, Username=user_id, Password=password, Permanent=True
        )

    def sign_in(self, email: str, password: str) -> SignedIn:
        """Sign in with a password. Raises `NotProven`, also for an account that cannot sign in yet."""
        answer = self._call(
            "admin_initiate_auth",
            UserPoolId=self._pool_id,
            ClientId=self._client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password, "SECRET_HASH": self._secret_hash(email)},
        )
        result = answer.get("AuthenticationResult")
        if not result:  # a challenge: an invitation that was not accepted, or MFA
            raise NotProven(answer.get("ChallengeName", ""))
        # Received from Cognito itself over TLS, so no signature check is needed (OpenID Connect Core 3.1.3.7, 6).
        claims = jwt.decode(result["IdToken"], options={"verify_signature": False})
        user_id, auth_time = require_user_id(claims["sub"]), int(claims["auth_time"])
        return SignedIn(user_id, result["IdToken"], auth_time, int(result.get("ExpiresIn", 0)))

    def sign_out_everywhere(self, user_id: str) -> None:
        """Revoke the refresh tokens that other clients of the pool may have given out."""
        self._ending("admin_user_global_sign_out", user_id)

    def delete(self, user_id: str) -> None:
        """Delete an account, if it still exists."""
        self._ending("admin_delete_user", user_id)

    def _ending(self, operation: str, user_id: str) -> None:
        try:
            self._call(operation, UserPoolId=self._pool_id, Username=user_id)
        except NotProven:
            return

    def _mail(self, operation: str, email: str, **parameters: Any) -> None:
        self._call(operation, **self._as_client(email), **parameters)

    def _as_client(self, email: str) -> dict[str, str]:
        return {"ClientId": self._client_id, "Username": email, "SecretHash": self._secret_hash(email)}

    def _secret_hash(self, email: str) -> str:
        digest = hmac.new(self._secret.encode(), (email + self._client_id).encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    @cached_property
    def _secret(self) -> str:
        client = self._call("describe_user_pool_client", UserPoolId=self._pool_id, ClientId=self._client_id)
        secret: str = client["UserPoolClient"].get("ClientSecret", "")
        if not secret:
            raise Refused(
                Code.IDENTITY_REFUSED, f"the pool's client {self._client_id} has no secret: deploy the stack again"
            )
        return secret

    @cached_property
    def _password_policy(self) -> Mapping[str, Any]:
        pool = self._call("describe_user_pool", UserPoolId=self._pool_id)["UserPool"]
        policy: Mapping[str, Any] = pool.get("Policies", {}).get("PasswordPolicy", {})
        return policy

    def _call(self, operation: str, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, operation)(**parameters)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "UsernameExistsException":
                raise AddressKnown from error
            if code == "InvalidPasswordException":
                raise Refused(Code.PASSWORD_WEAK) from error
            if operation in _MAILS and code in _NOT_MAILED:
                raise NotMailed(code) from error
            if code in _NOT_PROVEN:
                raise NotProven(code) from error
            if code == "TooManyRequestsException":
                raise Refused(Code.IDENTITY_UNAVAILABLE, f"Cognito throttles {operation}") from error
            raise Refused(Code.IDENTITY_REFUSED, f"Cognito refused {operation}: {code}") from error
        except BotoCoreError as error:
            message = f"Cognito gave no answer to {operation}: {type(error).__name__}"
            raise Refused(Code.IDENTITY_UNAVAILABLE, message) from error


def random_password() -> str:
    """98 characters with 560 random bits, of all four kinds that a policy can require.

    https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
    """
    return secrets.token_urlsafe(70) + "Aa1-"
