"""The local stack: the real handlers behind the local API gateway. Only this module runs the handlers, as AWS would."""

import json
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

from entitlements.solution import Solution, read_solution
from gatepass.attach.responses import LATER, REFUSED
from gatepass.commands.solutions import read_file
from gatepass.local.backends import Backend
from gatepass.local.counting import Counting
from gatepass.local.emulated_aws import EmulatedAws, emulated_aws
from gatepass.local.gateway import Api, Authorizer, GatewayResponse, LambdaProxy, LocalGateway, Mock, Route
from gatepass.local.pages import INBOX_PATH, PORTAL_PATH, Pages
from gatepass.local.razorpay import LocalRazorpay
from gatepass.local.selling import local_razorpay, taking_payments
from gatepass.refusals import CommandError

API_ID: Final = "local12345"
PORTS: Final = 4
"""How many ports it takes, one after the other."""
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
    aws: EmulatedAws
    razorpay: LocalRazorpay
    lines: deque[str] = field(default_factory=deque)

    @property
    def last_reason(self) -> str:
        """The reason of the last decision, from the log, because a 401 contains none."""
        return str(json.loads(self.lines[-1])["reason"])


@contextmanager
def local_stack(
    backend: Backend, port: int = 0, watch: Callable[[str], object] | None = None, pages: bool = False
) -> Iterator[LocalStack]:
    """Start everything and apply the backend's solution. `watch` gets the gate's log lines.

    The token service has the port after `port`, the pages have the next one, and Razorpay's stand-in has the one after
    that; 0 takes any that are free. With `pages`, the solution's marketplace is the local portal, and its users return
    to its page on this machine.
    """
    for one in range(port, port + PORTS if port else 0):
        _require_free(one)  # before an emulator has been started for nothing
    with emulated_aws() as aws:
        lines: deque[str] = deque(maxlen=1)
        counting = Counting(aws)

        def write(line: str) -> None:
            lines.append(line)
            counting.line(line)
            if watch is not None:
                watch(line)

        page_handler = Pages(backend.frontend, aws.mails)
        with (
            _gateway(_page_api(page_handler), port + 2 if port else 0) as web,
            local_razorpay(port + 3 if port else 0) as razorpay,
        ):
            solution = read_file(backend.solution_file)
            if pages:
                solution = _at_home(solution, web.url, backend)
            file = _set_up(aws, solution)
            with (
                _gateway(_api(backend, write), port) as gateway,
                _gateway(_token_api(), port + 1 if port else 0) as service,
                taking_payments(aws, razorpay, file, service.url),
                counting.running(),
            ):
                page_handler.settings = {
                    "api": gateway.url,
                    "token-service": service.url,
                    "portal": f"{web.url}{PORTAL_PATH}".rstrip("/"),
                    "portal-name": "Local marketplace",
                    "solutions": solution.solution_id,
                    "razorpay-script": f"{razorpay.url}/v1/checkout.js",
                    "inbox": f"{web.url}{INBOX_PATH}",
                    "marketplace": solution.marketplace_url,
                    "solution": solution.solution_id,
                }
                yield LocalStack(gateway, service, web, solution, aws, razorpay, lines)


def _at_home(solution: Solution, url: str, backend: Backend) -> Solution:
    """The solution with the local portal and, where the backend has a page, that page to return to."""
    front = f"{url}/" if backend.frontend else solution.frontend_url
    # The portal's own origin is among them: only pages of a solution may call the token service.
    returns = [f"{url}/", *solution.return_urls]
    changes = {"frontend_url": front, "return_urls": returns, "marketplace_url": f"{url}{PORTAL_PATH}"}
    return read_solution(solution.to_mapping() | changes)


def _set_up(aws: EmulatedAws, solution: Solution) -> Path:
    """Keys, solution, link and user pool; raises `CommandError` if one of them fails. Returns the solution's file."""
    file = aws.folder / "solution.yaml"
    file.write_text(solution.to_document())  # JSON is YAML
    aws.require("init")
    aws.require("solutions", "apply", str(file))
    aws.require("solutions", "link", solution.solution_id, API_ID)
    aws.create_user_pool()
    return file


def _require_free(port: int) -> None:
    with _usable(port), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def _gateway(api: Api, port: int) -> LocalGateway:
    with _usable(port):
        return LocalGateway(api, port=port)


@contextmanager
def _usable(port: int) -> Iterator[None]:
    try:
        yield
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

    return Api("tokens1234", "HTTP", (Route("ANY", "$default", LambdaProxy(one_at_a_time(lambda_handler))),))


def one_at_a_time(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The handler as an environment of Lambda runs it: one event at a time, which Powertools' router relies on."""
    lock = Lock()

    def handle(event: Any, context: Any) -> Any:
        with lock:
            return handler(event, context)

    return handle


def decision_of(line: str) -> dict[str, Any]:
    """A log line for people, without the metric directives."""
    data: dict[str, Any] = json.loads(line)
    return {name: value for name, value in data.items() if name != "_aws"}
