"""What AWS and Razorpay do: KMS, Cognito, Secrets Manager, and the account at Razorpay, each behind the wire."""

import hashlib
import hmac
import json
import random
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from requests.auth import _basic_auth_str

from gatepass.local.gateway.messages import HttpRequest
from gatepass.local.razorpay import RazorpayAccount, RazorpayRefused, routes
from tests.simulation.scheduler import Scheduler
from tests.simulation.wire import ServedTable, SimulatedClient, Unanswered, Wire
from tests.support import in_process_razorpay  # noqa: F401 - lets the SDK read its version from the disk once
from tests.support.memory_dynamodb.client import refused
from tests.support.seller import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from token_service.signing.key_lifecycle import AUTHORIZED_AFTER

RAZORPAY_URL = "http://razorpay.invalid"
SECRET = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}


@lru_cache(maxsize=64)
def _private(key_id: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(hashlib.sha256(key_id.encode()).digest(), "big") % (2**255) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


@lru_cache(maxsize=64)
def _public(key_id: str) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _private(key_id).public_key().public_bytes(serialization.Encoding.DER, form)


@lru_cache(maxsize=10_000)
def _signature(key_id: str, message: bytes) -> bytes:
    return _private(key_id).sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


class CloudKms:
    """Keys by number. A new one cannot be used for up to five minutes, as where roles allow it by its tag."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self.made = scheduler, 0
        self._usable_from: dict[str, float] = {}

    def carry_out(self, operation: str, request: Any) -> Any:
        if operation == "create_key":
            return {"KeyMetadata": {"Arn": self.create(self._scheduler.random.random() * AUTHORIZED_AFTER)}}
        key_id = request["KeyId"]
        if self._scheduler.now < self._usable_from[key_id]:
            raise refused(operation, "AccessDeniedException", ResponseMetadata={"HTTPStatusCode": 400})
        if operation == "generate_mac":
            return {"Mac": hmac.digest(key_id.encode(), request["Message"], "sha256")}
        if operation == "sign":
            return {"Signature": _signature(key_id, request["Message"])}
        assert operation == "get_public_key"
        return {"PublicKey": _public(key_id)}

    def create(self, after: float = 0.0) -> str:
        """A new key's ARN."""
        self.made += 1
        key_id = f"arn:aws:kms:us-east-1:123456789012:key/mrk-{self.made}"
        self._usable_from[key_id] = self._scheduler.now + after
        return key_id


class CloudCognito:
    """The accounts by user id, and by address as their alias."""

    def __init__(self) -> None:
        self.emails: dict[str, str] = {}

    def carry_out(self, operation: str, request: Any) -> Any:
        user_id = request["Username"]
        if user_id not in self.emails:
            raise refused(operation, "UserNotFoundException")
        if operation == "admin_delete_user":
            del self.emails[user_id]
        if operation != "admin_get_user":
            return {}
        attributes = [{"Name": "sub", "Value": user_id}, {"Name": "email", "Value": self.emails[user_id]}]
        return {"UserStatus": "CONFIRMED", "UserAttributes": attributes}


class CloudSession:
    """A session of boto3 whose clients are simulated."""

    def __init__(self, wire: Wire, table: ServedTable, kms: CloudKms, cognito: CloudCognito) -> None:
        self._wire = wire
        self._served: dict[str, Callable[[str, Any], Any]] = {
            "dynamodb": table.carry_out,
            "kms": kms.carry_out,
            "cognito-idp": cognito.carry_out,
            "secretsmanager": lambda *_: {"SecretString": json.dumps(SECRET)},
        }

    def client(self, service: str, endpoint_url: str | None = None, config: Any = None) -> SimulatedClient:
        return SimulatedClient(
            self._wire,
            service,
            self._served[service],
            attempts=config.retries["total_max_attempts"],
            seconds=config.read_timeout,
        )


class CloudRazorpay:
    """The account, and its API without HTTP's bytes: the product's session asks `requests`, which asks this."""

    def __init__(self, wire: Wire, account: RazorpayAccount) -> None:
        self._wire, self.account = wire, account

    def request(self, session: requests.Session, method: str, url: str, **options: Any) -> Any:
        """In place of `requests.Session.request`."""
        body = options.get("data") or b""
        asked = HttpRequest(
            method,
            urlsplit(url).path,
            urlencode(options.get("params") or {}),
            (*(options.get("headers") or {}).items(), ("authorization", _basic_auth_str(*options["auth"]))),
            body.encode() if isinstance(body, str) else body,
        )
        try:
            status, answer = self._wire.exchange(
                f"razorpay {method} {asked.path}", lambda: self._answer(asked), options["timeout"][1]
            )
        except Unanswered as error:
            raise (requests.ReadTimeout if error.sent else requests.ConnectionError)("simulated") from None
        except ClientError as error:
            found: Any = error.response
            status, answer = found["ResponseMetadata"]["HTTPStatusCode"], {"error": {}}
            status = 429 if status == 400 else status
        return SimpleNamespace(status_code=status, json=lambda: answer)

    def _answer(self, asked: HttpRequest) -> tuple[int, Any]:
        try:
            return 200, routes.answer(self.account, asked, KEY_ID, KEY_SECRET)
        except RazorpayRefused as refusal:
            return refusal.status, refusal.body


def account_of(random: random.Random, clock: Callable[[], float]) -> RazorpayAccount:
    """A new account. Its ids sort in no order, as Razorpay's."""
    return RazorpayAccount(
        clock, lambda: f"{random.getrandbits(56):014x}", key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET
    )
