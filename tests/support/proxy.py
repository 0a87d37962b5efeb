"""A proxy in front of an emulator: sees each call, and may answer, lose or hold it up as a network or AWS would."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes]


def refusal(code: str, **members: Any) -> Answer:
    """An error as DynamoDB sends it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"} | members
    return 400, json.dumps(body).encode()


class Proxy:
    """`calls` holds the operations. `on_call` gets an operation and what would forward it, and gives the answer."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.calls = endpoint, list[str]()
        self.on_call: Callable[[str, Callable[[], Answer]], Answer] = lambda _, forward: forward()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                outer.calls.append(operation)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}
                status, answer = outer.on_call(operation, lambda: outer.forward(body, headers))
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/x-amz-json-1.0")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the caller is gone: that is what some tests are about

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def forward(self, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            with urllib.request.urlopen(urllib.request.Request(self.endpoint, body, headers), timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    running = Proxy(endpoint)
    threading.Thread(target=running.server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()
