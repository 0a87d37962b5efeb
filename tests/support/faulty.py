"""A network between the gate's own client and DynamoDB Local that breaks as real ones do, before or after the write."""

import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from tests.support.scripted import error

HELD_SECONDS: Final = 0.6
"""Longer than a client may wait that is to notice."""


class Fault(Enum):
    """What befalls one request. Those named AFTER strike when the write has been applied."""

    NONE = "none"
    SLOW = "slow"
    RESET_BEFORE = "reset before"
    RESET_AFTER = "reset after"
    CLOSED_BEFORE = "closed before"
    CLOSED_AFTER = "closed after"
    HANG_BEFORE = "hang before"
    HANG_AFTER = "hang after"
    LATE = "late"
    """The request reaches DynamoDB when its client has long given it up, and maybe repeated it."""
    HALF_AFTER = "half an answer after"
    HALF_HANG_AFTER = "half an answer, and no end, after"
    CHECKSUM_AFTER = "wrong checksum after"
    THROTTLED = "throttled"
    CONFLICT = "in a transaction"
    ERROR_BEFORE = "500 before"
    ERROR_AFTER = "500 after"
    """AWS: the write may succeed or fail, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""
    UNAVAILABLE = "503"
    EXPIRED = "expired credentials"
    DENIED = "no permission"
    NOT_FOUND = "no table"
    PAGE = "a page of a proxy"

    @property
    def applies(self) -> bool:
        return self.name.endswith("AFTER") or self in (Fault.NONE, Fault.SLOW, Fault.LATE)


_REFUSALS: Final = {
    Fault.THROTTLED: error("ProvisionedThroughputExceededException"),
    Fault.CONFLICT: error("TransactionConflictException"),
    Fault.ERROR_BEFORE: error("InternalServerError", "500 Internal Server Error"),
    Fault.ERROR_AFTER: error("InternalServerError", "500 Internal Server Error"),
    Fault.UNAVAILABLE: error("ServiceUnavailable", "503 Service Unavailable"),
    Fault.EXPIRED: error("ExpiredTokenException"),
    Fault.DENIED: error("AccessDeniedException"),
    Fault.NOT_FOUND: error("ResourceNotFoundException"),
    Fault.PAGE: b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
}


class Faulty:
    """`url` is where it listens. `next_fault` says what befalls the next request, by its operation.

    `applied` is the id of each request that DynamoDB has answered, in the order of their writes; a read's is "".
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = urlsplit(endpoint).netloc
        self.next_fault: Callable[[], Fault] = lambda: Fault.NONE
        self.after_applied: Callable[[], object] = lambda: None
        self.applied: list[str] = []
        self.sent = 0
        self._lock = threading.Lock()
        self._in_order = threading.Lock()
        self._local = threading.local()
        self._late: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        self.settle()
        self.next_fault, self.after_applied = (lambda: Fault.NONE), (lambda: None)
        self.applied, self.sent = [], 0

    def settle(self) -> None:
        """Wait until what is late has arrived."""
        while self._late:
            self._late.pop().join()

    def close(self) -> None:
        self.settle()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while request := _read(connection):
                with self._lock:
                    fault = self.next_fault()
                    self.sent += 1
                if not self._strike(connection, request, fault):
                    return

    def _strike(self, connection: socket.socket, request: bytes, fault: Fault) -> bool:
        """Whether the connection goes on."""
        if fault is Fault.LATE:
            late = threading.Thread(target=self._forward_late, args=(request,))
            self._late.append(late)
            late.start()
            time.sleep(HELD_SECONDS)
            return False
        answer = self._forward(request) if fault.applies else b""
        if fault in _REFUSALS:
            connection.sendall(_REFUSALS[fault])
            return True
        if fault in (Fault.RESET_BEFORE, Fault.RESET_AFTER):
            # Zero seconds to linger: the socket is reset, not closed.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER):
            time.sleep(HELD_SECONDS)
        elif fault in (Fault.HALF_AFTER, Fault.HALF_HANG_AFTER):
            connection.sendall(answer[: len(answer) // 2])
            time.sleep(HELD_SECONDS if fault is Fault.HALF_HANG_AFTER else 0)
        elif fault is Fault.CHECKSUM_AFTER:
            # DynamoDB Local sends none with a refusal.
            head, _, body = re.sub(rb"(?i)\r\nx-amz-crc32:[^\r]*", b"", answer).partition(b"\r\n\r\n")
            connection.sendall(head + b"\r\nx-amz-crc32: 1\r\n\r\n" + body)
            return True
        elif fault in (Fault.NONE, Fault.SLOW):
            time.sleep(0.02 if fault is Fault.SLOW else 0)
            connection.sendall(answer)
            return True
        return False

    def _forward_late(self, request: bytes) -> None:
        time.sleep(HELD_SECONDS)
        self._forward(request)

    def _forward(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        fields = (line.decode().partition(":") for line in head.split(b"\r\n")[1:])
        headers = {name: value.strip() for name, _, value in fields}
        upstream: http.client.HTTPConnection | None = getattr(self._local, "upstream", None)
        if upstream is None:
            upstream = self._local.upstream = http.client.HTTPConnection(self._endpoint, timeout=60)
        with self._in_order:
            upstream.request("POST", "/", body, headers)
            response = upstream.getresponse()
            answer = response.read()
            if response.status == 200:
                values = json.loads(body).get("ExpressionAttributeValues", {})
                self.applied.append(values.get(":request", {}).get("S", ""))
        if response.status == 200:
            self.after_applied()
        lines = [f"HTTP/1.1 {response.status} {response.reason}", f"Content-Length: {len(answer)}"]
        if checksum := response.headers["x-amz-crc32"]:
            lines.append(f"x-amz-crc32: {checksum}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer


def _read(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65_536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def faulty(endpoint: str) -> Iterator[Faulty]:
    network = Faulty(endpoint)
    try:
        yield network
    finally:
        network.close()
