"""Finds the user that a command is about, by id or by email address in the Cognito pool.

An address goes from the operator to Cognito only: never into output, errors, logs or the table.
"""

import argparse
import re
from typing import Final

from entitlements.identifiers import require_user_id
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from gatepass.user_pool import find_user_pool

ADDRESS: Final = re.compile(r'[^\s"\\@]+@[^\s"\\@]+')
"""Excludes characters that could end or escape the quotes of a filter; such users can be named by id."""
FILTER_LENGTH: Final = 256
"""https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListUsers.html"""


def user_of(options: argparse.Namespace, environment: Environment) -> str:
    """The id of the user that `--user` or `--email` names."""
    if options.email is None:
        return require_user_id(options.user)
    return _find(options.email, environment)


def _find(address: str, environment: Environment) -> str:
    filter_ = f'email = "{address}"'
    if not ADDRESS.fullmatch(address) or not address.isprintable() or len(filter_) > FILTER_LENGTH:
        raise CommandError("--email is not an email address that can be looked up: give --user USER_ID")
    if not (pool := find_user_pool(environment)):
        raise CommandError(
            "--email looks users up in Cognito: set GATEPASS_USER_POOL_ID to the pool, or give --user",
        )
    found = _ids(environment, pool, filter_)
    if not found:
        raise CommandError("no user of the pool has exactly that email address: check its spelling")
    if len(found) > 1:
        raise CommandError(f"{len(found)} users have that address, give --user: {', '.join(found)}")
    return found[0]


def _ids(environment: Environment, pool: str, filter_: str) -> list[str]:
    from botocore.exceptions import BotoCoreError, ClientError

    client = environment.cognito
    try:
        # A page may be empty and have others after it.
        pages = client.get_paginator("list_users").paginate(UserPoolId=pool, Filter=filter_, AttributesToGet=["sub"])
        attributes = [entry for page in pages for user in page["Users"] for entry in user["Attributes"]]
    except client.exceptions.ResourceNotFoundException as error:
        raise CommandError(f"there is no user pool {pool} in this Region: check GATEPASS_USER_POOL_ID") from error
    except ClientError as error:
        # The message may repeat the address.
        code = error.response.get("Error", {}).get("Code", "")
        raise CommandError(f"Cognito refused to look the user up in {pool}: {code}") from error
    except BotoCoreError as error:
        raise CommandError(f"Cognito gave no answer: {type(error).__name__}") from error
    return sorted(require_user_id(entry["Value"]) for entry in attributes if entry["Name"] == "sub")
