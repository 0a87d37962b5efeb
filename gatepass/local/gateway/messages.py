"""HTTP messages as values, without sockets. The core takes and returns them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HttpRequest:
    """One request as received: path and query percent-encoded, with duplicate headers."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"

    def header_values(self, name: str) -> list[str]:
        """All values of a header. Its name is not case-sensitive (RFC 9110, section 5.1)."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query parameters, decoded, in order."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True)
class HttpResponse:
    """One response. The server that writes it adds `Content-Length`."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def json_response(status: int, body: object, headers: Headers = ()) -> HttpResponse:
    """A JSON response in the compact form that API Gateway uses for its own messages."""
    text = json.dumps(body, separators=(",", ":"))
    return HttpResponse(status, (("Content-Type", "application/json"), *headers), text.encode())
