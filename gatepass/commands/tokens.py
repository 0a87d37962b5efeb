"""`gatepass tokens`: mint, rotate, inspect and explain tokens."""

import argparse
import sys
import time

from entitlements.gate import Gate, Request
from entitlements.identifiers import require_solution_id
from entitlements.token import jti_of, parse
from gatepass.commands import rotate_all
from gatepass.commands.arguments import add_json, add_solution, add_user
from gatepass.commands.solutions import required_solution
from gatepass.commands.users import user_of
from gatepass.environment import Environment
from gatepass.output import print_record
from gatepass.refusals import CommandError


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("tokens", help="mint, rotate, inspect and explain tokens").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    mint = verbs.add_parser("mint", help="print the token, the same each time")
    add_user(mint)
    add_solution(mint)
    mint.set_defaults(run=run_mint)
    rotate_all.add_verb(verbs, run_mint)
    inspect = verbs.add_parser("inspect", help="print what a token says, without verifying it")
    _add_token(inspect)
    add_json(inspect)
    inspect.set_defaults(run=run_inspect)
    explain = verbs.add_parser("explain", help="say what the gate would decide and why, spending nothing")
    _add_token(explain)
    add_solution(explain)
    explain.add_argument("--request", default="GET /", metavar="'METHOD /path'", help="the request (default: GET /)")
    add_json(explain)
    explain.set_defaults(run=run_explain)


def _add_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("token", metavar="TOKEN", help="the token, or - to read it from standard input")


def _token(options: argparse.Namespace) -> str:
    """The token; from standard input it stays out of the shell's history."""
    token: str = sys.stdin.readline() if options.token == "-" else options.token
    return token.strip()


def run_mint(options: argparse.Namespace) -> int:
    """Print the token alone, so that a script can take it."""
    environment, solution = Environment.read(options.table), require_solution_id(options.solution)
    user, minting = user_of(options, environment), environment.minting
    print(minting.mint(user, solution) if options.verb == "mint" else minting.rotate(user, solution))
    return 0


def run_inspect(options: argparse.Namespace) -> int:
    """Print the public parts. The secret is never printed."""
    token = parse(_token(options))
    payload = None if token is None else token.claims()
    if token is None or payload is None:
        raise CommandError("that is not a Gatepass token: a token begins with gp1_ and has four parts")
    matches = payload.get("jti") == jti_of(token.secret)
    print_record({"kid": token.kid, "alg": token.algorithm, **payload, "secret_matches": matches}, options.json)
    return 0


def run_explain(options: argparse.Namespace) -> int:
    """Print the decision of the gate's own code; exit 0 if it would allow, 1 if it would deny."""
    method, _, path = options.request.partition(" ")
    request = Request(method=method.upper(), path=path or "/", authorization=(f"Bearer {_token(options)}",))
    environment = Environment.read(options.table)
    solution = required_solution(environment, options.solution)
    decision = Gate(environment.repository).decide(solution.solution_id, request, time.time(), spending=False)
    print_record({**decision.context(), "message": decision.reason.message}, options.json)
    return 0 if decision.allowed else 1
