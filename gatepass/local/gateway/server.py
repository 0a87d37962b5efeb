"""The HTTP server: one API on one loopback port."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import string
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any
from urllib.parse import quote

from gatepass.local.gateway.authorize import ResultCache
from gatepass.local.gateway.core import MAX_BODY_BYTES, handle
from gatepass.local.gateway.messages import HttpRequest, HttpResponse, json_response
from gatepass.local.gateway.model import DEFAULT_STAGE, Api

IDLE_SECONDS = 75.0  # how long a keep-alive connection may be idle
_LENGTH = re.compile(r"[0-9]{1,15}")
_BODILESS = frozenset({204, 304})  # RFC 9110, sections 15.3.5 and 15.4.5


class LocalGateway:
    """One API on one loopback port, with a thread per connection. Also a context manager.

    The port is bound immediately, so `url` is known before `start`. Requests wait until `start`.
    With `trust_source_header`, the header of that name sets the source address, for tests and demos with several
    visitors. The gateway removes this header. Otherwise, no header can set the address.
    """

    def __init__(
        self,
        api: Api,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        *,
        trust_source_header: str | None = None,
    ) -> None:
        self.api = api
        self.cache = ResultCache()
        self._clock = clock
        self._trusted = trust_source_header.lower() if trust_source_header else None
        self._server = _Server((host, port), self)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The bound port, also if port 0 was requested."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL of the API, with its stage unless that is `$default`."""
        base = f"http://{self._server.server_address[0]!s}:{self.port}"
        return base if self.api.stage == DEFAULT_STAGE else f"{base}/{self.api.stage}"

    def start(self) -> None:
        """Start to answer requests."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
            self._thread.daemon = True
            self._thread.start()

    def stop(self) -> None:
        """Stop answering requests, and release the port."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> LocalGateway:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request from `request.source_ip`, or from the address in the trusted header."""
        if self._trusted is not None:
            claims = request.header_values(self._trusted)
            if claims:
                try:
                    source_ip = str(ipaddress.ip_address(claims[-1].strip()))
                except ValueError:
                    return json_response(400, {"message": f"{self._trusted} is not an IP address"})
                headers = tuple(pair for pair in request.headers if pair[0].lower() != self._trusted)
                request = replace(request, headers=headers, source_ip=source_ip)
        return handle(self.api, request, self.cache, self._clock)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], gateway: LocalGateway) -> None:
        self.gateway = gateway
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the parent's reverse lookup of the host, which can hang without DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close keep-alive connections, whose threads would otherwise still answer after `stop`."""
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the parent would print the peer's address, and clients that hang up are normal."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self._read_body()
        if isinstance(body, HttpResponse):
            self._write(body)
            return
        # Many clients send raw UTF-8, which backends and ARNs do not accept (RFC 3986, section 2.5).
        path, _, query = quote(self.path.encode("latin-1"), safe=string.printable).partition("?")
        request = HttpRequest(
            self.command,
            path,
            query,
            tuple(self.headers.items()),
            body,
            str(self.client_address[0]),
            self.request_version,
        )
        self._write(self.server.gateway.answer(request))

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _serve  # noqa: N815 - http.server finds them by these names

    def _read_body(self) -> bytes | HttpResponse:
        """The body, read to just over the quota. The core then refuses it, and the connection closes."""
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return json_response(411, {"message": "Length Required"})
        declared = set(self.headers.get_all("Content-Length", ["0"]))
        if len(declared) > 1 or not all(_LENGTH.fullmatch(value) for value in declared):
            self.close_connection = True
            return json_response(400, {"message": "Bad Request"})
        length = int(declared.pop())
        if length > MAX_BODY_BYTES:
            self.close_connection = True
        return self.rfile.read(min(length, MAX_BODY_BYTES + 1))

    def _write(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        names = {name.lower() for name, _ in response.headers}
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            # A template may have put a visitor's text into a header, including line breaks.
            text = value.replace("\r", "").replace("\n", "")
            self.send_header(name, text.encode("latin-1", errors="replace").decode("latin-1"))
        if response.status not in _BODILESS:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and response.status not in _BODILESS:
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the request line can contain a token, and the log line would start with an address."""
