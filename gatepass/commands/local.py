"""`gatepass demo` and `gatepass local`: the whole system on this machine."""

import argparse
import time
from typing import Final

from rich.console import Console

from gatepass.interrupts import ending_on_signals
from gatepass.refusals import CommandError

MAX_PORT: Final = 65_535


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    demo = nouns.add_parser("demo", help="the whole journey, narrated, on a local stack it starts itself")
    demo.set_defaults(run=run_demo)
    local = nouns.add_parser("local", help="the local stack, to try by hand")
    local.add_argument(
        "--port",
        type=int,
        default=8080,
        help="the API's port; the token service has the next one (default: 8080)",
    )
    local.set_defaults(run=run_local)


def run_demo(options: argparse.Namespace) -> int:
    """Run the journey; exit 1 if a step fails."""
    from gatepass.local.demo import Demo
    from gatepass.local.stack import local_stack

    console = Console(soft_wrap=True, highlight=False)
    with ending_on_signals(), local_stack() as stack:
        return 0 if Demo(stack, console).run() else 1


def run_local(options: argparse.Namespace) -> int:
    """Run until interrupted, showing each decision."""
    from gatepass.local.stack import decision_of, local_stack

    if not 0 <= options.port < MAX_PORT:
        raise CommandError(f"--port must be between 0 and {MAX_PORT - 1}: the token service has the next one")

    def watch(line: str) -> None:
        d = decision_of(line)
        used = "" if d["used"] is None else f"used {d['used']} of {d['limit'] or 'any'}"
        print(f"{d['reason']:26} {d['plan'] or '-':12} {used}".rstrip(), flush=True)

    try:
        with ending_on_signals(), local_stack(options.port, watch) as stack:
            user = "00000000-0000-4000-8000-000000000001"
            stack.run("entitlements", "grant", "--user", user, "--solution", "faiss-search")
            token = stack.run("tokens", "mint", "--user", user, "--solution", "faiss-search")[1]
            url = stack.gateway.url
            print(f"the API        {url}/search\na token        {token}")
            print(f"token service  {stack.token_service.url}/v1/docs\n")
            print(f'curl {url}/search -d \'{{"query": "message queue"}}\'')
            print(f'curl {url}/search -d \'{{"query": "message queue"}}\' -H "Authorization: Bearer $TOKEN"\n')
            print("Mailed codes are shown here. moto emulates Cognito: codes do not expire, nobody is locked out.")
            print("Press Ctrl-C to stop. Decisions of the gate:", flush=True)
            shown = 0
            while True:
                # To register by hand, one needs the code that Cognito would mail.
                mails = stack.mails()
                for mail in mails[shown:]:
                    print(f"mailed: the code is {mail['code']}", flush=True)
                shown = len(mails)
                time.sleep(0.5)
    except KeyboardInterrupt:
        print("\nstopped; nothing was kept")
        return 0
