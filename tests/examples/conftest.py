"""The browser, which is slow to start, and what it looks at."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import browser_context
from tests.support.shop import Shop, open_shop

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="module")
def browser() -> "Iterator[BrowserContext]":
    with browser_context() as context:
        yield context


@pytest.fixture
def shop(browser: "BrowserContext", moto_endpoint: str, tmp_path: Path, mailbox: Path) -> Iterator[Shop]:
    with open_shop(browser, moto_endpoint, tmp_path, mailbox) as shop:
        yield shop
