"""The keyed hash of an email address, for keys of the table: a leaked table alone does not reveal addresses.

The hash key comes from KMS and is stored nowhere. It stays the same when the MAC key for secrets is replaced, since
stored items must still be found (docs/decisions/0010-what-outlives-an-account.md).
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from entitlements import base64url
from entitlements.keyring import KeyRing
from token_service.signing.kms import Kms

MESSAGE: Final = b"gatepass/v1|email-hash"
"""The hash key is the MAC of this message; no secret's message equals it (`entitlements.token.secret_message`)."""


class EmailHashes:
    """Hashes addresses; calls KMS once per container."""

    def __init__(self, kms: Kms, ring: Callable[[], KeyRing]) -> None:
        """`ring` reads the key ring."""
        self._kms, self._ring = kms, ring
        self._key = b""

    def of(self, email: str, caller: str = "") -> str:
        """The hash of an address, or of an address together with a caller: 43 characters."""
        if not self._key:
            self._key = self._kms.mac(self._ring().email_key, MESSAGE)
        message = f"{email.lower()}\n{caller}".encode()
        return base64url.encode(hmac.new(self._key, message, hashlib.sha256).digest())
