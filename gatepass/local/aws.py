"""moto's server with a Cognito that is as strict with codes as AWS: `python -m gatepass.local.aws -H HOST -p PORT`.

moto takes any code, confirms whoever is confirmed, and cannot send a code again. Here codes are drawn, checked once and
written to the file that GATEPASS_LOCAL_MAILBOX names, one JSON line for each mail: {"email", "code"}.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
"""

import json
import os
import secrets
import threading
from collections.abc import Callable
from typing import Any, Final

from moto.cognitoidp import exceptions
from moto.cognitoidp.models import CognitoIdpUser, UserStatus, cognitoidp_backends
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import EmptyResult
from moto.server import main

MAILBOX: Final = "GATEPASS_LOCAL_MAILBOX"

_lock = threading.RLock()  # moto's own handling of users is not atomic
_codes: dict[tuple[str, str], str] = {}


def _user(response: CognitoIdpResponse) -> CognitoIdpUser | None:
    client_id, username = response._get_param("ClientId"), response._get_param("Username")
    for regions in cognitoidp_backends.values():
        for backend in regions.values():
            for pool in backend.user_pools.values():
                if client_id in pool.clients:
                    user: CognitoIdpUser | None = pool._get_user(username)
                    return user
    return None


def _mail(user: CognitoIdpUser, purpose: str) -> None:
    code = f"{secrets.randbelow(1_000_000):06}"
    with _lock:
        _codes[user.id, purpose] = code
        if mailbox := os.environ.get(MAILBOX):
            with open(mailbox, "a", encoding="utf-8") as file:
                file.write(json.dumps({"email": user.attribute_lookup["email"], "code": code}) + "\n")


def _spend_code(user: CognitoIdpUser | None, purpose: str, code: str) -> None:
    """Raise for a code that is not the one that was mailed; an unknown user has none."""
    if user is None or _codes.get((user.id, purpose)) != code:
        raise exceptions.CodeMismatchException("Invalid verification code provided, please try again.")
    del _codes[user.id, purpose]


def sign_up(response: CognitoIdpResponse) -> Any:
    """As moto's, and a code is mailed."""
    with _lock:
        answer = _moto_sign_up(response)
        if (user := _user(response)) is not None:
            _mail(user, "sign-up")
        return answer


def resend_confirmation_code(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ResendConfirmationCode.html"""
    user = _user(response)
    if user is not None and user.status is not UserStatus.UNCONFIRMED:
        raise exceptions.InvalidParameterException("User is already confirmed.")
    if user is not None:
        _mail(user, "sign-up")
    return EmptyResult()


def confirm_sign_up(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmSignUp.html"""
    with _lock:
        user = _user(response)
        if user is not None and user.status is not UserStatus.UNCONFIRMED:
            raise exceptions.NotAuthorizedError("User cannot be confirmed. Current status is CONFIRMED")
        _spend_code(user, "sign-up", response._get_param("ConfirmationCode"))
        return _moto_confirm_sign_up(response)


def forgot_password(response: CognitoIdpResponse) -> Any:
    """As moto's, and a code is mailed."""
    user = _user(response)
    answer = _moto_forgot_password(response)
    if user is not None and user.status is UserStatus.CONFIRMED:
        _mail(user, "password")
    return answer


def confirm_forgot_password(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmForgotPassword.html"""
    with _lock:
        _spend_code(_user(response), "password", response._get_param("ConfirmationCode"))
        return _moto_confirm_forgot_password(response)


_moto_sign_up: Callable[[Any], Any] = CognitoIdpResponse.sign_up
_moto_confirm_sign_up: Callable[[Any], Any] = CognitoIdpResponse.confirm_sign_up
_moto_forgot_password: Callable[[Any], Any] = CognitoIdpResponse.forgot_password
_moto_confirm_forgot_password: Callable[[Any], Any] = CognitoIdpResponse.confirm_forgot_password

for _replacement in (sign_up, resend_confirmation_code, confirm_sign_up, forgot_password, confirm_forgot_password):
    setattr(CognitoIdpResponse, _replacement.__name__, _replacement)

if __name__ == "__main__":
    main()
