"""`gatepass demo` and `gatepass local`: the whole system on this machine."""

import argparse
import contextlib
import queue
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from gatepass.interrupts import Interruption, ending_on_signals
from gatepass.output import announce
from gatepass.refusals import CommandError

if TYPE_CHECKING:
    from gatepass.local.backends import Backend
    from gatepass.local.stack import LocalStack

STARTING: Final = "starting the local stack, which takes some seconds"
MAX_PORT: Final = 65_532
USER: Final = "00000000-0000-4000-8000-000000000001"
"""Has a token from the start."""
POLL_SECONDS: Final = 0.5


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    demo = nouns.add_parser("demo", help="the whole journey, narrated, on a local stack it starts itself")
    demo.set_defaults(run=run_demo)
    local = nouns.add_parser("local", help="the local stack, to try by hand")
    local.add_argument(
        "--port",
        type=int,
        default=8080,
        help="the API's port; the token service, the pages, and payments have the next three (default: 8080)",
    )
    local.add_argument(
        "--app", metavar="MODULE:HANDLER", help="a Lambda handler to put behind the gate, instead of the example"
    )
    local.add_argument("--solution", type=Path, metavar="FILE", help="the YAML file of what --app sells")
    local.set_defaults(run=run_local)


def run_demo(options: argparse.Namespace) -> int:
    """Run the journey; exit 1 if a step fails."""
    announce(STARTING)
    from rich.console import Console

    from gatepass.local.backends import example
    from gatepass.local.demo import Demo
    from gatepass.local.stack import local_stack

    console = Console(soft_wrap=True, highlight=False)
    with ending_on_signals() as interruption, local_stack(example()) as stack:
        return 0 if Demo(stack, console, interruption.check).run() else 1


def run_local(options: argparse.Namespace) -> int:
    """Run until interrupted, showing each decision."""
    from gatepass.local.backends import example, own
    from gatepass.local.stack import local_stack

    if not 0 <= options.port <= MAX_PORT:
        raise CommandError(f"--port must be between 0 and {MAX_PORT}: the next three ports are used as well")
    if (options.app is None) != (options.solution is None):
        raise CommandError("give both --app MODULE:HANDLER and --solution FILE, or neither for the example")
    backend = own(options.app, options.solution) if options.app else example()
    announce(STARTING)
    # The gateway's threads only queue their lines: a terminal that is gone must not fail the decision that they log.
    decisions: queue.SimpleQueue[str] = queue.SimpleQueue()
    with (
        ending_on_signals() as interruption,
        local_stack(backend, options.port, decisions.put, pages=True) as stack,
    ):
        try:
            # Inside the try, since an interrupt may arrive with the last line that this prints.
            _tell(stack, backend)
            _watch(stack, decisions, interruption)
        except KeyboardInterrupt:
            print("\nstopped; nothing was kept")
    return 0


def _tell(stack: "LocalStack", backend: "Backend") -> None:
    from gatepass.local.pages import INBOX_PATH

    solution = stack.solution
    user = ("--user", USER, "--solution", solution.solution_id)
    stack.aws.require("entitlements", "grant", *user)
    token = stack.aws.require("tokens", "mint", *user)
    method, path = backend.routes[0]
    url = f"{stack.gateway.url}{path.replace('{proxy+}', '')}"
    print("Open these in a browser, in this order:")
    print(f"the page       {solution.frontend_url or '(the solution has no frontend_url)'}")
    print(f"the portal     {solution.marketplace_url}")
    print(f"the inbox      {stack.web.url}{INBOX_PATH}")
    print(f"usage          {solution.marketplace_url}usage (after gatepass operators add --email ADDRESS)")
    print("\nFor programs:")
    print(f"the API        {url}\na token        {token}")
    print(f"token service  {stack.token_service.url}/v1/docs")
    print(f"payments       {stack.razorpay.url} (a stand-in for Razorpay; no money moves)\n")
    print_exports({**stack.aws.exported(), "TOKEN": token})
    request = f"curl {url}" if method != "POST" else f'curl {url} -d \'{{"query": "message queue"}}\''
    print(f'\n{request}\n{request} -H "Authorization: Bearer $TOKEN"\n')
    print("moto emulates Cognito: codes do not expire, and nobody is locked out.")
    print("Press Ctrl-C to stop. Decisions of the gate:", flush=True)


def print_exports(variables: Mapping[str, str]) -> None:
    """Print the lines for another shell."""
    print("For another shell, where gatepass then works on this stack:")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def _watch(stack: "LocalStack", decisions: "queue.SimpleQueue[str]", interruption: Interruption) -> NoReturn:
    """Print decisions, and the codes that Cognito would mail: who registers by hand needs them."""
    from gatepass.local.stack import decision_of

    shown = 0
    while True:
        interruption.check()
        with contextlib.suppress(queue.Empty):
            d = decision_of(decisions.get(timeout=POLL_SECONDS))
            used = "" if d["used"] is None else f"used {d['used']} of {d['limit'] or 'any'}"
            print(f"{d['reason']:26} {d['plan'] or '-':12} {used}".rstrip(), flush=True)
        mails = stack.aws.mails()
        for mail in mails[shown:]:
            print(f"mailed: the code is {mail['code']}", flush=True)
        shown = len(mails)
