"""The command line: `gatepass NOUN VERB …`. Exit status 0 done, 1 refused, 2 wrong use."""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from entitlements.identifiers import InvalidIdentifier
from entitlements.items import StoreUnavailable
from entitlements.keyring import KeyRingError
from entitlements.refusals import Refused
from entitlements.solution import ConfigError
from gatepass import __version__
from gatepass.aws_calls import CallFailed
from gatepass.refusals import CommandError
from token_service.errors import Busy

FAILURES = (CommandError, Refused, Busy, StoreUnavailable, ConfigError, InvalidIdentifier, KeyRingError, CallFailed)
"""Exceptions that end a command with their message and exit status 1."""

MODULES = {
    "demo": "local", "local": "local", "emulator": "emulator", "init": "init", "solutions": "solutions",
    "portal": "portal", "entitlements": "entitlements", "tokens": "tokens", "payments": "payments",
    "razorpay": "razorpay", "usage": "usage", "operators": "operators", "keys": "keys", "attach": "attach",
    "detach": "attach", "status": "attach_status", "doctor": "doctor",
}  # fmt: skip
"""Of each command, in the order of the help, the module in `gatepass.commands`."""


@cache
def make_parser(command: str = "") -> argparse.ArgumentParser:
    """The parser of one command, whose module alone is imported, or of all: importing all takes longer than most run.

    It is made once: the local stack runs many commands in one process.
    """
    parser = argparse.ArgumentParser(
        prog="gatepass", description="Sells access to APIs: one token per user and solution, one write per request."
    )
    parser.add_argument("--version", action="version", version=f"gatepass {__version__}")
    parser.add_argument("--table", help="the DynamoDB table (default: GATEPASS_TABLE)")
    nouns = parser.add_subparsers(dest="noun", metavar="COMMAND")
    for module in [MODULES[command]] if command else dict.fromkeys(MODULES.values()):
        import_module(f"gatepass.commands.{module}").add_parser(nouns)
    _take_table_anywhere(nouns)
    return parser


def _take_table_anywhere(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Let `--table` stand after the command as well; given there, it counts."""
    for parser in commands.choices.values():
        verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for action in verbs:
            _take_table_anywhere(action)
        if not any(action.required for action in verbs):
            parser.add_argument("--table", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _kids_last(arguments: Sequence[str]) -> list[str]:
    """Move key ids to the end: one in 64 begins with a hyphen, and it or its prefix would be taken for an option."""
    kids = [one for one in arguments if re.fullmatch(r"-[A-Za-z0-9_-]{42}|-[A-Za-z0-9_][A-Za-z0-9_-]{6,40}", one)]
    return [argument for argument in arguments if argument not in kids] + (["--", *kids] if kids else [])


def run(arguments: Sequence[str]) -> int:
    """Run a command; its exit status. An interrupt is the caller's: the local stack runs commands too."""
    parser = make_parser(arguments[0] if arguments and arguments[0] in MODULES else "")
    options = parser.parse_args(_kids_last(arguments))
    if options.noun is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except FAILURES as error:
        print(f"gatepass: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command as a process of its own does; its exit status."""
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print("gatepass: interrupted", file=sys.stderr)
        return 1
