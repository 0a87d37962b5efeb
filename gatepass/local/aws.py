"""moto's server with a Cognito as strict as on AWS: `python -m gatepass.local.aws -H HOST -p PORT`.

moto accepts any code, confirms users that are already confirmed, does not require the client's secret for public
operations, and checks the password before the account's state. Here, codes are random, valid once, and written to the
file that GATEPASS_LOCAL_MAILBOX names, one JSON line for each mail: {"email", "code", "purpose": "sign-up" or
"password", "sent_at": ISO 8601}. Answers about unknown users are those of PreventUserExistenceErrors = ENABLED.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from moto.cognitoidp import exceptions
from moto.cognitoidp.models import (
    CognitoIdpUser,
    CognitoIdpUserPool,
    CognitoIdpUserPoolClient,
    UserStatus,
    cognitoidp_backends,
)
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import EmptyResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
from moto.server import main

from gatepass.local.emulator import UNTIL_STDIN_ENDS
from gatepass.local.transactions import transact_write_items

MAILBOX: Final = "GATEPASS_LOCAL_MAILBOX"
FLOWS: Final = {
    "ADMIN_USER_PASSWORD_AUTH": "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "USER_PASSWORD_AUTH": "ALLOW_USER_PASSWORD_AUTH",
    "USER_SRP_AUTH": "ALLOW_USER_SRP_AUTH",
    "REFRESH_TOKEN_AUTH": "ALLOW_REFRESH_TOKEN_AUTH",
    "REFRESH_TOKEN": "ALLOW_REFRESH_TOKEN_AUTH",
}
"""The flow that a client must allow. A client without a list of flows has SRP and refresh tokens.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html"""
DEFAULT_FLOWS: Final = ("ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH")

_lock = threading.RLock()  # moto's own handling of users is not atomic
_table_lock = threading.RLock()
_codes: dict[tuple[str, str], str] = {}
_moto: dict[str, Callable[[Any], Any]] = {}
"""moto's own operations, which the replacements call."""


class _Called(NamedTuple):
    """The client and the user of a public operation."""

    client: CognitoIdpUserPoolClient
    user: CognitoIdpUser | None


def _called(response: CognitoIdpResponse) -> _Called:
    """The client and the user of a call. The hash of the secret is checked before everything else."""
    username = response._get_param("Username")
    pool, client = _pool_and_client(response._get_param("ClientId"))
    _require_secret_hash(client, username, response._get_param("SecretHash"))
    return _Called(client, pool._get_user(username))


def _pool_and_client(client_id: str) -> tuple[CognitoIdpUserPool, CognitoIdpUserPoolClient]:
    for regions in cognitoidp_backends.values():
        for backend in regions.values():
            for pool in backend.user_pools.values():
                if client_id in pool.clients:
                    return pool, pool.clients[client_id]
    raise exceptions.ResourceNotFoundError(f"User pool client {client_id} does not exist.")


