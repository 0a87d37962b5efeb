"""Keys in KMS: the only place where a private key or the secrets' MAC key exists.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html and API_GenerateMac.html
"""

from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from entitlements import base64url
from entitlements.keyring import KeyState, SigningKey
from entitlements.refusals import Code, Refused

STACK_TAG: Final = "gatepass:stack"
"""The roles of a stack may use keys with its tag, and no others."""
CREATE_ATTEMPTS: Final = 1
"""Attempts of a client that creates keys. CreateKey takes no idempotency token: a retry after a lost response creates a
second key that is recorded nowhere
(https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html).
"""
_COORDINATE_BYTES: Final = 32


class Kms:
    """The few calls to KMS that Gatepass makes, on a boto3 client."""

    def __init__(self, client: Any) -> None:
        """`client` is a boto3 KMS client; to create keys, it must make at most `CREATE_ATTEMPTS`."""
        self._client = client

    def mac(self, key_id: str, message: bytes) -> bytes:
        """HMAC-SHA-256 of a message: 32 bytes, the same each time."""
        response = self._call("generate_mac", KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=message)
        mac: bytes = response["Mac"]
        return mac

    def sign(self, key_id: str, message: bytes) -> bytes:
        """ES256 signature in JOSE's form: R and S, 32 bytes each (RFC 7518 section 3.4); KMS gives DER."""
        response = self._call(
            "sign", KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
        )
        r, s = decode_dss_signature(response["Signature"])
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    def signing_key(self, key_id: str, created_at: int) -> SigningKey:
        """Read the public key of a key that signs tokens. Returned in state signing."""
        public = serialization.load_der_public_key(self._call("get_public_key", KeyId=key_id)["PublicKey"])
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise TypeError("KMS returned a key that is not an elliptic-curve key")
        numbers = public.public_numbers()
        x, y = (base64url.encode(n.to_bytes(_COORDINATE_BYTES, "big")) for n in (numbers.x, numbers.y))
        return SigningKey(x, y, KeyState.SIGNING, kms_key_id=key_id, created_at=created_at, since=created_at)

    def create_signing_key(self, stack: str) -> str:
        """Create a key that signs tokens, multi-Region so that another Region can take over. Returns its ARN."""
        return self._create("ECC_NIST_P256", "SIGN_VERIFY", "Gatepass: signs tokens", stack)

    def create_mac_key(self, stack: str) -> str:
        """Create a key that derives secrets. Returns its ARN."""
        return self._create("HMAC_256", "GENERATE_VERIFY_MAC", "Gatepass: derives the secrets of tokens", stack)

    def _create(self, spec: str, usage: str, description: str, stack: str) -> str:
        response = self._call(
            "create_key",
            KeySpec=spec,
            KeyUsage=usage,
            Description=description,
            MultiRegion=True,
            Tags=[{"TagKey": STACK_TAG, "TagValue": stack}],
        )
        return str(response["KeyMetadata"]["Arn"])

    def _call(self, operation: str, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, operation)(**parameters)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
                # Unlike a refused call, a failed one may have taken effect.
                raise Refused(Code.KMS_UNAVAILABLE, f"KMS failed in {operation}: {code}") from error
            message = f"KMS refused {operation}: {code}: check the permissions, and that the key has this stack's tag"
            raise Refused(Code.KMS_REFUSED, message) from error
        except BotoCoreError as error:
            raise Refused(Code.KMS_UNAVAILABLE, f"KMS gave no answer to {operation}: {type(error).__name__}") from error
