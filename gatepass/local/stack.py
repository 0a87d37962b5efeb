"""The local stack: the real handlers behind the local API gateway. Only this module runs the handlers, as AWS would."""

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from entitlements.solution import Solution, read_solution
from gatepass.attach.responses import LATER, REFUSED
from gatepass.commands.solutions import read_file
from gatepass.local.backends import Backend
from gatepass.local.emulator import moto_server
from gatepass.local.gateway import Api, Authorizer, GatewayResponse, LambdaProxy, LocalGateway, Mock, Route
from gatepass.local.pages import MARKETPLACE_PATH, Pages
from gatepass.refusals import CommandError

TABLE: Final = "gatepass-local"
API_ID: Final = "local12345"
EXPORTED: Final = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "GATEPASS_TABLE",
    "GATEPASS_USER_POOL_ID",
    "GATEPASS_USER_POOL_CLIENT_ID",
)
"""What a command in another shell needs to work on this stack."""

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
    web: LocalGateway
    solution: Solution
    """As it was applied."""
    run: Callable[..., tuple[int, str]]
    """Runs a `gatepass` command in this stack. Returns its exit status and output."""
    mailbox: Path
    """The file with Cognito's mails, one JSON line each."""
    environment: Mapping[str, str]
    """The variables by which a command in another process works on this stack."""
    lines: deque[str] = field(default_factory=deque)

    def mails(self) -> list[dict[str, str]]:
        """All mails so far, newest last."""
        return [json.loads(line) for line in self.mailbox.read_text().splitlines()] if self.mailbox.exists() else []

    @property
    def last_reason(self) -> str:
        """The reason of the last decision, from the log, because a 401 contains none."""
        return str(json.loads(self.lines[-1])["reason"])


@contextmanager
def local_stack(
    backend: Backend, port: int = 0, watch: Callable[[str], object] | None = None, pages: bool = False
) -> Iterator[LocalStack]:
    """Start everything and apply the backend's solution. `watch` gets the gate's log lines.

    The token service has the port after `port`, and the pages have the next one; 0 takes any that are free. With
    `pages`, the solution's marketplace is the local one, and its users return to its page on this machine.
    """
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
        lines: deque[str] = deque(maxlen=1)

        def write(line: str) -> None:
            lines.append(line)
            if watch is not None:
                watch(line)

        page_handler = Pages(backend.frontend)
        with _gateway(_page_api(page_handler), port + 2 if port else 0) as web:
            solution = read_file(backend.solution_file)
            if pages:
                solution = _at_home(solution, web.url, backend)
            _set_up(solution, Path(folder) / "solution.yaml", endpoint)
            with (
                _gateway(_api(backend, write), port) as gateway,
                _gateway(_token_api(), port + 1 if port else 0) as service,
            ):
                page_handler.settings = {
                    "api-base": gateway.url,
                    "token-service": service.url,
                    "solution": solution.solution_id,
                }
                exported = {name: os.environ[name] for name in EXPORTED}
                exported["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint  # the other shell might have one of its own
                mailbox = Path(folder) / "mailbox"
                yield LocalStack(gateway, service, web, solution, _command, mailbox, exported, lines)


def _at_home(solution: Solution, url: str, backend: Backend) -> Solution:
    """The solution with the local marketplace and, where the backend has a page, that page to return to."""
    front = f"{url}/" if backend.frontend else solution.frontend_url
    # The marketplace's own origin is among them: only pages of a solution may call the token service.
    returns = [f"{url}/", *solution.return_urls]
    changes = {"frontend_url": front, "return_urls": returns, "marketplace_url": f"{url}{MARKETPLACE_PATH}"}
    return read_solution(solution.to_mapping() | changes)


def _set_up(solution: Solution, file: Path, endpoint: str) -> None:
    """Keys, solution, link and user pool; raises `CommandError` if one of them fails."""
    file.write_text(solution.to_document())  # JSON is YAML
    for command in (
        ["init"],
        ["solutions", "apply", str(file)],
        ["solutions", "link", solution.solution_id, API_ID],
    ):
        if _command(*command)[0]:
            raise CommandError(f"the local stack did not start: gatepass {' '.join(command)} failed")
    _create_user_pool(endpoint)


def _gateway(api: Api, port: int) -> LocalGateway:
    try:
        return LocalGateway(api, port=port)
    except OSError as error:
        raise CommandError(f"port {port} cannot be used ({error.strerror}): give --port N") from error


def _api(backend: Backend, write: Callable[[str], object]) -> Api:
    from authorizer.handler import build_gate, make_handler

    gate = Authorizer(make_handler(build_gate(os.environ), write=write))
    handler = LambdaProxy(backend.load())
    preflight = Mock(
        204,
        {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "authorization,content-type",
            "Access-Control-Allow-Methods": "DELETE,GET,HEAD,PATCH,POST,PUT",
        },
    )
    routes = [Route(method, path, handler, gate) for method, path in backend.routes]
    routes += [Route("OPTIONS", path, preflight) for path in sorted({path for _, path in backend.routes})]
    return Api(API_ID, "REST", tuple(routes), gateway_responses=dict(GATEWAY_RESPONSES))


def _page_api(handler: Pages) -> Api:
    return Api("pages12345", "HTTP", (Route("ANY", "$default", LambdaProxy(handler)),))


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
    from gatepass.cli import run

    output, notes = StringIO(), StringIO()
    with redirect_stdout(output), redirect_stderr(notes):
        status = run(arguments)
    if status:  # warnings about a solution are not relevant in a demo; errors are
        print(notes.getvalue(), end="", file=sys.stderr)
    return status, output.getvalue().strip()


def decision_of(line: str) -> dict[str, Any]:
    """A log line for people, without the metric directives."""
    data: dict[str, Any] = json.loads(line)
    return {name: value for name, value in data.items() if name != "_aws"}
