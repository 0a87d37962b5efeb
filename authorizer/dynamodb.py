"""The gate's two calls to DynamoDB, over TLS and SigV4 (docs/decisions/0005-a-client-for-two-calls.md).

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import json
import os
import select
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from authorizer.credentials import Credentials
from entitlements.items import Item, Key, StoreUnavailable, Wire, from_wire

ATTEMPTS: Final = 3
BACKOFF_SECONDS: Final = 0.025
"""The longest pause before the first retry. It doubles before the next one (full jitter)."""
AMAZON_ROOTS: Final = os.path.join(os.path.dirname(__file__), "amazon-roots.pem")
"""Loading these takes a thirtieth of the time that the system's whole list takes."""
MAX_ANSWER: Final = 1_048_576  # bytes; an item has at most 400 KB
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
# Nothing was written, and a retry can succeed: a transaction of the control plane holds an item only briefly.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
REPEATABLE: Final = ("ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException",
                     "TransactionConflictException")  # fmt: skip


class NoAnswer(StoreUnavailable):
    """No complete answer arrived in time. The call might have taken effect, so only what bears repetition is sent."""


class CallRefused(StoreUnavailable):
    """DynamoDB refused a call for a reason other than its condition. The message ends with DynamoDB's error code."""


def signed_headers(credentials: Credentials, region: str, host: str, operation: str, body: bytes, now: float) -> str:
    """The signed header lines of a POST to `/`. `host` is the Host header; `now` is in seconds since the epoch."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    token = f"x-amz-security-token:{credentials.session_token}\n" if credentials.session_token else ""
    lines = f"content-type:application/x-amz-json-1.0\nhost:{host}\nx-amz-date:{stamp}\n{token}"
    lines += f"x-amz-target:DynamoDB_20120810.{operation}\n"
    names = f"content-type;host;x-amz-date;{token and 'x-amz-security-token;'}x-amz-target"
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/dynamodb/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(credentials.secret_key, stamp[:8], region)
    return lines.replace("\n", "\r\n") + (
        f"authorization:AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, "
        f"Signature={hmac.digest(key, text.encode(), 'sha256').hex()}\r\n"
    )


@lru_cache(maxsize=4)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "dynamodb", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class DynamoDB:
    """`entitlements.items.Store` on one table. Threads can share it, because each call uses its own connection."""

    call_seconds = 1.7
    """For one call with all its attempts. A decision makes at most five calls in a row, within the function's 9 s."""
    connect_seconds = 0.5
    answer_seconds = 0.8
    """DynamoDB answers in single-digit milliseconds, so an answer that takes this long is not expected anymore."""

    def __init__(
        self, table: str, region: str, endpoint: str, credentials: Callable[[], Credentials], ca_bundle: str | None
    ) -> None:
        """`endpoint` is a URL without a path; `ca_bundle` is a file of certificates that replaces the system's.

        Without one, Amazon's own roots are tried before the system's list, which is loaded only if they do not verify
        the server: in some partitions, and behind proxies.
        """
        parts = urlsplit(endpoint)
        self._table, self._region, self._credentials = table, region, credentials
        self._tls = ssl.create_default_context(cafile=ca_bundle or AMAZON_ROOTS) if parts.scheme == "https" else None
        self._widened = bool(ca_bundle)
        # In bytes, because a string would load Python's tables for international host names.
        self._address: Any = ((parts.hostname or "").encode("ascii"), parts.port or (443 if self._tls else 80))
        self._host, self._idle = parts.netloc, list[socket.socket]()

    def get_item(self, key: Key) -> Item | None:
        """Read one item with strong consistency."""
        item = self._call("GetItem", {"Key": key.wire, "ConsistentRead": True}).get("Item")
        return None if item is None else from_wire(item)

    def update_item(self, request: Wire) -> tuple[bool, Item | None]:
        """Send an UpdateItem. Returns whether it was applied, and the item; a failed condition is not an error."""
        answer = self._call("UpdateItem", request)
        applied = "__type" not in answer
        item = answer.get("Attributes" if applied else "Item")
        return applied, None if item is None else from_wire(item)

    def _call(self, operation: str, request: Wire) -> dict[str, Any]:
        body = _encode({"TableName": self._table, **request}).encode()
        deadline = time.monotonic() + self.call_seconds
        failure: StoreUnavailable
        for attempt in range(ATTEMPTS):
            head = signed_headers(self._credentials(), self._region, self._host, operation, body, time.time())
            message = f"POST / HTTP/1.1\r\n{head}content-length:{len(body)}\r\n\r\n".encode() + body
            try:
                status, answer = self._exchange(message, deadline)
            except NoAnswer as error:
                failure = error
            else:
                code = "" if status == 200 else str(answer.get("__type", f"HTTP status {status}")).rpartition("#")[2]
                if code in ("", CONDITION_FAILED):
                    return answer
                failure = CallRefused(f"DynamoDB refused {operation}: {code}")
                if status < 500 and code not in REPEATABLE:
                    break
            # The system's random bytes are enough for jitter and keep the module `random` out of a cold start.
            pause = BACKOFF_SECONDS * 2**attempt * os.urandom(1)[0] / 255
            if attempt + 1 == ATTEMPTS or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        raise failure

    def _exchange(self, message: bytes, deadline: float) -> tuple[int, dict[str, Any]]:
        """Send and receive. If a kept connection turns out to be closed, try once more on a new one."""
        with suppress(IndexError, OSError):
            while _ended(kept := self._idle.pop()):
                kept.close()
            return self._talk(kept, message, deadline)
        try:
            fresh = socket.create_connection(self._address, min(self.connect_seconds, _seconds(deadline)))
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fresh = self._tls.wrap_socket(fresh, server_hostname=self._address[0]) if self._tls else fresh
        except OSError as error:
            if self._tls and not self._widened and isinstance(error, ssl.SSLCertVerificationError):
                self._widened = True  # for the next attempt
                self._tls.load_default_certs()
            raise NoAnswer(f"DynamoDB cannot be reached: {type(error).__name__}") from error
        try:
            return self._talk(fresh, message, deadline)
        except OSError as error:
            raise NoAnswer(f"DynamoDB gave no answer: {type(error).__name__}") from error

    def _talk(self, connection: socket.socket, message: bytes, deadline: float) -> tuple[int, dict[str, Any]]:
        keep = False
        try:
            deadline = min(deadline, time.monotonic() + self.answer_seconds)
            connection.settimeout(_seconds(deadline))
            connection.sendall(message)
            status, keep, body = _receive(connection, deadline)
            return status, json.loads(body) if body[:1] == b"{" else {}
        except ValueError as error:
            raise ConnectionError("the answer is damaged") from error
        finally:
            self._idle.append(connection) if keep else connection.close()


