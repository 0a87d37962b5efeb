"""The URLs to which a browser may be redirected with a token: the solution's own pages only.

An open redirect would hand the token to the author of a link (RFC 9700 section 4.1). So URLs are compared component by
component, and a URL that parsers could read differently is refused before it is compared.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from entitlements.origins import DEFAULT_PORTS
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution

MAX_LENGTH: Final = 2_048
PARAMETERS: Final = ("token", "code", "state")
"""The query parameters that a redirect sets; existing parameters of these names are replaced."""
# Printable ASCII without characters that browsers reinterpret (a backslash as a slash) or never send.
_PLAIN: Final = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")


def destination(solution: Solution, return_to: str | None) -> str:
    """The URL to return to: `return_to` if given, else the solution's front end; empty if it has none.

    Raises `Refused` if the solution does not allow `return_to`.
    """
    if not return_to:
        return solution.frontend_url
    if not any(_matches(return_to, allowed) for allowed in (*solution.return_urls, solution.frontend_url) if allowed):
        raise Refused(
            Code.RETURN_TO_REFUSED, public=f"return_to must begin with one of the return_urls of {solution.solution_id}"
        )
    return return_to


def with_answer(url: str, delivery: str, answer: Mapping[str, str]) -> str:
    """The URL with the token or code, and the page's `state`, in its query or its fragment."""
    parts = urlsplit(url)
    if delivery == "fragment":
        return urlunsplit(parts._replace(fragment=urlencode(answer)))
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in PARAMETERS]
    return urlunsplit(parts._replace(query=urlencode([*kept, *answer.items()]), fragment=""))


def _matches(url: str, allowed: str) -> bool:
    """Whether `url` has the scheme, host and port of `allowed`, a path that begins with its path at a segment boundary,
    and no query parameters that `allowed` lacks: a page may act on any parameter in its own URL.
    """
    if len(url) > MAX_LENGTH or not _PLAIN.fullmatch(url):
        return False
    try:
        asked, ours = urlsplit(url), urlsplit(allowed)
        same = [(p.scheme, p.hostname, p.port or DEFAULT_PORTS.get(p.scheme)) for p in (asked, ours)]
    except ValueError:
        return False
    if same[0] != same[1] or "@" in asked.netloc or "%" in asked.netloc:
        return False
    if not Counter(asked.query.split("&")) <= Counter(["", *ours.query.split("&")]):
        return False
    path, prefix = asked.path or "/", ours.path or "/"
    if any(unquote(segment) in (".", "..") or "/" in unquote(segment) or "\\" in unquote(segment)
           for segment in path.split("/")) or "//" in path:  # fmt: skip
        return False
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")
