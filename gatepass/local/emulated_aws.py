"""AWS as the local stack has it: moto's server, with this process set to it, and commands that run on it."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from gatepass.local.emulator import LOOPBACK, moto_server
from gatepass.refusals import CommandError

TABLE: Final = "gatepass-local"
REGION: Final = "us-east-1"
EXPORTED: Final = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "GATEPASS_TABLE",
    "GATEPASS_STACK",
    "GATEPASS_USER_POOL_ID",
    "GATEPASS_USER_POOL_CLIENT_ID",
)
"""What a command in another process needs to work on it."""
SELLING: Final = "GATEPASS_RAZORPAY_SECRET"
EXPORTED_IF_SELLING: Final = (SELLING, "GATEPASS_RAZORPAY_URL")


@dataclass(frozen=True)
class EmulatedAws:
    """The running server."""

    endpoint: str
    folder: Path
    """For files that end with it."""

    def mails(self) -> list[dict[str, str]]:
        """All mails of Cognito so far, newest last."""
        mailbox = self.folder / "mailbox"
        return [json.loads(line) for line in mailbox.read_text().splitlines()] if mailbox.exists() else []

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a `gatepass` command on it. Returns its exit status and output."""
        from gatepass.cli import run

        output, notes = StringIO(), StringIO()
        with redirect_stdout(output), redirect_stderr(notes):
            status = run(arguments)
        if status:  # warnings about a solution are not relevant here; errors are
            print(notes.getvalue(), end="", file=sys.stderr)
        return status, output.getvalue().strip()

    def require(self, *arguments: str) -> str:
        """Run a command that must succeed. Returns its output; raises `CommandError`."""
        status, output = self.run(*arguments)
        if status:
            raise CommandError(f"the local stack did not start: gatepass {' '.join(arguments[:2])} failed")
        return output

    def create_user_pool(self) -> None:
        """As in the template. moto is less strict: codes do not expire, nobody is locked out, an address can change."""
        import boto3

        session: Any = boto3.session.Session(region_name=REGION)
        cognito = session.client("cognito-idp", endpoint_url=self.endpoint)
        required = {"RequireLowercase": True, "RequireNumbers": True, "RequireUppercase": True, "RequireSymbols": False}
        pool = cognito.create_user_pool(
            PoolName=TABLE,
            UsernameAttributes=["email"],
            UsernameConfiguration={"CaseSensitive": False},
            AutoVerifiedAttributes=["email"],
            Schema=[{"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": False}],
            AccountRecoverySetting={"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
            Policies={"PasswordPolicy": {"MinimumLength": 12, **required}},
        )["UserPool"]["Id"]
        client = cognito.create_user_pool_client(
            UserPoolId=pool,
            ClientName=TABLE,
            GenerateSecret=True,
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            PreventUserExistenceErrors="ENABLED",
        )["UserPoolClient"]["ClientId"]
        os.environ.update(GATEPASS_USER_POOL_ID=pool, GATEPASS_USER_POOL_CLIENT_ID=client)

    def exported(self) -> Mapping[str, str]:
        """The variables for another process, once there is a user pool; those of payments only where it sells."""
        # The other process might have an endpoint of its own for DynamoDB.
        selling = EXPORTED_IF_SELLING if SELLING in os.environ else ()
        return {name: os.environ[name] for name in (*EXPORTED, *selling)} | {"AWS_ENDPOINT_URL_DYNAMODB": self.endpoint}


@contextmanager
def emulated_aws(host: str = LOOPBACK) -> Iterator[EmulatedAws]:
    """Start it, and set this process to it for good: nothing here must use the AWS account of this shell."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GATEPASS_"))]:
        del os.environ[name]
    # A proxy could not reach this machine's own addresses.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"127.0.0.1,localhost,{host}"
    with TemporaryDirectory() as name, moto_server(Path(name) / "mailbox", host) as endpoint:
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_REGION=REGION,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_EC2_METADATA_DISABLED="true",
            GATEPASS_TABLE=TABLE,
            GATEPASS_STACK=TABLE,
        )
        yield EmulatedAws(endpoint, Path(name))
