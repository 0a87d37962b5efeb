"""The files of the portal as they are published: contents, content types, and how long they are cached."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from gatepass.portal import GUIDE, PAGE, PORTAL, TYPES, VENDOR, with_addresses, with_folder, with_settings
from gatepass.published_script import SOURCE, published

REVALIDATED: Final = "no-cache"
"""Browsers keep a file, and ask each time whether it has changed: RFC 9111, section 5.2.2.4."""
FOREVER: Final = "public, max-age=31536000, immutable"
"""A year, and never asked for again: RFC 9111 and RFC 8246."""


class PortalFile(NamedTuple):
    """A file at the portal's root. `cache_control` and `content_type` are header values."""

    name: str
    content: bytes
    content_type: str
    cache_control: str = REVALIDATED

    @property
    def versioned(self) -> bool:
        """Whether its name has a version, so that its bytes must never change."""
        return self.cache_control == FOREVER


def portal_files(settings: Mapping[str, str], portal: str, token_service: str) -> tuple[PortalFile, ...]:
    """The files in the order to publish them: the page last, because it decides which others are loaded.

    `settings` are those of the page's `<meta>` elements; `portal` and `token_service` are the URLs for programs,
    without a slash at the end. The source of `gatepass.js` is left out: `gatepass-VERSION.js` is published instead.
    """
    script = published()
    files = [PortalFile(script.name, script.content, _type(".js"), FOREVER)]
    paths = [*PORTAL.iterdir(), *(PORTAL / VENDOR).iterdir()]
    for path in sorted(paths, key=lambda path: (path.name == PAGE, path)):
        if path.suffix not in TYPES or path.name == SOURCE.name:
            continue
        text = path.read_text(encoding="utf-8")
        if path.name == PAGE:
            text = with_settings(with_folder(text, "/"), settings)
        elif path.name == GUIDE:
            text = with_addresses(text, settings["portal-name"], portal, token_service)
        files.append(PortalFile(path.relative_to(PORTAL).as_posix(), text.encode(), _type(path.suffix)))
    return tuple(files)


def _type(suffix: str) -> str:
    return f"{TYPES[suffix]}; charset=utf-8"