def _require_secret_hash(client: CognitoIdpUserPoolClient, username: str, given: str | None) -> None:
    if not client.generate_secret:
        return
    if given is None:
        raise exceptions.NotAuthorizedError(
            f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        )
    # moto's own check fails for addresses outside Latin-1.
    digest = hmac.new(client.secret.encode(), f"{username}{client.id}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest), given.encode()):
        raise exceptions.NotAuthorizedError(f"Unable to verify secret hash for client {client.id}")


def _mail(user: CognitoIdpUser, purpose: str) -> None:
    """Write the mail with the new code, then replace the old code."""
    code = f"{secrets.randbelow(1_000_000):06}"
    if mailbox := os.environ.get(MAILBOX):
        try:
            with open(mailbox, "a", encoding="utf-8") as file:
                sent_at = datetime.now(UTC).isoformat(timespec="seconds")
                mail = {"email": user.attribute_lookup["email"], "code": code, "purpose": purpose, "sent_at": sent_at}
                file.write(json.dumps(mail) + "\n")
        except OSError as error:
            raise JsonRESTError("CodeDeliveryFailureException", f"the mailbox cannot be written: {error}") from error
    _codes[user.id, purpose] = code


def _spend_code(user: CognitoIdpUser, purpose: str, code: str) -> None:
    """Use up the code. Raises if it is not the mailed code, or if none was mailed."""
    wanted = _codes.get((user.id, purpose))
    if wanted is None:
        raise exceptions.ExpiredCodeException("Invalid code provided, please request a code again.")
    if wanted != code:
        raise exceptions.CodeMismatchException("Invalid verification code provided, please try again.")
    del _codes[user.id, purpose]


def sign_up(response: CognitoIdpResponse) -> Any:
    """As in moto, but mails a code."""
    with _lock:
        _called(response)
        answer = _moto["sign_up"](response)
        user = _called(response).user
        if user is not None:
            _mail(user, "sign-up")
        return answer


def resend_confirmation_code(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ResendConfirmationCode.html"""
    with _lock:
        user = _called(response).user
        if user is not None and user.status is not UserStatus.UNCONFIRMED:
            raise exceptions.InvalidParameterException("User is already confirmed.")
        if user is not None:
            _mail(user, "sign-up")
        return EmptyResult()


def confirm_sign_up(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmSignUp.html"""
    with _lock:
        user = _called(response).user
        if user is None:
            raise exceptions.ExpiredCodeException("Invalid code provided, please request a code again.")
        if user.status is not UserStatus.UNCONFIRMED:
            raise exceptions.NotAuthorizedError(f"User cannot be confirmed. Current status is {user.status}")
        _spend_code(user, "sign-up", response._get_param("ConfirmationCode"))
        answer = _moto["confirm_sign_up"](response)
        user.update_attributes([{"Name": "email_verified", "Value": "true"}])
        return answer


def forgot_password(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ForgotPassword.html"""
    with _lock:
        user = _called(response).user
        if user is not None and user.status is UserStatus.UNCONFIRMED:
            raise exceptions.InvalidParameterException(
                "Cannot reset password for the user as there is no registered/verified email or phone_number"
            )
        if user is not None and user.status is UserStatus.FORCE_CHANGE_PASSWORD:
            raise exceptions.NotAuthorizedError("User password cannot be reset in the current state.")
        answer = _moto["forgot_password"](response)
        if user is not None:
            _mail(user, "password")
        return answer


def confirm_forgot_password(response: CognitoIdpResponse) -> Any:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmForgotPassword.html"""
    with _lock:
        user = _called(response).user
        if user is None:
            raise exceptions.CodeMismatchException("Invalid verification code provided, please try again.")
        _spend_code(user, "password", response._get_param("ConfirmationCode"))
        answer = _moto["confirm_forgot_password"](response)
        user.status = UserStatus.CONFIRMED
        return answer


def admin_initiate_auth(response: CognitoIdpResponse) -> Any:
    """An unconfirmed account is reported before the password is checked, for any password.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminInitiateAuth.html
    """
    with _lock:
        parameters = response._get_param("AuthParameters") or {}
        pool, client = _pool_and_client(response._get_param("ClientId"))
        _require_flow(client, response._get_param("AuthFlow"))
        username = parameters.get("USERNAME", "")
        _require_secret_hash(client, username, parameters.get("SECRET_HASH"))
        user = pool._get_user(username)
        if user is None:
            raise exceptions.NotAuthorizedError("Incorrect username or password.")
        if user.status is UserStatus.UNCONFIRMED:
            raise exceptions.UserNotConfirmedException("User is not confirmed.")
        return _moto["admin_initiate_auth"](response)


def initiate_auth(response: CognitoIdpResponse) -> Any:
    """As in moto, but the client must allow the flow, and the caller must know its secret."""
    _, client = _pool_and_client(response._get_param("ClientId"))
    _require_flow(client, response._get_param("AuthFlow"))
    parameters = response._get_param("AuthParameters") or {}
    _require_secret_hash(client, parameters.get("USERNAME", ""), parameters.get("SECRET_HASH"))
    return _moto["initiate_auth"](response)


def _require_flow(client: CognitoIdpUserPoolClient, flow: str) -> None:
    if FLOWS.get(flow) not in (client.extended_config.get("ExplicitAuthFlows") or DEFAULT_FLOWS):
        raise exceptions.InvalidParameterException(f"{flow} flow not enabled for this client")


def _one_at_a_time(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A handler that takes one call at a time: of two calls that read an item and then write it, one would be lost."""

    def call_alone(response: Any) -> Any:
        with _table_lock:
            return call(response)

    return call_alone


# mypy refuses assignments to methods.
setattr(DynamoDBBackend, "transact_write_items", transact_write_items)  # noqa: B010
for _handler in (DynamoHandler, DynamoDBStreamsHandler):
    setattr(_handler, "call_action", _one_at_a_time(_handler.call_action))  # noqa: B010

for _replacement in (
    sign_up, resend_confirmation_code, confirm_sign_up, forgot_password, confirm_forgot_password, admin_initiate_auth,
    initiate_auth,
):  # fmt: skip
    if hasattr(CognitoIdpResponse, _replacement.__name__):
        _moto[_replacement.__name__] = getattr(CognitoIdpResponse, _replacement.__name__)
    setattr(CognitoIdpResponse, _replacement.__name__, _replacement)


def _end_with_stdin() -> None:
    """The kernel closes the parent's end of the pipe however the parent ends, also by SIGKILL."""
    while os.read(0, 1):  # not sys.stdin: its lock, held here, would stop the interpreter from ending otherwise
        pass
    os._exit(0)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if UNTIL_STDIN_ENDS in arguments:
        arguments.remove(UNTIL_STDIN_ENDS)
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    main(arguments)
