"""The key ring: issuer, public signing keys with their states, and the keys that derive and hash."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from entitlements import base64url, es256

ALGORITHM: Final = "ES256"
"""RFC 7518 section 3.4. The only one: an `alg` is a property of a key, never of a token."""


class KeyState(StrEnum):
    """The state of a key in its life cycle; a retired key is no longer in the ring (docs/operations.md)."""

    PUBLISHED = "published"
    """In the JWK set but not signing yet: every gate must know it first."""
    SIGNING = "signing"
    VERIFYING = "verifying"
    """No longer signs."""
    REVOKED = "revoked"
    """Refused, and kept so that it cannot be added again."""


class KeyRingError(ValueError):
    """The ring cannot be used; the message says why."""


class SigningKey(NamedTuple):
    """A public P-256 key. `x` and `y` are base64url coordinates (RFC 7518 section 6.2.1)."""

    x: str
    y: str
    state: KeyState
    kms_key_id: str = ""
    created_at: int = 0
    since: int = 0
    """When the key entered its state, in seconds since the epoch, as `created_at`."""
    reason: str = ""
    """Why it was revoked."""
    test_only: bool = False

    @property
    def kid(self) -> str:
        """The JWK thumbprint (RFC 7638): two keys never share one, and nobody chooses it."""
        canonical = f'{{"crv":"P-256","kty":"EC","x":"{self.x}","y":"{self.y}"}}'
        return base64url.encode(hashlib.sha256(canonical.encode("ascii")).digest())

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517 section 4)."""
        return {"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


class PendingKey(NamedTuple):
    """A KMS key that is not in use yet; `kms_key_id` is empty until KMS has created it."""

    kms_key_id: str
    since: int
    """When it was announced or, with its id, created; in seconds since the epoch."""


class KeyRing:
    """The stored ring. `address_key` is 32 bytes that key the hash of IP addresses.

    `email_key_id` is the KMS key that hashes email addresses; empty while that is the MAC key itself. `pending` holds
    keys that are being created, by purpose (`token_service.signing.key_making`); gates do not need them.
    """

    def __init__(
        self,
        issuer: str,
        keys: tuple[SigningKey, ...],
        mac_key_id: str,
        address_key: bytes,
        version: int = 1,
        email_key_id: str = "",
        pending: Mapping[str, PendingKey] = MappingProxyType({}),
    ) -> None:
        """Raises `KeyRingError` for a ring that gates cannot use."""
        self.issuer, self.keys, self.mac_key_id = issuer, keys, mac_key_id
        self.address_key, self.version, self.email_key_id = address_key, version, email_key_id
        self.pending = pending
        self._by_kid = {key.kid: key for key in keys}
        self.signing_kid = next((kid for kid, key in self._by_kid.items() if key.state is KeyState.SIGNING), "")
        if len(address_key) != 32:
            raise KeyRingError("address_key must be 32 bytes")
        if sum(key.state is KeyState.SIGNING for key in keys) != 1:
            raise KeyRingError("exactly one key must be in state signing")
        if len(self._by_kid) != len(keys):
            raise KeyRingError("a key is repeated in the ring")

    def find(self, kid: str) -> SigningKey | None:
        """The key of that id, whatever its state."""
        return self._by_kid.get(kid)

    @property
    def signing_key(self) -> SigningKey:
        """The one key that signs."""
        return self._by_kid[self.signing_kid]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The keys that verify, as a JWK set (RFC 7517 section 5); revoked ones are left out."""
        return {"keys": [key.jwk for key in self.keys if key.state is not KeyState.REVOKED]}

    @property
    def email_key(self) -> str:
        """The KMS key that hashes email addresses: always the ring's first MAC key."""
        return self.email_key_id or self.mac_key_id

    def next_version(
        self, keys: tuple[SigningKey, ...], mac_key_id: str = "", pending: Mapping[str, PendingKey] | None = None
    ) -> "KeyRing":
        """The ring with other keys and the next version.

        A new MAC key does not replace the key that hashes email addresses: stored hashes must still be found.
        """
        replaced = mac_key_id not in ("", self.mac_key_id)
        return KeyRing(
            self.issuer,
            keys,
            mac_key_id or self.mac_key_id,
            self.address_key,
            self.version + 1,
            email_key_id=self.email_key if replaced else self.email_key_id,
            pending=self.pending if pending is None else pending,
        )

    def to_document(self) -> str:
        """The JSON text that the table keeps; `from_document` is its inverse."""
        return json.dumps(
            {
                "issuer": self.issuer,
                "mac_key_id": self.mac_key_id,
                "address_key": base64url.encode(self.address_key),
                **({"email_key_id": self.email_key_id} if self.email_key_id else {}),
                **({"pending": {kind: key._asdict() for kind, key in self.pending.items()}} if self.pending else {}),
                "keys": [{name: value for name, value in key._asdict().items() if value} for key in self.keys],
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "KeyRing":
        """Read the table's item; raise `KeyRingError` if it is damaged."""
        return cls.from_document(item.get("document", ""), item.get("version", 0))

    @classmethod
    def from_document(cls, document: str, version: int) -> "KeyRing":
        """Read the text that `to_document` wrote; raise `KeyRingError` if it is damaged."""
        try:
            data: Mapping[str, Any] = json.loads(document)
            if type(version) is not int:
                raise TypeError("version")
            return cls(
                issuer=str(data["issuer"]),
                mac_key_id=str(data["mac_key_id"]),
                address_key=base64url.decode(data["address_key"]),
                keys=tuple(map(_signing_key, data["keys"])),
                version=version,
                email_key_id=str(data.get("email_key_id", "")),
                pending={
                    kind: PendingKey(str(key["kms_key_id"]), int(key["since"]))
                    for kind, key in data.get("pending", {}).items()
                },
            )
        except KeyRingError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise KeyRingError(f"the stored key ring is damaged: {error!r}") from error


def _signing_key(data: Mapping[str, Any]) -> SigningKey:
    es256.public_key(data["x"], data["y"])
    known = {name: data[name] for name in SigningKey._fields if name in data}
    return SigningKey(**known | {"state": KeyState(data["state"])})
