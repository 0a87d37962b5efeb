"""Finds and checks the user pool that Gatepass signs its users in with."""

import sys
from collections.abc import Iterator
from typing import Any, Final

from gatepass.aws_calls import Aws, CallFailed
from gatepass.environment import Environment
from gatepass.pool_check import check_pool
from gatepass.refusals import CommandError
from gatepass.stack_outputs import stack_outputs

PAGE: Final = 60
"""The most clients that ListUserPoolClients returns at once."""
PERMISSIONS: Final = "cognito-idp:DescribeUserPool, ListUserPoolClients and DescribeUserPoolClient"


def check_user_pool(environment: Environment) -> None:
    """Print warnings about the pool; raises `CommandError` if it must not be used, except on an emulator, which has
    no real users.

    The pool is the one that GATEPASS_USER_POOL_ID names, or else the stack's. If the stack's outputs cannot be read,
    there is only a warning, since init must make the keys in any case.
    """
    pool_id, client_id = environment.user_pool_id, environment.user_pool_client_id
    if not (pool_id and client_id) and environment.deployed:
        outputs = _outputs(environment)
        pool_id = pool_id or outputs.get("UserPoolId")
        if pool_id == outputs.get("UserPoolId"):
            client_id = client_id or outputs.get("UserPoolClientId")
    if not pool_id:
        if environment.deployed:
            _tell("the user pool was not checked: set GATEPASS_USER_POOL_ID to it and run gatepass init again")
        return
    try:
        pool, clients = read_pool(environment.management, pool_id)
    except CallFailed as error:
        if error.code == "ResourceNotFoundException" and not environment.emulated:
            raise CommandError(
                f"there is no user pool {pool_id} in this account and Region: check GATEPASS_USER_POOL_ID"
            ) from error
        message = f"the user pool {pool_id} was not checked, which needs {PERMISSIONS}: {error}"
        if environment.user_pool_id and not environment.emulated:
            raise CommandError(message) from error
        _tell(message)
        return
    if not client_id:
        _tell(
            "Gatepass's client of the pool was not checked: set GATEPASS_USER_POOL_CLIENT_ID to it and run gatepass "
            "init again"
        )
    found = check_pool(pool, clients, client_id)
    for finding in found:
        if environment.emulated or not finding.fault:
            _tell(f"warning: {finding}")
    faults = [f"\n- {finding}" for finding in found if finding.fault]
    if faults and not environment.emulated:
        raise CommandError(f"the user pool {pool_id} cannot be used as it is:{''.join(faults)}")


def find_user_pool(environment: Environment) -> str | None:
    """The ID of the pool that GATEPASS_USER_POOL_ID names, or else of the stack's; None if neither is known."""
    if environment.user_pool_id or not environment.deployed:
        return environment.user_pool_id
    return _outputs(environment).get("UserPoolId")


def _tell(message: str) -> None:
    print(f"gatepass: {message}", file=sys.stderr)


def _outputs(environment: Environment) -> dict[str, str]:
    """The outputs of the stack; empty, with a warning, if they cannot be read."""
    try:
        return stack_outputs(environment.management, environment.stack)
    except CallFailed as error:
        _tell(f"the outputs of the stack {environment.stack}, which name its user pool, cannot be read: {error}")
        return {}


def read_pool(aws: Aws, pool_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The pool and each of its clients, as Cognito describes them. Raises `CallFailed`."""
    pool = aws.call("cognito-idp", "describe_user_pool", UserPoolId=pool_id)["UserPool"]
    read = [
        aws.find("cognito-idp", "describe_user_pool_client", UserPoolId=pool_id, ClientId=client_id)
        for client_id in _client_ids(aws, pool_id)
    ]
    return pool, [answer["UserPoolClient"] for answer in read if answer is not None]  # None: deleted meanwhile


def _client_ids(aws: Aws, pool_id: str) -> Iterator[str]:
    more: dict[str, Any] = {}
    while True:
        page = aws.call("cognito-idp", "list_user_pool_clients", UserPoolId=pool_id, MaxResults=PAGE, **more)
        yield from (client["ClientId"] for client in page["UserPoolClients"])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
