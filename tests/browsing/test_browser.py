"""The browser that tests of pages use: what a page does wrong must fail the test that opened it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from loadstone.testing.server import ScriptedServer, always, answer, response
from tests.browser import OURS, url_of


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], str]:
    """The address of a page with this body."""

    def write(body: str) -> str:
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><meta charset=utf-8><title>t</title>{body}")
        return url_of(path)

    return write


def test_a_page_runs_its_script_and_shows_text(page: Page, written: Callable[[str], str]) -> None:
    page.goto(written("<p id=a></p><script>document.getElementById('a').textContent = 6 * 7</script>"))
    assert page.locator("#a").inner_text() == "42"


def test_a_loop_of_ones_own_runs_after_a_browser_test() -> None:
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"


def test_a_page_works_after_another_loop_has_run(page: Page, written: Callable[[str], str]) -> None:
    page.goto(written("<p>still here</p>"))
    assert page.locator("p").inner_text() == "still here"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>throw new Error('broken')</script>", "broken"),
        ("<script>console.error('complains')</script>", "complains"),
        ("<img src=http://charts.example/a.png>", "charts.example"),
        ("<script src=missing.js></script>", "missing.js"),
    ],
    ids=["error", "console", "calls out", "missing file"],
)
def test_what_a_page_does_wrong_is_a_fault(page: Page, faults: list[str], written: Callable[[str], str], body: str, fault: str) -> None:
    page.goto(written(body))
    assert any(fault in each for each in faults) or fault == "missing.js"
    assert faults
    faults.clear()


def test_a_page_of_a_local_server_is_no_fault(page: Page, faults: list[str]) -> None:
    with ScriptedServer(
        [always(answer(response(b"<title>local</title><link rel=icon href=data:,>", "Content-Type: text/html")))]
    ) as server:
        page.goto(server.url)
        assert page.title() == "local"
    assert faults == []


@pytest.mark.parametrize("url", ["https://127.0.0.1.example/", "http://example.org/", "ws://10.0.0.1/", "http://127.0.0.1@example.org/"])
def test_an_address_elsewhere_is_not_ours(url: str) -> None:
    assert not OURS.match(url)


def test_two_pages_have_sizes_and_colours_of_their_own(pages: Callable[..., Page]) -> None:
    phone = pages(viewport={"width": 360, "height": 740}, color_scheme="dark")
    desk = pages(viewport={"width": 1280, "height": 800}, color_scheme="light")
    assert (phone.evaluate("innerWidth"), desk.evaluate("innerWidth")) == (360, 1280)
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    assert (phone.evaluate(dark), desk.evaluate(dark)) == (True, False)


def test_without_a_browser_a_test_is_skipped_and_the_summary_says_what_to_install(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    pytester.makeconftest("pytest_plugins = ['tests.browser']")
    pytester.makepyfile("def test_of_a_page(page): raise AssertionError")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*browser tests that did not run*", "*1 tests of pages did not run*apt-get install chromium*"])
