"""Base64url without padding, strictly canonical (RFC 4648 sections 3.5 and 5; RFC 7515 section 2)."""

import base64
import binascii


def encode(data: bytes) -> str:
    """Encode `data` without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Decode `text`; raise `ValueError` for anything that `encode` would not have written.

    Python's decoder skips invalid characters and ignores spare bits, so several texts would decode to one value;
    a token must have exactly one spelling.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
