"""Razorpay's stand-in inside this process: the SDK's requests reach the account without a socket."""

import importlib.metadata
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from gatepass.local.gateway.messages import HttpRequest, json_response
from gatepass.local.razorpay import RazorpayAccount, routes
from gatepass.local.razorpay.refusal import RazorpayRefused
from tests.support.interruptions import Interruptions

_stand_ins: dict[str, "InProcessRazorpay"] = {}
_send, _merge = HTTPAdapter.send, requests.Session.merge_environment_settings


class InProcessRazorpay:
    """An account that answers requests to `url` until the end of the block, as `LocalRazorpay` does."""

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        webhook_secret: str,
        clock: Callable[[], float],
        interruptions: Interruptions,
    ) -> None:
        self._keys, self._interruptions, self._lock = (key_id, key_secret), interruptions, threading.RLock()
        numbers = itertools.count(1)
        self._account = RazorpayAccount(
            clock, lambda: f"{next(numbers):014}", key_secret=key_secret, webhook_secret=webhook_secret
        )
        self._host = f"razorpay-{id(self)}.invalid"
        self.url = f"http://{self._host}"

    def __enter__(self) -> "InProcessRazorpay":
        _stand_ins[self._host] = self
        return self

    def __exit__(self, *_: object) -> None:
        del _stand_ins[self._host]

    @contextmanager
    def account(self) -> Iterator[RazorpayAccount]:
        """The account, for what payers and banks do."""
        with self._lock:
            yield self._account

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        """The answer to a request."""
        return self._interruptions.around(lambda: self._answer(request), requests.ConnectionError)

    def _answer(self, request: requests.PreparedRequest) -> requests.Response:
        target = urlsplit(str(request.url))
        body = request.body or b""
        asked = HttpRequest(
            str(request.method),
            target.path,
            target.query,
            tuple(
                (name, value if isinstance(value, str) else value.decode()) for name, value in request.headers.items()
            ),
            body.encode() if isinstance(body, str) else bytes(body),  # type: ignore[arg-type]
        )
        with self._lock:
            try:
                answer = json_response(200, routes.answer(self._account, asked, *self._keys))
            except RazorpayRefused as refused:
                answer = json_response(refused.status, refused.body)
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, str(request.url), request
        response._content = answer.body
        return response


def _send_here(adapter: HTTPAdapter, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> Any:
    stand_in = _stand_ins.get(urlsplit(str(request.url)).netloc)
    return _send(adapter, request, *arguments, **options) if stand_in is None else stand_in.send(request)


def _settings_here(session: requests.Session, url: Any, proxies: Any, *settings: Any) -> Any:
    """Without a look at the environment for proxies, which takes longer than everything else of a request."""
    if urlsplit(str(url)).netloc not in _stand_ins:
        return _merge(session, url, proxies, *settings)
    return {"proxies": {}, "stream": False, "verify": True, "cert": None}


HTTPAdapter.send = _send_here  # type: ignore[assignment,method-assign]
requests.Session.merge_environment_settings = _settings_here  # type: ignore[assignment, method-assign]
# The SDK reads its version from the disk for each request.
importlib.metadata.version = lru_cache(maxsize=None)(importlib.metadata.version)
