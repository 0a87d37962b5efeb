"""Finds the AWS credentials of the gate."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from entitlements.items import StoreUnavailable


class Credentials(NamedTuple):
    """The keys that sign a request. Long-term keys of an IAM user have no session token."""

    access_key: str
    secret_key: str
    session_token: str = ""


class MissingCredentials(RuntimeError):
    """No credentials were found. The message says where to set them."""


def find(environment: Mapping[str, str]) -> Callable[[], Credentials]:
    """A function that returns currently valid credentials.

    Lambda sets them in the environment of a function's process, and they stay valid for longer than the process runs
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). With SnapStart, in containers, and on a
    developer's machine, they come from elsewhere and expire. botocore knows all these places and refreshes in time. It
    is part of Lambda's runtime and is imported only in these cases. Raises `MissingCredentials`.
    """
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        fixed = Credentials(key, secret, environment.get("AWS_SESSION_TOKEN", ""))
        return lambda: fixed
    return _botocore()


def _botocore() -> Callable[[], Credentials]:
    import botocore.session
    from botocore.exceptions import BotoCoreError

    found = botocore.session.get_session().get_credentials()
    if found is None:
        raise MissingCredentials(
            "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with the AWS CLI"
        )

    def current() -> Credentials:
        try:
            frozen = found.get_frozen_credentials()
        except BotoCoreError as error:
            raise StoreUnavailable(f"the AWS credentials cannot be refreshed: {type(error).__name__}") from error
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    return current
