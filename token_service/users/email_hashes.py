"""The keyed hash under which the table knows an e-mail address: the table alone, leaked, tells no address.

The key comes out of KMS and is nowhere stored. It does not change with the key that derives secrets: what is kept under
a hash must be found again (docs/decisions/0010-what-outlives-an-account.md).
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from entitlements import base64url
from entitlements.keyring import KeyRing
from token_service.signing.kms import Kms

MESSAGE: Final = b"gatepass/v1|email-hash"
"""What the key is derived from; no message of a secret is like it (`entitlements.token.secret_message`)."""


class EmailHashes:
    """Hashes addresses; asks KMS once in the life of a container."""

    def __init__(self, kms: Kms, ring: Callable[[], KeyRing]) -> None:
        """`ring` reads the key ring."""
        self._kms, self._ring = kms, ring
        self._key = b""

    def of(self, email: str, caller: str = "") -> str:
        """43 characters for an address, or for an address together with who asks for it."""
        if not self._key:
            self._key = self._kms.mac(self._ring().email_key, MESSAGE)
        message = f"{email.lower()}\n{caller}".encode()
        return base64url.encode(hmac.new(self._key, message, hashlib.sha256).digest())
