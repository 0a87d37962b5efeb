"""The portal: the marketplace's static pages, their settings, and the policy that browsers hold them to."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gatepass.repository_files import repository_file

PORTAL: Final[Path] = repository_file("portal")
PAGE: Final = "index.html"
"""What every address without a file extension shows: the scripts read the path."""
GUIDE: Final = "llms.txt"
"""How a program gets a token (https://llmstxt.org)."""
VENDOR: Final = "vendor"
"""The folder of what others wrote, in `PORTAL`: files of a pinned version, as its `SHA256SUMS` has them."""
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".txt": "text/plain",
}
"""The content types of the portal's files, by their suffix. All of them are UTF-8."""
RAZORPAY: Final[Mapping[str, tuple[str, ...]]] = {
    "script-src": ("https://checkout.razorpay.com", "https://cdn.razorpay.com"),
    "img-src": ("https://cdn.razorpay.com",),
    "frame-src": ("https://api.razorpay.com",),
    "connect-src": ("https://lumberjack.razorpay.com", "https://lumberjack-metrics.razorpay.com"),
}
"""What Razorpay's Checkout loads, as Razorpay's own plugin declares it: razorpay/razorpay-magento,
etc/csp_whitelist.xml."""

_OWN_FILE: Final = re.compile(r'\b(href|src)="(?!/|#|[a-z]+:)(?:\./)?')


def with_settings(page: str, settings: Mapping[str, str]) -> str:
    """The page with the contents of the `<meta>` elements of these names, and the `data-` attributes of its script tag,
    replaced. Names that it lacks are ignored.
    """
    for name, value in settings.items():
        for mark in (f'<meta name="{name}" content="', f' data-{name}="'):
            before, found, after = page.partition(mark)
            if found:
                page = before + found + escape(value) + after[after.index('"') :]
    return page


def with_folder(page: str, folder: str) -> str:
    """The page with the addresses of its own files from the root of the site, so that it works at every address.

    `folder` is the path that the portal is served from, with a slash at both ends. A `<base>` would do without this,
    but the policy forbids it to markup that somebody injects.
    """
    return _OWN_FILE.sub(rf'\1="{folder}', page)


def with_addresses(guide: str, portal_name: str, portal: str, token_service: str) -> str:
    """The guide for programs with the marketplace's name and URLs. `portal` and `token_service` end without a slash."""
    for mark, value in (("PORTAL-NAME", portal_name), ("PORTAL", portal), ("TOKEN-SERVICE", token_service)):
        guide = guide.replace(f"{{{mark}}}", " ".join(value.split()))
    return guide


def security_policy(token_service: str, razorpay_script: str) -> str:
    """The portal's Content-Security-Policy: its own files, the token service, and Razorpay, where the script is from.

    Takes URLs and allows their origins; an empty `token_service` is the portal's own origin. A script that is not
    Razorpay's, such as the stand-in's, is allowed that one origin instead of Razorpay's.
    """
    script = _origin(razorpay_script)
    real = script in RAZORPAY["script-src"]
    allowed = {name: RAZORPAY[name] if real else (script,) for name in RAZORPAY}
    policy = {
        "default-src": ("'none'",),
        "script-src": ("'self'", *allowed["script-src"]),
        "style-src": ("'self'",),
        "img-src": ("data:", *allowed["img-src"]),
        "connect-src": (_origin(token_service) if token_service else "'self'", *allowed["connect-src"]),
        "frame-src": allowed["frame-src"],
        "base-uri": ("'none'",),
        "form-action": ("'none'",),
        "frame-ancestors": ("'none'",),
    }
    return "; ".join(" ".join((name, *sources)) for name, sources in policy.items())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
