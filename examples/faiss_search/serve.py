"""Serves the same handler over plain HTTP on this machine, to try the API without AWS."""

import argparse
import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING or __package__:
    from .app import lambda_handler
else:  # started as a script: see app.py
    from app import lambda_handler

HOST: Final = "127.0.0.1"
PORT: Final = 8080
MAX_BODY: Final = 1_000_000
MAX_DISCARDED: Final = 10 * MAX_BODY


class _Handler(BaseHTTPRequestHandler):
    timeout = 30

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            return self._refuse(411, "send the body in one piece, with a Content-Length")
        if len(length) > 9 or int(length) > MAX_BODY:
            self._discard(int(length[:9]))
            return self._refuse(413, f"the body is too large: send at most {MAX_BODY} bytes")
        url = urlsplit(self.path)
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": url.path,
            "rawQueryString": url.query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {"stage": "$default", "http": {"method": self.command, "path": url.path}},
            "body": base64.b64encode(self.rfile.read(int(length))).decode(),
            "isBase64Encoded": True,
        }
        try:
            answer = lambda_handler(event, None)
        except Exception as error:  # as a gateway would; the details go to the console
            self.log_error("%r", error)
            return self._refuse(500, "the search failed: see the server's output")
        return self._send(answer["statusCode"], answer["headers"], answer["body"].encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - http.server's names

    def do_OPTIONS(self) -> None:
        """Answer a browser's preflight, as the gateway does on AWS."""
        headers = {
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": self.headers.get("Access-Control-Request-Headers", "content-type"),
        }
        self._send(204, headers, b"")

    def _discard(self, length: int) -> None:
        """Read a refused body, up to a limit. A client that is cut off while sending never reads the answer."""
        left = min(length, MAX_DISCARDED)
        while left > 0 and (chunk := self.rfile.read1(min(left, 65_536))):
            left -= len(chunk)

    def _refuse(self, status: int, message: str) -> None:
        self.close_connection = True
        headers = {"content-type": "application/json", "access-control-allow-origin": "*"}
        self._send(status, headers, json.dumps({"message": message}).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, *_: Any) -> None:
        """Log only errors."""


def make_server(port: int) -> ThreadingHTTPServer:
    """A server on the loopback interface, bound but not yet serving. Port 0 selects a free port."""
    server = ThreadingHTTPServer((HOST, port), _Handler)
    server.daemon_threads = True
    return server


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help=f"the port (default: {PORT})")
    with make_server(parser.parse_args(arguments).port) as server:
        print(f"POST http://{HOST}:{server.server_port}/search; press Ctrl-C to stop", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
