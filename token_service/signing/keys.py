"""Changes the key ring. Each change is one write on condition of the ring's version, with an audit entry."""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Final

from entitlements.items import (
    Wire,
    entitlement_prefix,
    item_to_wire,
    keyring_audit_key,
    keyring_key,
    to_wire,
    token_prefix,
)
from entitlements.keyring import KeyRing, KeyState, PendingKey, SigningKey
from entitlements.refusals import Code, Refused
from token_service.access.records import timestamp
from token_service.errors import ConditionFailed
from token_service.log import LOGGER
from token_service.repository import Repository
from token_service.signing import key_lifecycle
from token_service.signing.key_making import obtain
from token_service.signing.kms import Kms

REASON_LENGTH: Final = 200
ATTEMPTS: Final = 5
"""Attempts to record a pending key while other parts of the ring change."""


class Keys:
    """Changes the ring. `actor` goes into the audit."""

    def __init__(
        self,
        repository: Repository,
        kms: Callable[[], Kms],
        clock: Callable[[], float],
        actor: str,
        stack: Callable[[], str],
    ) -> None:
        """`clock` gives seconds since the epoch; `kms` and `stack` (the keys' tag) are called to create one."""
        self._repository, self._kms, self._clock, self._actor, self._stack = repository, kms, clock, actor, stack

    def ring(self) -> KeyRing:
        """The current ring. Raises `Refused` if there is none."""
        item = self._repository.get_item(keyring_key())
        if item is None:
            raise Refused(Code.KEYRING_MISSING, "the table holds no key ring: run gatepass init")
        return KeyRing.from_item(item)

    def create(self, anew: bool = False) -> SigningKey:
        """Create a key in KMS, unless one is pending, and publish it. Refused while another key is published.

        `anew` abandons the pending key, for example because it was deleted in KMS. KMS may refuse access to a new key
        for minutes (`key_lifecycle.AUTHORIZED_AFTER`): it stays pending, and the next call publishes it.
        """
        key_lifecycle.require_none_published(self.ring())
        made = self._obtain(key_lifecycle.SIGNING, anew)
        try:
            key = self._kms().signing_key(made.kms_key_id, made.since)
        except Refused as error:
            raise Refused(error.code, f"{error}; {made.kms_key_id} {self._again(made)}") from error
        now = int(self._clock())

        def change(ring: KeyRing) -> KeyRing:
            key_lifecycle.require_none_published(ring)
            if ring.pending.get(key_lifecycle.SIGNING) != made:
                raise _changed()
            return key_lifecycle.publish(ring, key, now)

        self._change("key_published", key.kid, change)
        return key._replace(state=KeyState.PUBLISHED, since=now)

    def promote(self, kid: str, in_haste: bool = False) -> KeyRing:
        """Make a key the signing key."""
        now = int(self._clock())
        return self._change("key_promoted", kid, lambda ring: key_lifecycle.promote(ring, kid, now, in_haste))

    def retire(self, kid: str, force: bool = False) -> KeyRing:
        """Remove a key from the ring; refused while live tokens need it, or may soon, unless forced."""
        now, ring = int(self._clock()), self.ring()
        key_lifecycle.retire(ring, kid, now, force)  # refuse an invalid transition before the whole table is read
        if not force and (count := self._live_tokens(kid)):
            raise Refused(
                Code.KEY_IN_USE,
                f"{count} live tokens were signed by {kid}: wait until they are renewed (gatepass keys drain {kid}), "
                "or pass --force: their holders must then fetch them again",
            )
        counted = ring.find(kid)

        def change(ring: KeyRing) -> KeyRing:
            if ring.find(kid) != counted:
                raise _changed()  # it may have signed again since its tokens were counted
            return key_lifecycle.retire(ring, kid, now, force)

        return self._change("key_retired", kid, change)

    def revoke(self, kid: str, reason: str) -> KeyRing:
        """Refuse a key at every gate, within the gates' cache time."""
        reason = reason.strip()
        if not reason or len(reason) > REASON_LENGTH:
            raise Refused(Code.REASON_MISSING, f"give a reason of 1 to {REASON_LENGTH} characters: --reason TEXT")
        now = int(self._clock())
        return self._change("key_revoked", kid, lambda ring: key_lifecycle.revoke(ring, kid, reason, now), reason)

    def make_mac_key(self, anew: bool = False) -> PendingKey:
        """Create a MAC key in KMS, unless one is pending; nothing is derived from it yet. `anew` as in `create`."""
        return self._obtain(key_lifecycle.MAC, anew)

    def replace_mac_key(self, in_haste: bool = False) -> KeyRing:
        """Derive the secrets of new generations from a new key. Each entitlement stores the key of its own secret."""
        made, now = self.make_mac_key(), int(self._clock())

        def change(ring: KeyRing) -> KeyRing:
            if ring.pending.get(key_lifecycle.MAC) != made:
                raise _changed()
            return key_lifecycle.replace_mac_key(ring, now, in_haste)

        return self._change("mac_key_replaced", made.kms_key_id, change)

    def pending(self, kind: str) -> PendingKey | None:
        """The pending key of a purpose: created and not in use yet, or announced (`key_making.Pending`)."""
        return self.ring().pending.get(kind)

    def set_pending(self, kind: str, was: PendingKey | None, new: PendingKey | None) -> None:
        """Record a pending key, or that there is none; concurrent changes of other parts of the ring do not matter."""

        def change(ring: KeyRing) -> KeyRing:
            if ring.pending.get(kind) != was:
                raise _changed()
            if kind == key_lifecycle.SIGNING and new and not new.kms_key_id:
                # Another run may have published its key since this one read the ring.
                key_lifecycle.require_none_published(ring)
            others = {name: key for name, key in ring.pending.items() if name != kind}
            return ring.next_version(ring.keys, pending=others | ({kind: new} if new else {}))

        event = "key_made" if new and new.kms_key_id else "key_announced" if new else "key_given_up"
        subject = (new.kms_key_id if new else was.kms_key_id if was else "") or kind
        for left in reversed(range(ATTEMPTS)):
            try:
                self._change(event, subject, change)
            except Refused:
                if not left or self.pending(kind) != was:
                    raise
            else:
                return

    def _obtain(self, kind: str, anew: bool) -> PendingKey:
        if anew and (found := self.pending(kind)) is not None and found.kms_key_id:
            self.set_pending(kind, found, None)
            LOGGER.warning(f"{found.kms_key_id} is given up: delete it in KMS", extra={"code": "key_given_up"})
        return obtain(self, kind, self._kms, self._stack(), self._clock)

    def _again(self, made: PendingKey) -> str:
        left = key_lifecycle.unauthorized_for(made.since, int(self._clock()))
        if left:
            return f"is recorded, and KMS may not allow its use yet: run this again in {left} s"
        return "is recorded: run this again, or with --anew if that key is gone from KMS"

    def tokens_by_key(self) -> Counter[str]:
        """The number of live tokens whose stored JWS each key signed. Reads the whole table."""
        return Counter(item["kid"] for item in self._repository.scan(token_prefix(), ("kid",)))

    def _live_tokens(self, kid: str) -> int:
        """As `tokens_by_key`, of one key, with every write that is finished: one that is missed would be refused."""
        return sum(item["kid"] == kid for item in self._repository.scan_consistently([token_prefix()]))

    def secrets_by_mac_key(self) -> Counter[str]:
        """The number of entitlements whose secret each MAC key derived. Reads the whole table."""
        found = self._repository.scan(entitlement_prefix(), ("mac_key_id",))
        return Counter(item["mac_key_id"] for item in found if "mac_key_id" in item)

    def _change(self, event: str, subject: str, change: Callable[[KeyRing], KeyRing], reason: str = "") -> KeyRing:
        ring = self.ring()
        changed = change(ring)
        put: Wire = {
            "Item": keyring_key().wire | item_to_wire({"document": changed.to_document(), "version": changed.version}),
            "ConditionExpression": "version = :was",
            "ExpressionAttributeValues": {":was": to_wire(ring.version)},
        }
        entry = {"event": event, "key": subject, "actor": self._actor} | ({"reason": reason} if reason else {})
        audit = keyring_audit_key(timestamp(self._clock()), secrets.token_hex(4)).wire | item_to_wire(entry)
        try:
            self._repository.transact([("Put", put), ("Put", {"Item": audit})])
        except ConditionFailed:
            raise _changed() from None
        return changed


def _changed() -> Refused:
    return Refused(
        Code.KEYRING_CHANGED,
        "somebody else changed the key ring at the same time: check it (gatepass keys list), and run this again",
    )
