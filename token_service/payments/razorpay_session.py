"""The HTTP session under Razorpay's SDK. A module of its own, since `requests` takes long to import."""

from collections.abc import Callable
from typing import Any, Final

import requests

from token_service.payments.failures import KeyRefused, unavailable

LEAST_SECONDS: Final = 0.05
CONNECT_SECONDS: Final = 2.0


def session(seconds_left: Callable[[], float]) -> requests.Session:
    """A session whose calls end in the time left, and raise `Refused` (503) for anything but a JSON object
    below 500, and `KeyRefused`.

    The SDK prints a line for every exception of `requests`, so none of them may reach it.
    """
    return _Session(seconds_left)


class _Session(requests.Session):
    def __init__(self, seconds_left: Callable[[], float]) -> None:
        super().__init__()
        self._seconds_left = seconds_left

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        left = self._seconds_left()
        if left < LEAST_SECONDS:
            raise unavailable("no time is left to ask")
        options |= {"timeout": (min(left, CONNECT_SECONDS), left), "allow_redirects": False}
        try:
            response = super().request(method, url, *arguments, **options)
        except requests.RequestException as error:
            raise unavailable(type(error).__name__) from error
        if response.status_code == 429 or response.status_code >= 500:
            raise unavailable(f"status {response.status_code}")
        if response.status_code in (401, 403):
            raise KeyRefused
        try:
            document = response.json()
        except ValueError as error:
            raise unavailable("the answer is not JSON") from error
        if not isinstance(document, dict) or not isinstance(document.get("error", {}), dict):
            raise unavailable("the answer is no object")
        return response
