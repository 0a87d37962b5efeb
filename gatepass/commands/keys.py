"""`gatepass keys`: the signing keys, from publication to retirement, and the key that secrets are derived from."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from entitlements.directory import MAX_AGE
from entitlements.keyring import KeyRing, SigningKey
from gatepass.commands.arguments import add_json
from gatepass.environment import ACTOR, Environment
from gatepass.output import print_record, print_rows
from gatepass.refusals import CommandError
from token_service.access.records import timestamp, to_the_second
from token_service.signing.key_lifecycle import seconds_to_wait
from token_service.signing.keys import Keys
from token_service.signing.rotation import DAY, age, replace_mac, rotate, steps

COLUMNS = ("kid", "state", "age", "since", "tokens", "kms_key")
IN_HASTE = (
    "do not wait until every gate knows the new key and KMS lets the token service sign with it: for up to 5 s a gate "
    "may refuse tokens of the new key, and for up to 5 minutes users without a token may get none"
)
MAC_IN_HASTE = (
    "do not wait until KMS lets the token service use the new key: for up to 5 minutes users without a token may get "
    "none"
)


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("keys", help="list, rotate, retire and revoke signing keys").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    list_ = verbs.add_parser("list", help="the keys, and how many live tokens each signed (reads the whole table)")
    add_json(list_)
    list_.set_defaults(run=run_list)
    create = verbs.add_parser("create", help="make a key in KMS and publish it; it does not sign yet")
    _add_anew(create)
    create.set_defaults(run=run_create)
    promote = verbs.add_parser("promote", help="make a key the signing key; the previous one keeps verifying")
    _add_kid(promote)
    promote.add_argument("--now", action="store_true", help=IN_HASTE)
    promote.set_defaults(run=run_promote)
    retire = verbs.add_parser("retire", help="remove a key from the ring; refused while live tokens need it")
    _add_kid(retire)
    retire.add_argument("--force", action="store_true", help="retire it anyway: its tokens must be fetched again")
    retire.set_defaults(run=run_retire)
    revoke = verbs.add_parser("revoke", help="refuse a key's tokens at every gate; their holders can renew them")
    _add_kid(revoke)
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="why, kept in the ring and the audit")
    revoke.set_defaults(run=run_revoke)
    drain = verbs.add_parser("drain", help="how many tokens of a key have been renewed (reads the whole table)")
    _add_kid(drain)
    add_json(drain)
    drain.set_defaults(run=run_drain)
    rotation = verbs.add_parser("rotate", help="create, wait, promote; continues an interrupted rotation")
    rotation.add_argument(
        "--older-than", type=_days, default=0, metavar="DAYS", help="only if the signing key is older"
    )
    rotation.add_argument("--now", action="store_true", help=IN_HASTE)
    rotation.add_argument("--dry-run", action="store_true", help="say what would be done")
    rotation.set_defaults(run=run_rotate)
    mac = verbs.add_parser(
        "replace-mac", help="derive the secrets of new tokens from a new KMS key; existing tokens stay valid"
    )
    mac.add_argument("--now", action="store_true", help=MAC_IN_HASTE)
    _add_anew(mac)
    mac.set_defaults(run=run_replace_mac)


def _add_anew(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--anew", action="store_true", help="abandon the pending key (deleted in KMS, for example) and make another"
    )


def _add_kid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kid", metavar="KID", help="the key's id, or a prefix of it that no other key has")


def _days(text: str) -> int:
    days = int(text)
    if days < 0:
        raise ValueError
    return days


def _keys(options: argparse.Namespace) -> Keys:
    environment = Environment.read(options.table)
    return Keys(environment.repository, lambda: environment.key_kms, time.time, ACTOR, lambda: environment.stack)


def _kid(keys: Keys, text: str) -> str:
    """The whole id of a key that is given by its id or by a unique prefix."""
    found = [key.kid for key in keys.ring().keys if key.kid.startswith(text)]
    if len(found) > 1:
        raise CommandError(f"{text} begins the ids of {len(found)} keys: give a longer prefix")
    return found[0] if found else text


def _row(key: SigningKey, tokens: int) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "state": key.state.value,
        "age": f"{age(key, time.time()) / DAY:.1f} d",
        "since": timestamp(key.since or key.created_at)[:19] + "Z",
        "tokens": tokens,
        "kms_key": key.kms_key_id,
    } | ({"reason": key.reason} if key.reason else {})


def run_list(options: argparse.Namespace) -> int:
    """Print the ring, in the order in which its keys were made, and the MAC keys."""
    keys = _keys(options)
    ring, tokens, secrets = keys.ring(), keys.tokens_by_key(), keys.secrets_by_mac_key()
    rows = [_row(key, tokens.pop(key.kid, 0)) for key in ring.keys]
    rows += [{"kid": kid, "state": "retired", "tokens": count} for kid, count in sorted(tokens.items())]
    macs = _mac_rows(ring, secrets)
    pending = [
        {"pending": kind, "kms_key": key.kms_key_id, "since": to_the_second(key.since)}
        for kind, key in sorted(ring.pending.items())
    ]
    if options.json:
        head = {"issuer": ring.issuer, "version": ring.version}
        print(json.dumps({**head, "keys": rows, "mac_keys": macs, "pending": pending}, indent=2))
        return 0
    print_rows(rows, COLUMNS, False, "")
    print()
    print_rows(macs, ("mac_key", "derives", "hashes", "tokens"), False, "")
    if pending:
        print()
        print_rows(pending, ("pending", "kms_key", "since"), False, "")
    return 0


def _mac_rows(ring: KeyRing, secrets: Mapping[str, int]) -> list[dict[str, Any]]:
    """The MAC keys in use: the ring's own, those of existing tokens, and the one that hashes addresses."""
    others = sorted({*secrets, ring.email_key} - {ring.mac_key_id})
    return [
        {
            "mac_key": key,
            "derives": "new tokens" if key == ring.mac_key_id else "",
            "hashes": "email addresses" if key == ring.email_key else "",
            "tokens": secrets.get(key, 0),
        }
        for key in (ring.mac_key_id, *others)
    ]


