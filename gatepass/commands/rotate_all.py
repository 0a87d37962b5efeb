"""`gatepass tokens rotate`, for one user or a whole solution: ends the tokens minted before a given time only."""

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from math import floor
from typing import Final

from entitlements.identifiers import require_solution_id
from entitlements.items import StoreUnavailable
from entitlements.refusals import Code, Refused
from gatepass.commands.arguments import add_solution, add_user, beginning
from gatepass.environment import Environment
from gatepass.interrupts import ending_on_signals
from gatepass.output import Progress, progress
from gatepass.patience import patiently
from gatepass.refusals import CommandError
from token_service.access.grants import Access, require_solution
from token_service.access.records import to_the_second
from token_service.errors import Busy, Throttled

NAMED: Final = 20
"""The most users that are named because their tokens could not be ended; the next run names the rest."""


def add_verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", run_one: Callable[[argparse.Namespace], int]
) -> None:
    """Declare the verb; `run_one` rotates one user's token."""
    parser = verbs.add_parser("rotate", help="print a new token and end the old one; or end all of a solution (--all)")
    add_user(parser).add_argument(
        "--all", action="store_true", help="end every user's token: users get a new one by signing in or by ID token"
    )
    add_solution(parser)
    parser.add_argument(
        "--before",
        type=beginning,
        metavar="TIME",
        help="with --all: only tokens minted before this time in UTC, 2027-03-31T18:00Z or 2027-03-31 (its beginning) "
        "(default: now)",
    )

    def run(options: argparse.Namespace) -> int:
        if options.before is not None and not options.all:
            parser.error("--before requires --all")
        return run_all(options) if options.all else run_one(options)

    parser.set_defaults(run=run)


def run_all(options: argparse.Namespace) -> int:
    """End the tokens one by one. Ended tokens stay ended in any case, and tokens minted since are never ended."""
    solution_id, before = require_solution_id(options.solution), options.before
    now = time.time()
    if before is None:
        before = floor(now) + 1
        # Tokens have times in whole seconds: after this wait, no token is minted with a time before it.
        time.sleep(before - now)
    elif before > now:
        raise CommandError("--before is in the future, so it would end tokens minted from now on: give a past time")
    table = ["--table", options.table] if options.table else []
    again = shlex.join(
        ["gatepass", *table, "tokens", "rotate", "--all", "--solution", solution_id, "--before", to_the_second(before)]
    )
    print(f"if this is interrupted, continue with: {again}", file=sys.stderr)
    environment = Environment.read(options.table)
    require_solution(environment.repository, solution_id, now)
    ended, busy = 0, list[str]()
    try:
        with ending_on_signals():
            users = list(environment.repository.users_of(solution_id))
            with progress("ending tokens", total=len(users)) as bar:
                ended, busy = _end(environment.access, solution_id, users, before, bar)
                if busy:
                    more, busy = _end(environment.access, solution_id, busy, before, bar)
                    ended += more
    except KeyboardInterrupt:
        print(f"gatepass: interrupted: continue with: {again}", file=sys.stderr)
        return 1
    except StoreUnavailable:
        print(f"gatepass: stopped: continue with: {again}", file=sys.stderr)
        raise
    print(f"ended {ended} tokens of {solution_id} that were minted before {to_the_second(before)}")
    if busy:
        named = ", ".join(busy[:NAMED]) + (f" and {len(busy) - NAMED} others" if len(busy) > NAMED else "")
        print(
            f"gatepass: {len(busy)} tokens were left, since others keep changing them: {named}; run: {again}",
            file=sys.stderr,
        )
    return 1 if busy else 0


def _end(access: Access, solution_id: str, users: Sequence[str], before: int, bar: Progress) -> tuple[int, list[str]]:
    """The number of tokens ended, and the users whose entitlements others kept changing."""
    ended, busy = 0, []
    for number, user in enumerate(users, 1):
        try:
            ended += patiently(lambda user=user: access.drop_older_token(user, solution_id, before), (Throttled,))  # type: ignore[misc]
        except Busy:
            busy.append(user)
        except Refused as error:
            # The index is eventually consistent: an account may have been deleted since.
            if error.code is not Code.ENTITLEMENT_MISSING:
                raise
        bar.show(1, f"{number}/{len(users)}")
    return ended, busy
