"""A headless Chromium that reaches this machine only."""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.support.emulators import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, BrowserType

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one has no interface to draw, and takes two thirds of the time."""
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
    engine, options = chromium()
    browser = engine.launch(**options)
    try:
        yield browser.new_context()
    finally:
        browser.close()


@cache
def chromium() -> "tuple[BrowserType, dict[str, Any]]":
    """The browser of this machine, and what each launch of it is given. Skips where there is none.

    What drives it lives as long as this process: there can be one only, and tests that use it may overlap.
    """
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        unavailable("Chromium")
    driver = sync_playwright().start()
    atexit.register(driver.stop)
    return driver.chromium, {"executable_path": path, "chromium_sandbox": False, "args": QUIET}
