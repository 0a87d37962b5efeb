"""`gatepass operators`: who may see usage at the portal. Membership is a group of the user pool."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from gatepass.aws_calls import CallFailed
from gatepass.commands.arguments import add_json, add_solution, add_user
from gatepass.commands.solutions import required_solution
from gatepass.commands.users import user_of
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from gatepass.user_pool import find_user_pool
from token_service.usage.groups import OPERATORS, OWNERS, owners_of


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("operators", help="who may see usage").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    for verb, text in (("add", "let a user see usage"), ("remove", "let them no longer see it")):
        parser = verbs.add_parser(verb, help=f"{text}: of all solutions, or as an owner of one")
        add_user(parser)
        add_solution(parser, required=False)
        parser.set_defaults(run=run_change)
    parser = verbs.add_parser("list", help="all operators and owners")
    add_json(parser)
    parser.set_defaults(run=run_list)


def run_change(options: argparse.Namespace) -> int:
    """Add or remove a user. Doing it again changes nothing."""
    environment = Environment.read(options.table)
    pool, user_id = _pool(environment), user_of(options, environment)
    if options.solution is not None and options.verb == "add":
        required_solution(environment, options.solution)
    group = OPERATORS if options.solution is None else owners_of(options.solution)
    call, who = environment.management.call, {"UserPoolId": pool, "Username": _username(environment, pool, user_id)}
    if options.verb == "add":
        _ensure_group(environment, pool, group)
        call("cognito-idp", "admin_add_user_to_group", GroupName=group, **who)
    elif _exists(environment, pool, group):
        call("cognito-idp", "admin_remove_user_from_group", GroupName=group, **who)
    print(f"{user_id}: {'in' if options.verb == 'add' else 'not in'} {group}")
    print("from the next sign-in on: an ID token names the groups of its time")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Print every operator and owner, by id."""
    environment = Environment.read(options.table)
    members = {group: sorted(_members(environment, _pool(environment), group)) for group in _groups(environment)}
    if options.json:
        print(json.dumps(members, indent=2))
        return 0
    for group, users in members.items():
        print(f"{group}: {', '.join(users) or 'nobody'}")
    if not members:
        print("nobody may see usage: add somebody with gatepass operators add")
    return 0


def _pool(environment: Environment) -> str:
    if not (pool := find_user_pool(environment)):
        raise CommandError("the user pool is not known: set GATEPASS_USER_POOL_ID to the stack's output UserPoolId")
    return pool


def _username(environment: Environment, pool: str, user_id: str) -> str:
    """Their name in the pool, which is another than the ID in some adopted pools, and for users of other providers."""
    found = environment.management.call("cognito-idp", "list_users", UserPoolId=pool, Filter=f'sub = "{user_id}"')
    if not found["Users"]:
        raise CommandError(f"there is no user {user_id} in the pool {pool}: give the ID of one who registered")
    return str(found["Users"][0]["Username"])


def _exists(environment: Environment, pool: str, group: str) -> bool:
    return environment.management.find("cognito-idp", "get_group", UserPoolId=pool, GroupName=group) is not None


def _ensure_group(environment: Environment, pool: str, group: str) -> None:
    if _exists(environment, pool, group):
        return
    try:
        environment.management.call("cognito-idp", "create_group", UserPoolId=pool, GroupName=group)
    except CallFailed as error:
        if error.code != "GroupExistsException":  # somebody else made it meanwhile
            raise


def _groups(environment: Environment) -> list[str]:
    groups = _pages(environment, "list_groups", "Groups", UserPoolId=_pool(environment))
    names = sorted(str(group["GroupName"]) for group in groups)
    return [name for name in names if name == OPERATORS or name.startswith(OWNERS)]


def _members(environment: Environment, pool: str, group: str) -> Iterator[str]:
    for user in _pages(environment, "list_users_in_group", "Users", UserPoolId=pool, GroupName=group):
        yield from (entry["Value"] for entry in user["Attributes"] if entry["Name"] == "sub")


def _pages(environment: Environment, operation: str, name: str, **parameters: str) -> Iterator[dict[str, Any]]:
    more: dict[str, str] = {}
    while True:
        page = environment.management.call("cognito-idp", operation, **parameters, **more)
        yield from page[name]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