def run_create(options: argparse.Namespace) -> int:
    """Publish a new key."""
    key = _keys(options).create(options.anew)
    wait = seconds_to_wait(key, int(time.time()))
    print(f"published {key.kid}: in {wait} s it may sign (gatepass keys promote {key.kid})")
    return 0


def run_promote(options: argparse.Namespace) -> int:
    """Make a key the signing key."""
    keys = _keys(options)
    kid = _kid(keys, options.kid)
    before = keys.ring().signing_key.kid
    keys.promote(kid, options.now)
    print(f"promoted {kid}; {before} goes on verifying until its tokens are renewed (gatepass keys drain {before})")
    return 0


def run_retire(options: argparse.Namespace) -> int:
    """Remove a key from the ring."""
    keys = _keys(options)
    kid = _kid(keys, options.kid)
    kms_key_id = _kms_key_id(keys.ring(), kid)
    keys.retire(kid, options.force)
    print(f"retired {kid}; when you are sure, schedule the deletion of {kms_key_id} in KMS")
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """Revoke a key."""
    keys = _keys(options)
    kid = _kid(keys, options.kid)
    keys.revoke(kid, options.reason)
    print(f"revoked {kid}: after {MAX_AGE:.0f} s no gate accepts its tokens; POST /v1/tokens/refresh renews them")
    return 0


def run_drain(options: argparse.Namespace) -> int:
    """Print how many live tokens still need a key."""
    keys = _keys(options)
    kid = _kid(keys, options.kid)
    tokens = keys.tokens_by_key()
    left, live = tokens[kid], tokens.total()
    renewed = f"{100 * (live - left) / live:.1f} %" if live else "100.0 %"
    print_record({"kid": kid, "left": left, "live_tokens": live, "renewed": renewed}, options.json)
    return 0


def run_rotate(options: argparse.Namespace) -> int:
    """Rotate, or print the steps that it would take."""
    keys = _keys(options)
    older_than = options.older_than * DAY
    if options.dry_run:
        for step in steps(keys.ring(), time.time(), older_than, options.now) or ["nothing to do"]:
            print(step)
        return 0
    if options.now:
        print("not waiting: for up to 5 s, a gate that does not know the new key refuses its tokens", file=sys.stderr)
    try:
        if not rotate(keys, time.time, _count_down, lambda text: print(text, flush=True), older_than, options.now):
            print(f"nothing to do: {keys.ring().signing_key.kid} is recent enough")
    except KeyboardInterrupt:
        return _interrupted()
    return 0


def run_replace_mac(options: argparse.Namespace) -> int:
    """Replace the MAC key."""
    keys = _keys(options)
    before = keys.ring().mac_key_id
    if options.anew:
        keys.make_mac_key(anew=True)
    try:
        after = replace_mac(keys, time.time, _count_down, lambda text: print(text, flush=True), options.now).mac_key_id
    except KeyboardInterrupt:
        return _interrupted()
    print(f"secrets of new tokens are derived from {after}; keep {before} while it is in use (gatepass keys list)")
    return 0


def _interrupted() -> int:
    print("gatepass: interrupted: run the same command again to continue", file=sys.stderr)
    return 1


def _kms_key_id(ring: KeyRing, kid: str) -> str:
    key = ring.find(kid)
    return key.kms_key_id if key else ""


def _count_down(seconds: int) -> None:
    """Wait, and show the seconds that are left on a terminal. An interrupted rotation can be continued."""
    for left in range(seconds, 0, -1):
        if sys.stdout.isatty():
            print(f"\r{left:3} s ", end="", flush=True)
        time.sleep(1)
    if sys.stdout.isatty():
        print("\r", end="")
