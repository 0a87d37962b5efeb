"""The key ring's keeper: each change is one conditional write on the ring's version, with an audit entry."""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Final

from entitlements.keyring import KeyRing, SigningKey
from entitlements.table import Wire, item_to_wire, keyring_audit_key, keyring_key, to_wire
from token_service import key_lifecycle
from token_service.errors import ConditionFailed, Refused
from token_service.kms import Kms
from token_service.records import timestamp
from token_service.repository import Repository

REASON_LENGTH: Final = 200


class Keys:
    """Changes the ring. `actor` is who the audit names."""

    def __init__(
        self,
        repository: Repository,
        kms: Callable[[], Kms],
        clock: Callable[[], float],
        actor: str,
        stack: Callable[[], str],
    ) -> None:
        """`clock` gives seconds since the epoch; `kms` and `stack`, which tags keys, are called where one is made."""
        self._repository, self._kms, self._clock, self._actor, self._stack = repository, kms, clock, actor, stack

    def ring(self) -> KeyRing:
        """The ring as it stands. Raises `Refused` without one."""
        item = self._repository.get_item(keyring_key())
        if item is None:
            raise Refused("keyring_missing", "the table holds no key ring: run gatepass init")
        return KeyRing.from_item(item)

    def create(self) -> SigningKey:
        """Make a key in KMS and publish it. Refused while another waits, before anything is made."""
        key_lifecycle.require_none_published(self.ring())
        now = int(self._clock())
        key = self._kms().create_signing_key(self._stack(), now)
        made = f"made in KMS and not used, delete it there: {key.kms_key_id}"
        return self._change("key_published", key.kid, lambda r: key_lifecycle.publish(r, key, now), made=made).keys[-1]

    def promote(self, kid: str, in_haste: bool = False) -> KeyRing:
        """Make a key the one that signs."""
        now = int(self._clock())
        return self._change("key_promoted", kid, lambda ring: key_lifecycle.promote(ring, kid, now, in_haste))

    def retire(self, kid: str, force: bool = False) -> KeyRing:
        """Take a key out of the ring; refused while live tokens rest on it, unless forced."""
        key_lifecycle.retire(self.ring(), kid)  # a wrong transition is told before the table is read through
        if not force and (count := self.tokens_by_key()[kid]):
            raise Refused(
                "key_in_use",
                f"{count} live tokens were signed by {kid}: wait until they are renewed (gatepass keys drain {kid}), "
                "or --force, and their holders must fetch them anew",
            )
        return self._change("key_retired", kid, lambda ring: key_lifecycle.retire(ring, kid))

    def revoke(self, kid: str, reason: str) -> KeyRing:
        """Refuse a key at every gate, within the gates' cache time."""
        reason = reason.strip()
        if not reason or len(reason) > REASON_LENGTH:
            raise Refused("reason_missing", f"say why, in 1 to {REASON_LENGTH} characters: --reason TEXT")
        now = int(self._clock())
        return self._change("key_revoked", kid, lambda ring: key_lifecycle.revoke(ring, kid, reason, now), reason)

    def replace_mac_key(self) -> KeyRing:
        """Derive the secrets of new generations from a new key; every entitlement remembers the one of its own."""
        self.ring()
        mac_key_id = self._kms().create_mac_key(self._stack())
        made = f"made in KMS and not used, delete it there: {mac_key_id}"
        return self._change(
            "mac_key_replaced", mac_key_id, lambda ring: ring.next_version(ring.keys, mac_key_id), made=made
        )

    def tokens_by_key(self) -> Counter[str]:
        """How many live tokens' stored JWS each key signed. Reads the whole table."""
        return Counter(item["kid"] for item in self._repository.scan("user#", "token#", ("kid",)))

    def secrets_by_mac_key(self) -> Counter[str]:
        """How many entitlements' secrets were derived from each MAC key. Reads the whole table."""
        found = self._repository.scan("user#", "solution#", ("mac_key_id",))
        return Counter(item["mac_key_id"] for item in found if "mac_key_id" in item)

    def _change(
        self, event: str, subject: str, change: Callable[[KeyRing], KeyRing], reason: str = "", made: str = ""
    ) -> KeyRing:
        try:
            return self._write(event, subject, change, reason)
        except Refused as error:
            raise Refused(error.code, f"{error}; {made}") if made else error from None

    def _write(self, event: str, subject: str, change: Callable[[KeyRing], KeyRing], reason: str) -> KeyRing:
        ring = self.ring()
        changed = change(ring)
        put: Wire = {
            "Item": keyring_key() | item_to_wire({"document": changed.to_document(), "version": changed.version}),
            "ConditionExpression": "version = :was",
            "ExpressionAttributeValues": {":was": to_wire(ring.version)},
        }
        entry = {"event": event, "key": subject, "actor": self._actor} | ({"reason": reason} if reason else {})
        audit = keyring_audit_key(timestamp(self._clock()), secrets.token_hex(4)) | item_to_wire(entry)
        try:
            self._repository.transact([("Put", put), ("Put", {"Item": audit})])
        except ConditionFailed:
            raise Refused(
                "keyring_changed",
                "somebody else changed the key ring meanwhile: look at it (gatepass keys list), and run this again",
            ) from None
        return changed
