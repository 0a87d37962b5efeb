"""Checks of what users meet first: the token service over HTTP, and the user pool behind it."""

import json
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

from gatepass.aws_calls import CallFailed
from gatepass.doctor.checkup import Check, Examination, Skipped, Trouble
from gatepass.doctor.patient import Patient
from gatepass.doctor.stack_checks import required_output
from gatepass.doctor.store_checks import required_ring
from gatepass.pool_check import check_pool
from gatepass.user_pool import read_pool

SECONDS: Final = 10
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def check_token_service(patient: Patient) -> Examination:
    """Whether the token service answers, and publishes the keys of this ring."""
    url, ring = required_output(patient, "TokenServiceUrl").rstrip("/"), required_ring(patient)
    if patient.emulated and urlsplit(url).hostname not in LOOPBACK:
        raise Skipped("the emulator's API Gateway is not at the address that the stack names")
    try:
        with urllib.request.urlopen(f"{url}/.well-known/jwks.json", timeout=SECONDS) as answer:  # noqa: S310 - the stack's output
            published = json.load(answer)
    except (OSError, ValueError) as error:
        status = error.code if isinstance(error, urllib.error.HTTPError) else None
        what = f"answered {status}" if status else f"gave no answer: {type(error).__name__}"
        yield Trouble(f"the token service {what} ({url})", "see its log, and deploy the stack again")
        return ""
    if published != ring.jwks():
        yield Trouble(
            f"{url} publishes other keys than the ring's",
            "wait 60 s if the ring has just changed; else the token service uses another table",
        )
    return f"{url} publishes {len(ring.jwks()['keys'])} keys"


def check_users(patient: Patient) -> Examination:
    """Whether the user pool is one in which an address is its user's identity."""
    environment = patient.environment
    outputs = patient.outputs if patient.stack else {}
    pool_id = environment.user_pool_id or outputs.get("UserPoolId")
    client_id = environment.user_pool_client_id or outputs.get("UserPoolClientId")
    if not pool_id:
        raise Skipped("GATEPASS_USER_POOL_ID is not set")
    try:
        pool, clients = read_pool(patient.aws, pool_id)
    except CallFailed as error:
        if error.code != "ResourceNotFoundException":
            raise
        yield Trouble(f"there is no user pool {pool_id} in this account and Region", "deploy the stack again")
        return ""
    warnings = 0
    for finding in check_pool(pool, clients, client_id):
        if finding.fault:
            yield Trouble(finding.what, finding.remedy)
        else:
            warnings += 1
    return f"{pool_id} can be used" + (f"; gatepass init prints {warnings} warnings" if warnings else "")


CHECKS: Final = (
    Check("token service", ("cloudformation:DescribeStacks", "dynamodb:GetItem"), check_token_service),
    Check(
        "user pool",
        (
            "cloudformation:DescribeStacks",
            "cognito-idp:DescribeUserPool",
            "cognito-idp:ListUserPoolClients",
            "cognito-idp:DescribeUserPoolClient",
        ),
        check_users,
    ),
)
