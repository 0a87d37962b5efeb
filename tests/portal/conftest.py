"""One local stack and one browser for all tests of the portal: both are slow to start."""

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import browser_context
from tests.support.command import Command
from tests.support.portal_visit import Visitor
from tests.support.running_stack import RunningStack, running_stack

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="package")
def browser() -> "Iterator[BrowserContext]":
    with browser_context() as context:
        yield context


@pytest.fixture(scope="package")
def stack(
    processes: None, browser: "BrowserContext", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    with running_stack(Command(None, tmp_path_factory.mktemp("bin"))) as stack:
        yield stack
        # The terminal is closed, as users do.
        assert "nothing was kept" in stack.end(signal.SIGHUP)


@pytest.fixture
def unvisited(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of which nobody has asked anything: all browsers here have one address, and its gate remembers refusals."""
    with running_stack(Command(None, tmp_path_factory.mktemp("bin"))) as stack:
        yield stack


@pytest.fixture
def visitor(stack: RunningStack, browser: "BrowserContext") -> Iterator[Visitor]:
    """In a browser without history. Closing single tabs of one that all share has hung."""
    assert browser.browser is not None
    context = browser.browser.new_context()
    visitor = Visitor(stack, context)
    yield visitor
    context.close()
    assert visitor.errors == []
