"""Pages of kept runs in a real browser: looked at in light and dark, on a desk and a phone, and changed by a click."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import expect

from loadstone.dashboard import history_app
from loadstone.live.dashboard.guard import Guard
from loadstone.live.dashboard.listen import Address, listen
from loadstone.report.json import render_json
from loadstone.store.rows import Policy
from loadstone.store.store import Store
from loadstone.testing.kept_runs import make_parts, make_row
from loadstone.testing.past_runs import keep, scattered
from tests.report.html_runs import HOSTILE, hostile, slowing, told_of

OpenPage = Callable[..., Any]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Two runs that can be compared, one full of what pages may take for their own, and one that was changed by hand."""
    url = f"sqlite:///{tmp_path}/runs.db"
    plain, evil = (render_json(told) for told in (told_of(slowing()), hostile()))
    with Store.open(url) as store:
        for number in range(2):
            store.add(make_row(number, id=f"run{number}"), make_parts(slowing(), document=plain, keep_seconds=True))
        facts = {"plan_name": HOSTILE, "suite": HOSTILE, "target": HOSTILE, "git_branch": HOSTILE, "tags": {HOSTILE: HOSTILE}}
        store.add(make_row(2, id="evil", work_hash="other", flagged=HOSTILE, **facts), make_parts(document=evil, keep_seconds=True))
        store.make_baseline("main", Policy())
    return url


@pytest.fixture
def site(store_url: str) -> Iterator[str]:
    """The address of the pages, without a slash at its end."""
    listening = listen(Address())
    app = Guard(history_app(lambda: Store.open(store_url, make=False)), host=listening.host, port=listening.port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.socket]})
    thread.start()
    yield listening.url.rstrip("/")
    server.should_exit = True
    thread.join(120)
    listening.socket.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")])
def test_every_page_fits_its_screen_and_follows_the_systems_colours(site: str, pages: OpenPage, width: int, scheme: str) -> None:
    page = pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for path in ("/", "/runs/run1", "/compare?before=run0&after=run1", "/trend", "/baselines"):
        page.goto(site + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the screen"
        light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 248)"
        assert light == (scheme == "light"), path
        assert page.locator("main").count() == 1, path


def test_a_keyboard_skips_to_the_content_and_scrolls_tables(site: str, page: Any) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for path in ("/", "/compare?before=run0&after=run1", "/baselines"):
        page.goto(site + path)
        assert page.locator(".scroll").count() == page.locator(".scroll[tabindex='0'][aria-label]").count() > 0, path


def test_a_run_is_found_and_its_page_leads_to_the_one_before(site: str, page: Any) -> None:
    page.goto(site)
    page.fill("[name=find]", "run1")
    page.click("button:text-is('Search')")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody a")).to_have_attribute("href", "/runs/run1")
    page.goto(f"{site}/runs/run1")
    expect(page.get_by_text("Compare with the run before it")).to_have_attribute("href", "/compare?before=run0&after=run1")
    page.goto(f"{site}/runs/run0")
    expect(page.get_by_text("Compare with the run before it")).to_have_count(0)


def test_two_chosen_runs_are_compared(site: str, page: Any) -> None:
    page.goto(site)
    page.check("[value=run0]")
    page.check("[value=run1]")
    page.click("text=Compare the chosen")
    expect(page.locator("[name=before]")).to_have_value("run0")
    expect(page.locator("section .pill").first).to_be_visible()


def test_a_trend_is_drawn_and_drawn_anew_in_other_colours(site: str, page: Any) -> None:
    page.goto(f"{site}/trend?metric=p95(http.response_time)&limit=2s")
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    line = "document.querySelector('[data-trend]').data.at(-1).line.color"
    before = page.evaluate(line)
    page.click("#theme")
    page.wait_for_function(f"{line} !== {before!r}")


