"""The user pool: who has an account, and the proofs of it. Its errors become ours, and do not tell who is registered.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from entitlements.identifiers import require_user_id
from token_service.errors import Refused

_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "CodeMismatchException": ("code_invalid", "the code is wrong: look again, or ask for a new one"),
    "ExpiredCodeException": ("code_expired", "the code is too old: ask for a new one"),
    "LimitExceededException": ("too_many_requests", "too many attempts: wait a while"),
    "TooManyRequestsException": ("too_many_requests", "too many attempts: wait a while"),
    "TooManyFailedAttemptsException": ("too_many_requests", "too many attempts: wait a while"),
    "CodeDeliveryFailureException": ("mail_failed", "the mail with the code could not be sent: try again"),
    "UserNotConfirmedException": ("confirmation_required", "confirm the address first, with the code that was mailed"),
    "PasswordResetRequiredException": ("password_reset_required", "set a new password first"),
}
_UNKNOWN_TO_ANYBODY: Final = ("UserNotFoundException", "NotAuthorizedException", "InvalidParameterException")
"""Answers that differ for known and unknown addresses, or for the states of an account."""


class AddressKnown(Exception):
    """Somebody has signed up with this address before."""


class NotAuthorized(Exception):
    """Wrong password, unknown address, or an account in another state than the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the pool."""

    user_id: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in gives. `expires_in` in seconds."""

    user_id: str
    id_token: str
    expires_in: int


class Cognito:
    """The calls that registration makes, on a boto3 client of `cognito-idp`."""

    def __init__(self, client: Any, pool_id: str, client_id: str) -> None:
        """`client_id` is of an app client without a secret that allows USER_PASSWORD_AUTH."""
        self._client, self._pool_id, self._client_id = client, pool_id, client_id
        self._policy: Mapping[str, Any] | None = None

    def require_good_password(self, password: str) -> None:
        """Refuse a password that the pool's policy forbids, for a known and an unknown address alike."""
        if self._policy is None:
            pool = self._call("describe_user_pool", UserPoolId=self._pool_id)["UserPool"]
            self._policy = pool.get("Policies", {}).get("PasswordPolicy", {})
        rules = {
            f"at least {self._policy.get('MinimumLength', 8)} characters": len(password)
            >= self._policy.get("MinimumLength", 8),
            "a lower-case letter": not self._policy.get("RequireLowercase") or any(map(str.islower, password)),
            "an upper-case letter": not self._policy.get("RequireUppercase") or any(map(str.isupper, password)),
            "a digit": not self._policy.get("RequireNumbers") or any(map(str.isdigit, password)),
            "a symbol": not self._policy.get("RequireSymbols") or not password.isalnum(),
        }
        missing = [rule for rule, kept in rules.items() if not kept]
        if missing:
            raise Refused("password_weak", f"the password needs {', '.join(missing)}")

    def find(self, email: str) -> Account | None:
        """The account of an address."""
        try:
            user = self._call("admin_get_user", UserPoolId=self._pool_id, Username=email)
        except NotAuthorized:
            return None
        attributes = {entry["Name"]: entry["Value"] for entry in user["UserAttributes"]}
        return Account(require_user_id(attributes["sub"]), user["UserStatus"] != "UNCONFIRMED")

    def sign_up(self, email: str, password: str) -> None:
        """Make an account and mail its code. Raises `AddressKnown`."""
        attributes = [{"Name": "email", "Value": email}]
        self._call("sign_up", ClientId=self._client_id, Username=email, Password=password, UserAttributes=attributes)

    def resend_code(self, email: str) -> None:
        """Mail a new code to an account that waits for one."""
        self._call("resend_confirmation_code", ClientId=self._client_id, Username=email)

    def confirm(self, email: str, code: str) -> None:
        """Confirm the address. Raises `NotAuthorized` where it is confirmed already."""
        self._call("confirm_sign_up", ClientId=self._client_id, Username=email, ConfirmationCode=code)

    def sign_in(self, email: str, password: str) -> SignedIn:
        """Prove who one is. Raises `NotAuthorized`, or `Refused` for an account that is not ready."""
        answer = self._call(
            "initiate_auth",
            ClientId=self._client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
        result = answer.get("AuthenticationResult")
        if not result:
            raise Refused("sign_in_incomplete", "this account needs another step to sign in: ask the marketplace")
        # It came from Cognito itself over TLS: there is nothing to verify (OpenID Connect Core section 3.1.3.7, 6).
        claims = jwt.decode(result["IdToken"], options={"verify_signature": False})
        return SignedIn(require_user_id(claims["sub"]), result["IdToken"], int(result.get("ExpiresIn", 0)))

    def set_password(self, email: str, password: str) -> None:
        """Make this the account's password, whatever it was."""
        self._call(
            "admin_set_user_password", UserPoolId=self._pool_id, Username=email, Password=password, Permanent=True
        )

    def forgot_password(self, email: str) -> None:
        """Mail a code for a new password."""
        self._call("forgot_password", ClientId=self._client_id, Username=email)

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password by the code that was mailed. Raises `NotAuthorized`."""
        self._call(
            "confirm_forgot_password",
            ClientId=self._client_id, Username=email, ConfirmationCode=code, Password=password,
        )  # fmt: skip

    def delete(self, user_id: str) -> None:
        """Delete an account; one that is gone is as good."""
        try:
            self._call("admin_delete_user", UserPoolId=self._pool_id, Username=user_id)
        except NotAuthorized:
            return

    def _call(self, operation: str, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, operation)(**parameters)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "UsernameExistsException":
                raise AddressKnown from error
            if code == "InvalidPasswordException":
                raise Refused("password_weak", "the password is too easy to guess: choose a longer one") from error
            if code in _UNKNOWN_TO_ANYBODY:
                raise NotAuthorized from error
            if code in _REFUSALS:
                raise Refused(*_REFUSALS[code]) from error
            raise Refused("identity_refused", f"Cognito refused {operation}: {code}") from error
        except BotoCoreError as error:
            message = f"Cognito gave no answer to {operation}: {type(error).__name__}"
            raise Refused("identity_unavailable", message) from error
