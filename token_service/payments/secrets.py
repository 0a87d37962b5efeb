"""Razorpay's keys and webhook secrets, from Secrets Manager. They are read once per container, and never logged."""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from entitlements.refusals import Code, Refused

REREAD_AFTER: Final = 60.0
"""Seconds between two reads that a wrong signature causes, so that forgers cause no more."""


class RazorpaySecret(NamedTuple):
    """The JSON object in the secret. An empty webhook secret verifies nothing."""

    key_id: str
    key_secret: str
    webhook_secret: str = ""
    previous_webhook_secret: str = ""

    def __repr__(self) -> str:
        """Without what must not be logged."""
        return f"RazorpaySecret(key_id={self.key_id!r})"

    @property
    def webhook_secrets(self) -> tuple[str, str]:
        """Those that may have signed an event."""
        return self.webhook_secret, self.previous_webhook_secret

    @property
    def mode(self) -> str:
        """`test` or `live`: https://razorpay.com/docs/payments/dashboard/account-settings/api-keys/"""
        return "live" if self.key_id.startswith("rzp_live_") else "test"


class RazorpaySecrets:
    """The secret of one stack."""

    def __init__(self, read: Callable[[], str] | None, clock: Callable[[], float]) -> None:
        """`read` returns the secret's text (None if no secret is set); `clock` gives seconds since the epoch."""
        self._read, self._clock = read, clock
        self._known: RazorpaySecret | None = None
        self._read_at = 0.0

    def get(self) -> RazorpaySecret:
        """Raises `Refused` where there is no secret, or none that can be used."""
        if self._known is None:
            self._known = self._fresh()
        return self._known

    def again(self) -> RazorpaySecret:
        """Read once more, in case the secret was rotated; at most once in `REREAD_AFTER` seconds."""
        if self._clock() - self._read_at >= REREAD_AFTER:
            self._known = self._fresh()
        return self.get()

    def _fresh(self) -> RazorpaySecret:
        if self._read is None:
            raise Refused(Code.PAYMENTS_NOT_CONFIGURED, "no Razorpay secret is set: deploy with RazorpaySecretArn")
        self._read_at = self._clock()
        return secret_of(self._read())


def secret_of(text: str) -> RazorpaySecret:
    """Parse the secret's text. Raises `Refused`, without the text in its message."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise _unusable("it must be a JSON object with key_id, key_secret, and webhook_secret")
    for name in ("key_id", "key_secret"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise _unusable(f"{name} is missing")
    values = {name: fields.get(name) or "" for name in RazorpaySecret._fields}
    if not all(isinstance(value, str) for value in values.values()):
        raise _unusable("every value must be a text")
    return RazorpaySecret(**values)


def reader(client: Callable[[], Any], name: str) -> Callable[[], str] | None:
    """What reads the secret of a name or ARN with a boto3 client, which is made when it is needed; None without a name.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """

    def read() -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(client().get_secret_value(SecretId=name).get("SecretString", ""))
        except ClientError as error:
            raise _unusable(str(error.response.get("Error", {}).get("Code", "unknown error"))) from error
        except BotoCoreError as error:
            raise _unusable("Secrets Manager gave no answer") from error

    return read if name else None


def _unusable(why: str) -> Refused:
    return Refused(Code.PAYMENTS_NOT_CONFIGURED, f"the Razorpay secret cannot be used: {why}")
