"""The local stack: the real handlers behind the local API gateway. Only this module runs the handlers, as AWS would."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from gatepass.attach.responses import LATER, REFUSED
from gatepass.local.emulator import moto_server
from gatepass.local.gateway import Api, Authorizer, GatewayResponse, LambdaProxy, LocalGateway, Mock, Route
from gatepass.refusals import CommandError

TABLE: Final = "gatepass-local"
API_ID: Final = "local12345"
SOLUTION_FILE: Final = Path(__file__).parents[2] / "examples" / "faiss_search" / "solution.yaml"

_CORS: Final = {"Access-Control-Allow-Origin": "'*'"}
GATEWAY_RESPONSES: Final = {
    "ACCESS_DENIED": GatewayResponse(403, _CORS, REFUSED),
    "UNAUTHORIZED": GatewayResponse(401, _CORS, '{"message":"Unauthorized"}'),
    # The answer of the real API Gateway when an authorizer fails in another way, such as without its table.
    "AUTHORIZER_CONFIGURATION_ERROR": GatewayResponse(500, _CORS, LATER),
}


@dataclass
class LocalStack:
    """The running parts, and the gate's log of decisions."""

    gateway: LocalGateway
    token_service: LocalGateway
    run: Callable[..., tuple[int, str]]
    """Runs a `gatepass` command in this stack. Returns its exit status and output."""
    mailbox: Path
    """The file with Cognito's mails, one JSON line each."""
    lines: list[str] = field(default_factory=list)

    def mails(self) -> list[dict[str, str]]:
        """All mails so far, newest last."""
        return [json.loads(line) for line in self.mailbox.read_text().splitlines()] if self.mailbox.exists() else []

    @property
    def last_reason(self) -> str:
        """The reason of the last decision, from the log, because a 401 contains none."""
        return str(json.loads(self.lines[-1])["reason"])


@contextmanager
def local_stack(port: int = 0, watch: Callable[[str], object] | None = None) -> Iterator[LocalStack]:
    """Start everything and apply the first solution. `watch` gets the gate's log lines."""
    # The local stack must not use the AWS account that this shell is set to.
    for name in [name for name in os.environ if name.startswith(("AWS_", "GATEPASS_"))]:
        del os.environ[name]
    # It must not use a proxy either, which could not reach this machine's loopback addresses.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    with TemporaryDirectory() as folder, moto_server(Path(folder) / "mailbox") as endpoint:
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_EC2_METADATA_DISABLED="true",
            GATEPASS_TABLE=TABLE,
            GATEPASS_STACK=TABLE,
        )
        for command in (["init"], ["solutions", "apply", str(SOLUTION_FILE)]):
            _command(*command)
        _command("solutions", "link", "faiss-search", API_ID)
        lines: list[str] = []

        def write(line: str) -> None:
            lines.append(line)
            if watch is not None:
                watch(line)

        _create_user_pool(endpoint)
        # The port after the API's, or any free port if any was requested.
        with (
            _gateway(_api(write), port) as gateway,
            _gateway(_token_api(), port + 1 if port else 0) as token_service,
        ):
            yield LocalStack(gateway, token_service, _command, Path(folder) / "mailbox", lines)


def _gateway(api: Api, port: int) -> LocalGateway:
    try:
        return LocalGateway(api, port=port)
    except OSError as error:
        raise CommandError(f"port {port} cannot be used ({error.strerror}): give --port N") from error


def _api(write: Callable[[str], object]) -> Api:
    from authorizer.handler import build_gate, make_handler
    from examples.faiss_search.app import lambda_handler as backend

    gate = Authorizer(make_handler(build_gate(os.environ), write=write))
    preflight = Mock(
        204,
        {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "authorization,content-type",
            "Access-Control-Allow-Methods": "GET,POST",
        },
    )
    routes = (
        Route("POST", "/search", LambdaProxy(backend), gate),
        Route("GET", "/health", LambdaProxy(backend), gate),
        Route("OPTIONS", "/search", preflight),
    )
    return Api(API_ID, "REST", routes, gateway_responses=dict(GATEWAY_RESPONSES))


def _token_api() -> Api:
    from token_service.handler import lambda_handler

    return Api("tokens1234", "HTTP", (Route("ANY", "$default", LambdaProxy(lambda_handler)),))


def _create_user_pool(endpoint: str) -> None:
    """As in the template. moto is less strict: codes do not expire, nobody is locked out, an address can change."""
    import boto3

    session: Any = boto3.session.Session(region_name="us-east-1")
    cognito = session.client("cognito-idp", endpoint_url=endpoint)
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


def _command(*arguments: str) -> tuple[int, str]:
    from gatepass.cli import main

    output, notes = StringIO(), StringIO()
    with redirect_stdout(output), redirect_stderr(notes):
        status = main(list(arguments))
    if status:  # warnings about a solution are not relevant in a demo; errors are
        print(notes.getvalue(), end="", file=sys.stderr)
    return status, output.getvalue().strip()


def decision_of(line: str) -> dict[str, Any]:
    """A log line for people, without the metric directives."""
    data: dict[str, Any] = json.loads(line)
    return {name: value for name, value in data.items() if name != "_aws"}