def test_a_trend_marks_its_change_and_shows_where_it_leads_with_a_band(site: str, store_url: str, page: Any) -> None:
    creeping = [level * 1.02**at for at, level in enumerate(scattered(30, 15, 4, 0.005))]
    with Store.open(store_url) as store:
        keep(store, [*scattered(20, 12, 3, 0.01), *creeping], first=1000)
    page.goto(f"{site}/trend?metric=p95(http.response_time)&limit=80ms")
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    expect(page.get_by_text("Changed at run")).to_contain_text(", worse")
    names, ends = "names: data.map((one) => one.fill || one.name || '')", "xs: data.map((one) => one.x.at(-1))"
    told = f"({{data, layout}}) => ({{{names}, {ends}, shapes: layout.shapes.length}})"
    drawn = page.evaluate(f"({told})(document.querySelector('[data-trend]'))")
    assert "tonexty" in drawn["names"], "no band"
    assert "where it leads" in drawn["names"]
    assert drawn["shapes"] == 2, "a change and the limit"
    assert max(drawn["xs"]) > drawn["xs"][-1], "the line ends with the runs"


@pytest.mark.parametrize("arrived", ["commit", "domcontentloaded", "load"])
def test_a_run_is_promoted_by_whoever_clicks_before_the_page_is_whole(site: str, store_url: str, page: Any, arrived: Any) -> None:
    page.goto(f"{site}/runs/run1", wait_until=arrived)
    page.click("button:text-is('Promote')")
    expect(page.locator("#answer")).to_have_text("run run1 is pinned in main")
    with Store.open(store_url) as store:
        assert "run1" in {member.run.id for each in store.baselines() for member in each.members if member.run and member.pinned}


def test_nothing_can_be_clicked_that_would_do_nothing_yet(site: str, page: Any, faults: list[str]) -> None:
    page.route("**/history.js", lambda route: route.abort())
    for path, button in (("/runs/run1", "Promote"), ("/baselines", "Promote"), ("/baselines", "Retire")):
        page.goto(site + path, wait_until="domcontentloaded")
        expect(page.locator(f"button:text-is('{button}')").first).to_be_disabled()
    assert all("ERR_FAILED" in fault for fault in faults), faults
    faults.clear()


def test_a_run_is_promoted_and_its_baseline_retired_when_one_is_sure(site: str, store_url: str, page: Any) -> None:
    page.goto(f"{site}/runs/run1")
    expect(page.frame_locator("iframe.report").locator("#verdict")).to_be_visible()
    page.click("button:text-is('Promote')")
    expect(page.locator("#answer")).to_have_text("run run1 is pinned in main")
    page.goto(f"{site}/baselines")
    expect(page.locator("tbody tr")).to_contain_text("pinned")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.click("text=Retire")
    with Store.open(store_url) as store:
        assert [each.name for each in store.baselines()] == ["main"], "retired although nobody was sure"
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("text=Retire")
    expect(page.locator("#answer")).to_have_text("main is retired")
    with Store.open(store_url) as store:
        assert store.baselines() == []


def test_what_is_refused_is_told_where_it_was_asked(site: str, page: Any, faults: list[str]) -> None:
    page.goto(f"{site}/baselines")
    page.fill("[name=run]", "nobody")
    page.click("text=Promote")
    expect(page.locator("#answer.bad")).to_contain_text("nobody")
    assert all("409" in fault for fault in faults), faults
    faults.clear()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs/evil",
        "/compare?before=evil&after=run1",
        "/trend?metric=p95(http.response_time)",
        "/?find=%3Cimg%20src=x%20onerror=alert(1)%3E",
    ],
)
def test_names_from_outside_are_text_on_every_page(site: str, page: Any, path: str) -> None:
    page.goto(site + path)
    page.wait_for_load_state("load")
    for frame in page.frames:
        assert frame.evaluate("window.pwned") is None
        assert frame.locator("img").count() == 0
    if path == "/runs/evil":
        expect(page.frame_locator("iframe.report").locator("#verdict")).to_be_visible()
        assert "window.pwned = 1" in page.frame_locator("iframe.report").locator(".brand").inner_text()
    if path == "/":
        assert "window.pwned = 1" in page.inner_text("tbody")


def test_a_browser_that_goes_away_in_the_middle_of_a_page_harms_nobody(site: str, page: Any) -> None:
    host, _, port = site.removeprefix("http://").partition(":")
    for _ in range(3):
        gone = socket.create_connection((host, int(port)))
        gone.sendall(f"GET /runs/run1/report HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        gone.close()
    page.goto(site)
    expect(page.locator("tbody tr")).to_have_count(3)
