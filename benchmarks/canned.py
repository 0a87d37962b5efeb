"""A DynamoDB of ready-made answers over HTTPS, in a process of its own: `python -m benchmarks.canned FOLDER`.

FOLDER holds `server.pem` and `canned.json` ({"items": […in DynamoDB's JSON], "spent": [pk…], "jwks": …}). The server
prints its port, answers GetItem and UpdateItem with the headers that DynamoDB sends, `GET /jwks.json` with the keys and
`GET /calls` with the number of calls answered so far by operation, and ends when its standard input does.

It is cheap on purpose: what is measured is the client, and the server must not be what it waits for.
"""

import json
import socket
import socketserver
import ssl
import sys
import threading
import time
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.world import UNUSED_DAY, UNUSED_MONTH

DATE = "Mon, 23 Nov 2026 08:00:00 GMT"
REQUEST_ID = "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG"


class Answers:
    """Every answer, made once for each date and then kept."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._items = {(item["pk"]["S"], item["sk"]["S"]): item for item in data["items"]}
        self._spent = set(data["spent"])
        self.jwks = _http(200, json.dumps(data["jwks"]), "application/json")
        self._made = cache(self._make)

    def answer(self, operation: str, request: dict[str, Any]) -> bytes:
        """The whole response to one call."""
        key = request["Key"]
        return self._made(
            operation,
            (key["pk"]["S"], key["sk"]["S"]),
            request.get("ReturnValues", ""),
            request.get("ReturnValuesOnConditionCheckFailure", ""),
            time.strftime("%Y%m%d", time.gmtime()),
        )

    def _make(self, operation: str, key: tuple[str, str], returned: str, on_failure: str, today: str) -> bytes:
        item = self._item(key, today)
        if operation == "GetItem":
            return _dynamodb(200, {} if item is None else {"Item": item})
        if operation != "UpdateItem":
            raise ValueError(f"the canned server answers no {operation}")
        if item is None or key[0] in self._spent:
            error: dict[str, Any] = {
                "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                "message": "The conditional request failed",
            }
            return _dynamodb(400, error | ({"Item": item} if item and on_failure == "ALL_OLD" else {}))
        counters = {name: {"N": "7"} for name in ("total", f"m{today[:6]}", f"d{today}")}
        attributes = {"ALL_NEW": item | counters, "UPDATED_NEW": counters}.get(returned)
        return _dynamodb(200, {} if attributes is None else {"Attributes": attributes})

    def _item(self, key: tuple[str, str], today: str) -> dict[str, Any] | None:
        dated = {UNUSED_DAY: f"d{today}", UNUSED_MONTH: f"m{today[:6]}"}
        item = self._items.get(key)
        return None if item is None else {dated.get(name, name): value for name, value in item.items()}


def _dynamodb(status: int, data: dict[str, Any]) -> bytes:
    body = json.dumps(data, separators=(",", ":"))
    crc = zlib.crc32(body.encode())
    return _http(
        status, body, "application/x-amz-json-1.0", f"x-amzn-RequestId: {REQUEST_ID}\r\nx-amz-crc32: {crc}\r\n"
    )


def _http(status: int, body: str, content_type: str, headers: str = "") -> bytes:
    content = body.encode()
    reason = {200: "OK", 400: "Bad Request"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nServer: Server\r\nDate: {DATE}\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: keep-alive\r\n{headers}\r\n".encode() + content


class Connection(socketserver.BaseRequestHandler):
    """One TLS connection, for as many requests as its client has. Just enough HTTP/1.1 for well-behaved clients."""

    server: "Server"

    def handle(self) -> None:
        """Shake hands and answer."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.server.tls.wrap_socket(self.request, server_side=True) as stream, stream.makefile("rb") as lines:
            while line := lines.readline():
                method, path, _ = line.decode("ascii").split(" ", 2)
                headers: dict[str, str] = {}
                while (header := lines.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("ascii").partition(":")
                    headers[name.lower()] = value.strip()
                body = lines.read(int(headers.get("content-length", "0")))
                stream.sendall(self._respond(method, path, headers, body))

    def _respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        calls, answers = self.server.calls, self.server.answers
        if (method, path) == ("GET", "/calls"):
            return _http(200, json.dumps(calls), "application/json")
        if (method, path) == ("GET", "/jwks.json"):
            calls["jwks"] += 1
            return answers.jwks
        operation = headers["x-amz-target"].rpartition(".")[2]
        calls[operation] += 1
        return answers.answer(operation, json.loads(body))


class Server(socketserver.ThreadingTCPServer):
    """Listens on loopback, one thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path) -> None:
        self.answers = Answers(json.loads((folder / "canned.json").read_text()))
        self.calls: Counter[str] = Counter()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(folder / "server.pem")
        super().__init__(("127.0.0.1", 0), Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may leave in the middle (each cold start's does); anything else is a fault to show."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until standard input ends, so that no server outlives the run that started it."""
    with Server(Path(sys.argv[1])) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
