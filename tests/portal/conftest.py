"""One local stack and one browser for all tests of the portal: both are slow to start."""

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import chromium
from tests.support.command import Command
from tests.support.portal_visit import Visitor
from tests.support.running_stack import RunningStack, running_stack

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, BrowserType


@pytest.fixture(scope="package")
def launcher() -> "Iterator[tuple[BrowserType, dict[str, Any]]]":
    with chromium() as found:
        yield found


@pytest.fixture
def engine(launcher: "tuple[BrowserType, dict[str, Any]]") -> "BrowserType":
    """For browsers with a profile of their own."""
    return launcher[0]


@pytest.fixture
def options(launcher: "tuple[BrowserType, dict[str, Any]]") -> dict[str, Any]:
    """What each launch is given."""
    return launcher[1]


@pytest.fixture(scope="package")
def browser(launcher: "tuple[BrowserType, dict[str, Any]]") -> "Iterator[BrowserContext]":
    engine, options = launcher
    browser = engine.launch(**options)
    yield browser.new_context()
    browser.close()


@pytest.fixture(scope="package")
def stack(
    processes: None, launcher: "tuple[BrowserType, dict[str, Any]]", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    with running_stack(Command(None, tmp_path_factory.mktemp("bin"))) as stack:
        yield stack
        # The terminal is closed, as users do.
        assert "nothing was kept" in stack.end(signal.SIGHUP)


@pytest.fixture
def visitor(stack: RunningStack, browser: "BrowserContext") -> Iterator[Visitor]:
    """In a new tab, which has no session of another."""
    visitor = Visitor(stack, browser)
    yield visitor
    visitor.page.close()
    assert visitor.errors == []
