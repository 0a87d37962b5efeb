"""`gatepass init`: the keys and the key ring; on an emulator the table too."""

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any, Final

from entitlements.identifiers import require_issuer
from entitlements.items import Key, StoreUnavailable, Wire, item_to_wire, keyring_init_key, keyring_key, to_wire
from entitlements.keyring import KeyRing, PendingKey
from entitlements.refusals import Code, Refused
from entitlements.table import DEFINITION, TTL_ATTRIBUTE
from gatepass.environment import LOCAL_STACK, Environment
from gatepass.refusals import CommandError
from gatepass.repository_files import repository_file
from gatepass.user_pool import check_user_pool
from token_service.errors import ConditionFailed
from token_service.repository import Repository
from token_service.signing.key_lifecycle import MAC, SIGNING
from token_service.signing.key_making import obtain

LOCAL_ISSUER: Final = LOCAL_STACK
FIXTURE: Final = repository_file("events/fixture.json")


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = nouns.add_parser(
        "init",
        help="create the signing keys and the key ring; run once after the first deployment (on an emulator, this "
        "creates the table too)",
    )
    parser.add_argument(
        "--issuer", help=f"the permanent name of the marketplace, in every token (on an emulator: {LOCAL_ISSUER})"
    )
    parser.add_argument(
        "--fixture",
        type=Path,
        nargs="?",
        const=FIXTURE,
        metavar="FILE",
        help="emulator only: seed the table with what the sample events need (default: events/fixture.json)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the user pool and make what is missing; a second run checks again, and changes nothing."""
    environment = Environment.read(options.table)
    if options.fixture and not environment.emulated:
        raise CommandError(
            "--fixture is refused on AWS, since its keys are public: set AWS_ENDPOINT_URL_DYNAMODB to an emulator",
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
            raise CommandError(f"the issuer is {ring.issuer} and cannot change, since every token contains it")
        print(f"{environment.table} already has its key ring (issuer {ring.issuer}): nothing to do")
        return 0
    issuer = options.issuer or (LOCAL_ISSUER if environment.emulated else None)
    if not issuer:
        raise CommandError("--issuer is missing: pass --issuer NAME, the marketplace's name, which can never change")
    require_issuer(issuer)
    ring = _make_ring(environment, issuer, stack)
    print(f"{environment.table} has a key ring now: issuer {issuer}, signing key {ring.signing_key.kid}")
    return 0


class FirstKeys:
    """The pending keys before there is a ring (a `key_making.Pending`), so that an interrupted init loses none."""

    def __init__(self, repository: Repository) -> None:
        """`repository` is the table that will hold the ring."""
        self._repository = repository

    def pending(self, kind: str) -> PendingKey | None:
        """The key that an earlier init created or announced."""
        item = self._repository.get_item(keyring_init_key()) or {}
        return PendingKey(item[kind], item[f"{kind}_since"]) if kind in item else None

    def set_pending(self, kind: str, was: PendingKey | None, new: PendingKey | None) -> None:
        """Replace `was`; refused if another init came first."""
        names = {"#id": kind, "#since": f"{kind}_since"}
        values = {":new": to_wire(new.kms_key_id), ":new_since": to_wire(new.since)} if new else {}
        condition = "attribute_not_exists(#id)"
        if was is not None:
            condition = "#id = :was AND #since = :was_since"
            values |= {":was": to_wire(was.kms_key_id), ":was_since": to_wire(was.since)}
        request: Wire = {
            "Key": keyring_init_key().wire,
            "UpdateExpression": "SET #id = :new, #since = :new_since" if new else "REMOVE #id, #since",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if not self._repository.update_item(request)[0]:
            raise Refused(Code.KEYRING_CHANGED, "another gatepass init is running: wait for it, and run this again")


def _make_ring(environment: Environment, issuer: str, stack: str) -> KeyRing:
    """Create the two keys, or take those of an interrupted init, and write the ring with them."""
    first, kms = FirstKeys(environment.repository), environment.key_kms
    made, mac = (obtain(first, kind, lambda: kms, stack, time.time) for kind in (SIGNING, MAC))
    ring = KeyRing(issuer, (kms.signing_key(made.kms_key_id, made.since),), mac.kms_key_id, secrets.token_bytes(32))
    item: Wire = item_to_wire({"document": ring.to_document(), "version": ring.version})
    put: Wire = {"Item": keyring_key().wire | item, "ConditionExpression": "attribute_not_exists(pk)"}
    try:
        environment.repository.transact([("Put", put), ("Delete", {"Key": keyring_init_key().wire})])
    except ConditionFailed:
        raise CommandError("another gatepass init has just made the key ring: run this again") from None
    return ring


def _make_emulated_table(client: Any, name: str) -> None:
    """Create the table on an emulator; on AWS the stack creates it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.create_table(TableName=name, **DEFINITION)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        )
    except client.exceptions.ResourceInUseException:
        return  # it exists already
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"the emulator could not make the table {name}: {error}") from error


def _seed(environment: Environment, path: Path) -> int:
    try:
        items = {Key(item.pop("pk"), item.pop("sk")): item for item in json.loads(path.read_text())["items"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} cannot be read as a fixture: {error}") from error
    ring = environment.repository.get_item(keyring_key())
    if ring is not None and ring.get("document") != items.get(keyring_key(), {}).get("document"):
        raise CommandError(f"{environment.table} has a key ring, and the fixture's would end all of its tokens: "
                           "seed an empty table (--table NAME)")  # fmt: skip
    for key, attributes in items.items():
        environment.repository.put_item(key, attributes)
    print(f"{environment.table} holds the {len(items)} items of {path} now, with test-only keys")
    return 0
