"""The environment of a command: the table, the Region, and AWS or an emulator."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from entitlements.items import StoreUnavailable
from entitlements.refusals import Refused
from gatepass.aws_calls import Aws
from gatepass.refusals import CommandError
from token_service.access.grants import Access
from token_service.access.minting import Minting
from token_service.payments.secrets import RazorpaySecret, reader, secret_of
from token_service.repository import Repository
from token_service.signing.kms import CREATE_ATTEMPTS, STACK_TAG, Kms

ACTOR: Final = "operator"
LOCAL_STACK: Final = "gatepass-local"
MANAGEMENT_ATTEMPTS: Final = 12
"""With botocore's back-off of up to 20 s, a call fails only after minutes of throttling."""


@dataclass(frozen=True)
class Environment:
    """The settings and clients of one run of the command."""

    table: str
    region: str | None
    dynamodb_endpoint: str | None
    endpoint: str | None
    user_pool_id: str | None = None
    user_pool_client_id: str | None = None
    razorpay_secret_name: str = ""
    """The name or ARN of the secret with Razorpay's keys; empty where nothing is sold."""
    razorpay_url: str = ""
    """Another server than Razorpay's, without `/v1`; empty for the real one."""

    @classmethod
    def read(cls, table: str | None, environment: Mapping[str, str] = os.environ) -> "Environment":
        """Read the environment; an empty variable counts as unset."""
        name = table or environment.get("GATEPASS_TABLE")
        if not name:
            raise CommandError("the table is not set: pass --table NAME or set GATEPASS_TABLE")
        endpoint = environment.get("AWS_ENDPOINT_URL") or None
        return cls(
            table=name,
            # boto3 itself reads only AWS_DEFAULT_REGION; None leaves the choice to the profile.
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None,
            dynamodb_endpoint=environment.get("AWS_ENDPOINT_URL_DYNAMODB") or endpoint,
            endpoint=endpoint,
            user_pool_id=environment.get("GATEPASS_USER_POOL_ID") or None,
            user_pool_client_id=environment.get("GATEPASS_USER_POOL_CLIENT_ID") or None,
            razorpay_secret_name=environment.get("GATEPASS_RAZORPAY_SECRET") or "",
            razorpay_url=(environment.get("GATEPASS_RAZORPAY_URL") or "").rstrip("/"),
        )

    @property
    def emulated(self) -> bool:
        """Whether the table is on an emulator."""
        return _emulated(self.dynamodb_endpoint)

    @cached_property
    def stack(self) -> str:
        """The name of the stack that the table belongs to, by the table's tag: its keys in KMS get the same tag.

        Emulators can run stacks as well. Only a table there without the tag, such as init makes, is of none.
        """
        if stack := self._tag():
            return stack
        if self.emulated:
            return LOCAL_STACK
        raise CommandError(f"the table {self.table} has no tag {STACK_TAG}: deploy the stack again")

    @property
    def deployed(self) -> bool:
        """Whether the table is of a stack, which can be asked for its outputs."""
        return not self.emulated or self.stack != LOCAL_STACK

    def _tag(self) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            table = self.dynamodb.describe_table(TableName=self.table)["Table"]
            tags = self.dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        except self.dynamodb.exceptions.ResourceNotFoundException as error:
            mend = "gatepass init makes it" if self.emulated else (
                "deploy the stack first, and take the name from its output TableName"
            )  # fmt: skip
            raise CommandError(f"there is no table {self.table} in this account and Region: {mend}") from error
        except ClientError as error:
            if self.emulated and error.response["Error"]["Code"] == "UnknownOperationException":
                return ""  # DynamoDB Local has no tags
            raise StoreUnavailable(f"DynamoDB refused to describe the table: {error}") from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"DynamoDB gave no answer: {error}") from error
        return next((str(tag["Value"]) for tag in tags if tag["Key"] == STACK_TAG), "")

    @cached_property
    def dynamodb(self) -> Any:
        """A low-level DynamoDB client."""
        return self._client("dynamodb", self.dynamodb_endpoint)

    @cached_property
    def repository(self) -> Repository:
        """The table."""
        return Repository(self.dynamodb, self.table)

    @cached_property
    def kms(self) -> Kms:
        """KMS. Refuses a table and KMS of which one is emulated: a key in AWS would cost money and never be used."""
        self._require_one_world("KMS")
        return Kms(self._client("kms", self.endpoint))

    @cached_property
    def key_kms(self) -> Kms:
        """KMS for creating keys. Calls are not retried, since a call without an answer may have created a key."""
        self._require_one_world("KMS")
        return Kms(self._client("kms", self.endpoint, attempts=CREATE_ATTEMPTS, read_timeout=30))

    @cached_property
    def cognito(self) -> Any:
        """A client of Cognito's user pools. Refuses to mix AWS and an emulator: user ids would be of another pool."""
        self._require_one_world("Cognito")
        return self._client("cognito-idp", self.endpoint)

    @property
    def access(self) -> Access:
        """Changes entitlements; the audit names the operator."""
        return Access(self.repository, time.time, ACTOR)

    @property
    def minting(self) -> Minting:
        """Mints tokens with the operator's own AWS credentials."""
        return Minting(self.repository, self.kms, time.time, ACTOR)

    @cached_property
    def razorpay_secret_text(self) -> str:
        """The secret's JSON, read with the operator's AWS credentials. Raises `CommandError` if it cannot be read."""
        read = reader(lambda: self._client("secretsmanager", self.endpoint), self.razorpay_secret_name)
        if read is None:
            raise CommandError(
                "Razorpay's keys are not set: set GATEPASS_RAZORPAY_SECRET to the name or ARN of the secret that the "
                "stack was deployed with (RazorpaySecretArn)"
            )
        self._require_one_world("Secrets Manager")
        try:
            return read()
        except Refused as error:
            raise CommandError(
                f"{error}: check GATEPASS_RAZORPAY_SECRET ({self.razorpay_secret_name}), and that your AWS credentials "
                "may read that secret"
            ) from error

    @property
    def razorpay_secret(self) -> RazorpaySecret:
        """Razorpay's keys. Raises `CommandError`, or `Refused` if the secret's text is not what it must be."""
        return secret_of(self.razorpay_secret_text)

    def _require_one_world(self, service: str) -> None:
        if self.emulated != _emulated(self.endpoint):
            raise CommandError(
                f"DynamoDB and {service} must both be AWS's or both emulated: set AWS_ENDPOINT_URL ({service}) and "
                "AWS_ENDPOINT_URL_DYNAMODB, or neither",
            )

    @cached_property
    def aws(self) -> Aws:
        """AWS's management APIs, with more retries: API Gateway's allow only a few calls per second."""
        return Aws(cache(lambda service: self._client(service, self.endpoint, attempts=MANAGEMENT_ATTEMPTS)))

    @property
    def management(self) -> Aws:
        """The same, for resources of the stack. Refuses to mix AWS and an emulator: it would check another pool."""
        self._require_one_world("Cognito")
        return self.aws

    def _client(self, service: str, endpoint: str | None, attempts: int = 3, read_timeout: float = 10) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        try:
            config = Config(
                connect_timeout=3,
                read_timeout=read_timeout,
                retries={"mode": "standard", "total_max_attempts": attempts},
            )
            return _session(self.region, _aws_settings()).client(service, endpoint_url=endpoint, config=config)
        except BotoCoreError as error:
            raise CommandError(f"AWS is not configured: {error} Set AWS_REGION.") from error
        except ValueError as error:
            raise CommandError(f"AWS_ENDPOINT_URL: {error}: write http://HOST:PORT") from error


@lru_cache(maxsize=4)
def _session(region: str | None, settings: tuple[tuple[str, str], ...]) -> Any:
    """One for all clients of these settings: making it, and reading its data of services, takes longer than they do.

    The local stack runs many commands in one process.
    """
    import boto3

    return boto3.session.Session(region_name=region)


def _aws_settings() -> tuple[tuple[str, str], ...]:
    """What a session is made of, beside files."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


def _emulated(endpoint: str | None) -> bool:
    """Whether an endpoint is an emulator's: a VPC endpoint is still AWS's."""
    try:
        host = urlsplit(endpoint or "").hostname or ""
    except ValueError as error:
        raise CommandError(f"{endpoint!r} is not an endpoint: write http://HOST:PORT") from error
    return bool(host) and not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))
