"""`gatepass init`: the keys and the key ring; on an emulator the table too."""

import argparse
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any, Final

from entitlements.identifiers import require_issuer
from entitlements.keyring import KeyRing
from entitlements.table import DEFINITION, TTL_ATTRIBUTE, StoreUnavailable, keyring_key
from gatepass.environment import LOCAL_STACK, Environment
from gatepass.user_pool import check_user_pool
from token_service.errors import ConditionFailed, Refused

LOCAL_ISSUER: Final = LOCAL_STACK


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = nouns.add_parser("init", help="make the keys and the key ring; on an emulator the table too")
    parser.add_argument(
        "--issuer", help=f"the permanent name of the marketplace, in every token (on an emulator: {LOCAL_ISSUER})"
    )
    parser.add_argument(
        "--fixture", type=Path, metavar="FILE", help="emulator only: seed the table from events/fixture.json"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the user pool and make what is missing; a second run checks again, and changes nothing."""
    environment = Environment.read(options.table)
    if options.fixture and not environment.emulated:
        raise Refused(
            "emulator_only",
            "the keys of a fixture are public: they are refused on AWS. Set AWS_ENDPOINT_URL_DYNAMODB to an emulator",
        )
    if environment.emulated:
        _make_emulated_table(environment.dynamodb, environment.table)
    stack = environment.stack
    if options.fixture:
        return _seed(environment, options.fixture)
    check_user_pool(environment)
    stored = environment.repository.get_item(keyring_key())
    if stored is not None:
        ring = KeyRing.from_item(stored)
        if options.issuer and options.issuer != ring.issuer:
            raise Refused("issuer_fixed", f"the issuer is {ring.issuer} for good: it stands in every token")
        print(f"{environment.table} has its key ring already (issuer {ring.issuer}): nothing to do")
        return 0
    issuer = options.issuer or (LOCAL_ISSUER if environment.emulated else None)
    if not issuer:
        raise Refused("issuer_missing", "give --issuer NAME: the marketplace's permanent name, which is never changed")
    require_issuer(issuer)
    ring = _make_ring(environment, issuer, stack)
    print(f"{environment.table} has a key ring now: issuer {issuer}, signing key {ring.signing_key.kid}")
    return 0


def _make_ring(environment: Environment, issuer: str, stack: str) -> KeyRing:
    made: list[str] = []
    try:
        signing_key = environment.kms.create_signing_key(stack, int(time.time()))
        made.append(signing_key.kms_key_id)
        mac_key_id = environment.kms.create_mac_key(stack)
        made.append(mac_key_id)
        ring = KeyRing(issuer, (signing_key,), mac_key_id, secrets.token_bytes(32))
        write_ring(environment, ring)
    except (Refused, StoreUnavailable):
        if made:
            print(f"gatepass: made and not used, delete in KMS: {', '.join(made)}", file=sys.stderr)
        raise
    return ring


def write_ring(environment: Environment, ring: KeyRing) -> None:
    """Write the first version of a ring; refuses test-only keys outside an emulator, and a second ring."""
    if not environment.emulated and any(key.test_only for key in ring.keys):
        raise Refused("emulator_only", "a test-only key never goes into a real key ring")
    item: dict[str, str | int | bool] = {
        "pk": "keyring",
        "sk": "current",
        "document": ring.to_document(),
        "version": ring.version,
    }
    try:
        environment.repository.put_item(item, {"ConditionExpression": "attribute_not_exists(pk)"})
    except ConditionFailed:
        raise Refused("keyring_exists", "somebody else has just made the key ring: run gatepass init again") from None


def _make_emulated_table(client: Any, name: str) -> None:
    """On AWS the table is the stack's; an emulator has none."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.create_table(TableName=name, **DEFINITION)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        )
    except client.exceptions.ResourceInUseException:
        return  # it is there already
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"the emulator could not make the table {name}: {error}") from error


def _seed(environment: Environment, path: Path) -> int:
    try:
        items = [dict(item) for item in json.loads(path.read_text())["items"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused("fixture_unreadable", f"{path} cannot be read as a fixture: {error}") from error
    for item in items:
        environment.repository.put_item(item)
    print(f"{environment.table} holds the {len(items)} items of {path} now, with test-only keys")
    return 0