def _ended(connection: socket.socket) -> bool:
    """Whether the connection has data before a request was sent, which means that the other side closed it."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _receive(connection: socket.socket, deadline: float) -> tuple[int, bool, bytes]:
    """Status, whether the connection stays open, and body of an answer with length and checksum, as DynamoDB sends it.

    Raises `ValueError` for any other answer (RFC 9112), and never waits past the deadline.
    """
    data, head, end, size = b"", b"", -1, 0
    while end < 0 or len(data) < size:
        connection.settimeout(_seconds(deadline))
        more = connection.recv(65_536)
        data += more
        if not more or len(data) > MAX_ANSWER:
            raise ConnectionError
        if end < 0 and (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[: end + 2].lower()
            size = end + 4 + int(_field(head, b"content-length"))
    body = data[end + 4 :]
    if len(data) > size or int(_field(head, b"x-amz-crc32") or zlib.crc32(body)) != zlib.crc32(body):
        raise ValueError
    return int(data[9:12]), data.startswith(b"HTTP/1.1 ") and _field(head, b"connection") != b"close", body


def _field(head: bytes, name: bytes) -> bytes:
    """A header's value, all in lower case; empty if there is none."""
    _, found, rest = head.rpartition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def _seconds(deadline: float) -> float:
    if deadline <= (now := time.monotonic()):
        raise TimeoutError
    return deadline - now
