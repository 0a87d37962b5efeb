"""A server that answers each request as its script says: for what no emulator does on demand."""

import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

CLOSE: Final = "close"
HANG: Final = "hang"
Action = bytes | str | tuple[bytes, str]
"""What to do about one request: send bytes; close or hang instead; send bytes and then close or hang."""


def answer(body: Any, status: str = "200 OK", checksum: int | None = None, **headers: str) -> bytes:
    """An answer as DynamoDB sends it."""
    data = json.dumps(body).encode()
    fields = {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(data))}
    fields["x-amz-crc32"] = str(zlib.crc32(data) if checksum is None else checksum)
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in (fields | headers).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def error(code: str, status: str = "400 Bad Request", **members: Any) -> bytes:
    return answer({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"} | members, status)


class Scripted:
    """`requests` and `connections` tell what came; the script's last action repeats."""

    def __init__(self, *script: Action, drip_seconds: float = 0) -> None:
        self.script, self.drip_seconds = list(script), drip_seconds
        self.requests: list[bytes] = []
        self.connections = 0
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while request := self._read(connection):
                self.requests.append(request)
                action = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                data, then = (
                    action if isinstance(action, tuple) else (b"", action) if isinstance(action, str) else (action, "")
                )
                if self.drip_seconds:
                    for n in range(len(data)):
                        connection.sendall(data[n : n + 1])
                        time.sleep(self.drip_seconds)
                else:
                    connection.sendall(data)
                if then == CLOSE:
                    connection.close()
                    return
        except OSError:
            pass

    def _read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65_536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        while len(body) < length:
            body += connection.recv(65_536)
        return head + b"\r\n\r\n" + body

    def hang_up(self) -> None:
        """End every connection, as a server does with idle ones."""
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # `close` would wait for the thread that reads
            connection.close()
        self._sockets.clear()

    def close(self) -> None:
        self._listener.close()
        self.hang_up()


@contextmanager
def scripted(*script: Action, drip_seconds: float = 0) -> Iterator[Scripted]:
    server = Scripted(*script, drip_seconds=drip_seconds)
    try:
        yield server
    finally:
        server.close()
