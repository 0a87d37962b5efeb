"""Web origins, the same for CORS, redirects, forms and the CORS settings that `attach` makes.

Browsers compare origins as text, so they are written here as browsers do: scheme and host in lower case, no default
port, IPv6 addresses in brackets (https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin).
"""

from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from entitlements.solution import Solution

DEFAULT_PORTS: Final = MappingProxyType({"http": 80, "https": 443})


def origin_of(url: str) -> str:
    """The origin of an absolute URL. Raises `ValueError` for an invalid port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}"


def origins_of(solution: Solution) -> set[str]:
    """The origins of a solution's own pages: its front end and its return URLs."""
    return {origin_of(url) for url in (solution.frontend_url, *solution.return_urls) if url}
