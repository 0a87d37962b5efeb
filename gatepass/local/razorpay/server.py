"""The HTTP server: one Razorpay account on one loopback port."""

from __future__ import annotations

import re
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any

from gatepass.local.gateway.messages import HttpRequest, HttpResponse, json_response
from gatepass.local.razorpay import routes
from gatepass.local.razorpay.account import RazorpayAccount
from gatepass.local.razorpay.checkout_files import checkout_file
from gatepass.local.razorpay.courier import Courier
from gatepass.local.razorpay.delivery_queue import PAUSES
from gatepass.local.razorpay.faults import Faults
from gatepass.local.razorpay.payer_routes import PREFIX, PayerDesk, answer_payer
from gatepass.local.razorpay.refusal import RazorpayRefused
from gatepass.local.razorpay.webhooks import Delivery

MAX_BODY_BYTES = 1_000_000  # Razorpay publishes no limit; no request of this API is near it
IDLE_SECONDS = 5.0  # how long a client may pause within a request
SERVER_ERROR = {
    "error": {
        "code": "SERVER_ERROR",
        "description": "We are facing some trouble completing your request at the moment. Please try again shortly.",
    }
}
TOO_MANY_REQUESTS = {"error": {"code": "BAD_REQUEST_ERROR", "description": "Too many requests"}}
BAD_GATEWAY = b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n"
_LENGTH = re.compile(r"[0-9]{1,15}")
_ID_CHARACTERS = string.ascii_letters + string.digits


def random_id() -> str:
    """The 14 characters after the prefix of an id."""
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(14))


class LocalRazorpay:
    """A Razorpay account on one loopback port, with a thread per request. Also a context manager.

    The SDK finds it with `razorpay.Client(auth=(key_id, key_secret), base_url=url)`. `clock` returns Unix seconds. With
    a `webhook_url`, here or by `deliver_to`, events are posted by themselves; `webhook_pauses` are the seconds before
    each retry. `previous_webhook_secret` is what `Faults.signed_with` can sign with.
    """

    def __init__(
        self,
        *,
        key_id: str,
        key_secret: str,
        webhook_secret: str | None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = random_id,
        previous_webhook_secret: str | None = None,
        webhook_url: str | None = None,
        webhook_pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key_id = key_id
        self._key_secret = key_secret
        self._lock = threading.RLock()
        self._sleep = sleep
        self._faults = Faults()
        self._server = _RazorpayServer((host, port), self)
        self._account = RazorpayAccount(
            clock,
            new_id,
            key_secret=key_secret,
            webhook_secret=webhook_secret,
            checkout_url=f"{self.url}/checkout",
        )
        outbox = self._account.outbox
        outbox.previous_secret = previous_webhook_secret
        self._courier = Courier(outbox.signed_with, pauses=webhook_pauses)
        self._courier.deliver_to(webhook_url)
        outbox.listener = self._courier.take
        self._desk = PayerDesk(self._account, key_id, lambda changes: self.set_faults(**changes), self._courier.posted)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without `/v1`, which the SDK adds."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @contextmanager
    def account(self) -> Iterator[RazorpayAccount]:
        """The account, for what payers and banks do. Requests wait until the block ends."""
        with self._lock:
            yield self._account

    def lose_answers(self, count: int = 1) -> None:
        """Carry out what the next `count` requests ask for, and answer each with a 500 as if that had failed.

        A caller that then simply repeats `POST /v1/orders` has two orders (razorpay-python#306).
        """
        self.set_faults(lose_answers=count)

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self._faults

    def set_faults(self, **changes: Any) -> Faults:
        """Change what goes wrong on purpose, by the names in `Faults`; `ValueError` for a wrong one."""
        with self._lock:
            self._faults = self._faults.changed(changes)
            self._courier.change(self._faults)
            return self._faults

    def deliver_to(self, webhook_url: str | None) -> None:
        """Post every event that happens from now on to this URL, in a background thread; None ends that."""
        self._courier.deliver_to(webhook_url)

    def posted(self) -> list[tuple[Delivery, int | None]]:
        """What was posted by itself so far: the event as signed, and the status of the answer, or None without one."""
        return self._courier.posted()

    def wait_delivered(self, seconds: float = 5.0) -> bool:
        """Wait until every event is delivered or given up; false if that takes longer."""
        return self._courier.wait(seconds)

    def __enter__(self) -> LocalRazorpay:
        self._thread.start()
        self._courier.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._courier.stop()

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request: for Checkout's files, a payer, or the API."""
        if (file := checkout_file(request)) is not None:
            return file
        with self._lock:
            if request.path.startswith(PREFIX):
                return answer_payer(self._desk, request)
            faults, slow = self._faults, self._faults.slow_seconds
            if faults.too_many_requests:
                self._faults = replace(faults, too_many_requests=faults.too_many_requests - 1)
                response = json_response(429, TOO_MANY_REQUESTS)
            elif faults.html_errors:
                self._faults = replace(faults, html_errors=faults.html_errors - 1)
                response = HttpResponse(502, (("Content-Type", "text/html"),), BAD_GATEWAY)
            else:
                response = self._api(request)
                if faults.lose_answers:
                    self._faults = replace(faults, lose_answers=faults.lose_answers - 1)
                    response = json_response(500, SERVER_ERROR)
        if slow:
            self._sleep(slow)
        return response

    def _api(self, request: HttpRequest) -> HttpResponse:
        try:
            return json_response(200, routes.answer(self._account, request, self._key_id, self._key_secret))
        except RazorpayRefused as refused:
            return json_response(refused.status, refused.body)


class _RazorpayServer(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # with the parent's 5, the sixth of several callers waits a second for its second SYN

    def __init__(self, address: tuple[str, int], stand_in: LocalRazorpay) -> None:
        self.stand_in = stand_in
        super().__init__(address, _RazorpayHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the parent would print the peer's address, and clients that hang up are normal."""


class _RazorpayHandler(BaseHTTPRequestHandler):
    # HTTP/1.0, so that a connection ends with its answer and none outlives the server.
    timeout = IDLE_SECONDS
    server: _RazorpayServer

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > MAX_BODY_BYTES:
            self._write(RazorpayRefused(f"The body must have a Content-Length of at most {MAX_BODY_BYTES}."))
            return
        path, _, query = self.path.partition("?")
        headers = tuple(self.headers.items())
        body = self.rfile.read(int(length))
        source = str(self.client_address[0])
        request = HttpRequest(self.command, path, query, headers, body, source, self.request_version)
        self._write(self.server.stand_in.answer(request))

    do_DELETE = do_GET = do_OPTIONS = do_PATCH = do_POST = do_PUT = _serve  # noqa: N815 - http.server finds them by these names

    def _write(self, response: HttpResponse | RazorpayRefused) -> None:
        if isinstance(response, RazorpayRefused):
            response = json_response(response.status, response.body)
        self.send_response_only(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the log line would start with an address."""
