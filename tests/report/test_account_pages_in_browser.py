"""The pages of accounts in a real browser: wide and narrow, light and dark, with names that pretend to be markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from loadstone.report.html.page import render_html
from tests.report import account_samples as samples


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("kind", ["users", "sweep", "comparison", "trend", "monitor"])
def test_a_page_fits_its_window_and_shows_its_charts(page: Page, tmp_path: Path, kind: str, width: int, scheme: str) -> None:
    account = samples.every()[kind]
    path = tmp_path / "page.html"
    path.write_bytes(render_html(account))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())
    assert page.locator("#verdict").inner_text() == account.word
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.locator(".pictures svg >> visible=true")
    assert shown.count() == len(account.charts)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(ground[4:].split(",")[0]) < 128) == (scheme == "dark")
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('.pictures svg')].filter((each) => each.getBoundingClientRect().width)"
        ".map((each) => 12 * each.getBoundingClientRect().width / each.viewBox.baseVal.width))"
    )
    assert smallest >= 11  # px of letters: a picture that is scaled down cannot be read


def test_paper_is_light_for_a_reader_who_chose_dark(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(render_html(samples.every()["users"]))
    page.emulate_media(color_scheme="dark")
    page.goto(path.as_uri())
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    ink, line = "getComputedStyle(document.body).color", "getComputedStyle(document.body).getPropertyValue('--ls-ink').trim()"
    assert page.evaluate(f"[{ink}, {line}]") == ["rgb(232, 232, 230)", "#e6ebf2"]
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(f"[{ink}, {line}]") == ["rgb(28, 29, 33)", "#1c2430"]


def test_names_that_pretend_to_be_markup_are_text(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(render_html(samples.hostile()))
    page.goto(path.as_uri())
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert "window.pwned = 1" in page.locator(".why").inner_text()
    assert "{{ 7 * 7 }}" in page.locator(".why").inner_text()
