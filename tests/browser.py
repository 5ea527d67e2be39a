"""A real browser for tests of pages: `page` is a tab, `pages` opens more; both fail a test whose page complained or called out.

A test that uses them runs after those that use none (the loop that drives the browser lives in this thread), and is skipped,
with what to install, where there is no browser. Within such a test `asyncio.run` belongs into a thread of its own.
"""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = f"no browser: none of {', '.join(NAMES)} is on the PATH. Try: apt-get install chromium"
# Nothing has a name for this browser but the machine itself: a page cannot reach further even when it tries to.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
OURS = re.compile(r"(file:///|data:|blob:|about:|(http|ws)://127\.0\.0\.1(:\d+)?(/|$))")
ASKED = "browser tests that did not run"
# How long a fact may take: only one that never comes costs so much, and a busy machine takes seconds for charts.
PATIENCE_MS = 60_000

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with browser tests come last, so that no other test shares its thread with the browser's loop."""
    with_browser = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path in with_browser)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that pages were not looked at: among a thousand dots nobody sees a skipped test."""
    skipped = [report for report in terminalreporter.getreports("skipped") if MISSING in str(report.longrepr)]
    if skipped:
        terminalreporter.section(ASKED, red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests of pages did not run, so nothing is known of these pages. {MISSING}")


@pytest.fixture(scope="session")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Chromium without a window, one for all tests."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(MISSING)
    playwright: Playwright = request.getfixturevalue("_playwright")
    started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
    expect.set_options(timeout=PATIENCE_MS)
    yield started
    started.close()


@pytest.fixture
def faults() -> list[str]:
    """What pages complained of and whom they called; what is left here at the end fails the test, what a test expects it removes."""
    return []


@pytest.fixture
def pages(browser: Browser, faults: list[str], request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens tabs, each like a browser of its own: `pages(viewport={"width": 360, "height": 740}, color_scheme="dark")`."""
    loop = request.getfixturevalue("_playwright")._loop
    asyncio._set_running_loop(loop)  # as each of its own calls does
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        _listen(page, faults)
        return page

    try:
        yield open_page
        for context in contexts:
            context.close()
    finally:
        asyncio._set_running_loop(None)  # the next test may have one of its own
    assert not faults, "\n".join(faults)


@pytest.fixture
def page(pages: OpenPage) -> Page:
    """One tab of 1280 × 800."""
    return pages(viewport={"width": 1280, "height": 800})


def _listen(page: Page, faults: list[str]) -> None:
    def called(url: str) -> None:
        if not OURS.match(url):
            faults.append(f"the page called {url}")

    page.on("console", lambda said: faults.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("request", lambda request: called(request.url))
    page.on("websocket", lambda socket: called(socket.url))


def url_of(path: Path) -> str:
    """The address of a file."""
    return path.resolve().as_uri()
