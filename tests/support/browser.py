"""A headless Chromium that reaches this machine only."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.emulators import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, BrowserType

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@contextmanager
def browser_context() -> "Iterator[BrowserContext]":
    """A browser without history; its pages share storage. Skips where there is no Chromium."""
    with chromium() as (engine, options):
        browser = engine.launch(**options)
        try:
            yield browser.new_context()
        finally:
            browser.close()


@contextmanager
def chromium() -> "Iterator[tuple[BrowserType, dict[str, Any]]]":
    """The browser of this machine, and what each launch of it is given. Skips where there is none."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        unavailable("Chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium, {"executable_path": path, "chromium_sandbox": False, "args": QUIET}
