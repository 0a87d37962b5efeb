"""A table some milliseconds away: a relay in front of an emulator that holds back each request."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

AWAY_SECONDS: Final = 0.003
"""With what the emulator takes itself, about the round trip that `scale` assumes.

DynamoDB answers in single-digit milliseconds:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html
"""


@contextmanager
def away(endpoint: str) -> Iterator[str]:
    """Yield the URL of the relay to `endpoint`."""
    target = urlsplit(endpoint)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, (target.hostname, target.port)), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _accept(server: socket.socket, target: tuple[str | None, int | None]) -> None:
    with suppress(OSError):  # closed at the end of the block
        while True:
            near, _ = server.accept()
            far = socket.create_connection(target)
            for connection in (near, far):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_carry, args=(near, far, AWAY_SECONDS), daemon=True).start()
            threading.Thread(target=_carry, args=(far, near, 0), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket, seconds: float) -> None:
    with source, sink, suppress(OSError):
        while data := source.recv(65_536):
            time.sleep(seconds)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
