"""A monitor in the dashboard, in a real browser: what was kept, each second, how rules stand, and alerts."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import expect

from loadstone.cli.dashboard_options import about
from loadstone.dashboard import history_app
from loadstone.judge.alert_rules import parse_rule
from loadstone.live.dashboard.guard import Guard
from loadstone.live.dashboard.listen import Address, listen
from loadstone.live.dashboard.sink import DashboardSink
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series
from loadstone.monitor import Monitor
from loadstone.store.store import Store
from loadstone.store.windows import WindowStore
from loadstone.testing.samples import make_snapshot
from tests.browsing.test_dashboard_page import until
from tests.dashboard.test_history_pages import ask

EVIL = "<img src=x onerror=alert(1)>"
SHOTS = os.environ.get("SHOTS")
RULES = ("response: p95(http.response_time) warning > 1s critical > 5s", "memory: max(target.memory) warning > 1GB")


def seconds(monitor: Monitor, count: int, median_ms: float) -> None:
    for number in range(count):
        second = make_snapshot(number, steps={"home": (2, median_ms)})
        monitor.snapshot(replace(second, gauges={**second.gauges, Series("target.memory"): Gauge.of(3e8 + 1e6 * number)}))


class Watched:
    """A monitor that is shown, on a file that an earlier one left."""

    def __init__(self, store: WindowStore) -> None:
        listening, catalogue = listen(Address()), Catalogue()
        self.url = listening.url
        self.sink = DashboardSink(listening, about(EVIL, "http://127.0.0.1:9", None, catalogue, "monitor"), niceness=0)
        self.monitor = Monitor(EVIL, catalogue, map(parse_rule, RULES), store, view=self.sink, window_s=10.0)


def left(path: Path) -> None:
    """What an earlier monitor left."""
    first = Monitor(EVIL, Catalogue(), map(parse_rule, RULES), WindowStore(path), window_s=10.0)
    seconds(first, 100, 200.0)
    seconds(first, 20, 2000.0)
    first.end()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    left(tmp_path / "m.sqlite")
    made = Watched(WindowStore(tmp_path / "m.sqlite"))
    yield made
    made.monitor.end()
    made.sink._ours.shutdown(socket.SHUT_RDWR)
    made.sink.process.wait(120)
    made.sink._ours.close()


@pytest.fixture
def going(tmp_path: Path) -> Iterator[Monitor]:
    """A monitor that goes on, and has no dashboard of its own."""
    left(tmp_path / "m.sqlite")
    monitor = Monitor(EVIL, Catalogue(), map(parse_rule, RULES), WindowStore(tmp_path / "m.sqlite"), window_s=10.0)
    yield monitor
    monitor.end()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_monitor_shows_what_it_kept_its_rules_and_its_alerts(
    watched: Watched, pages: Callable[..., Any], width: int, scheme: str
) -> None:
    seconds(watched.monitor, 10, 2000.0)
    page = pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(watched.url)
    page.wait_for_selector("[data-chart=latency] .main-svg")
    expect(page.locator("#verdict")).to_have_text("warning")
    expect(page.locator("#gates-title")).to_have_text("Alert rules")
    expect(page.locator("#gates li.warning .gate")).to_have_text("response: p95(http.response_time)")
    expect(page.locator("#gates li.pass .gate")).to_have_text("memory: max(target.memory)")
    assert "limit 5 s" in (page.text_content("#gates li.warning small") or "")
    assert "warning before" in (page.text_content("#events") or ""), "an alert of the earlier monitor"
    assert page.text_content("#name") == EVIL, "a name became markup"
    until(page, "document.querySelector('[data-chart=latency] .room').data[0].x.length > 15")  # windows of before, and seconds of now
    seconds(watched.monitor, 10, 6000.0)
    expect(page.locator("#verdict")).to_have_text("critical")
    expect(page.locator("#events li").first).to_contain_text("critical raised")
    seconds(watched.monitor, 10, 10.0)
    expect(page.locator("#verdict")).to_have_text("all fine")
    expect(page.locator("#events li").first).to_contain_text("recovered")
    expect(page.locator("#controls")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if SHOTS:
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{SHOTS}/monitor-{width}-{scheme}.png", full_page=True)


@pytest.fixture
def site(going: Monitor, tmp_path: Path) -> Iterator[str]:  # noqa: ARG001  it writes the file
    """The dashboard of what is kept, beside a monitor that goes on."""
    listening = listen(Address())
    url = f"sqlite:///{tmp_path}/runs.db"
    Store.open(url).close()
    app = Guard(history_app(lambda: Store.open(url), tmp_path / "m.sqlite"), host=listening.host, port=listening.port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.socket]})
    thread.start()
    yield listening.url.rstrip("/")
    server.should_exit = True
    thread.join(120)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_history_has_what_a_monitor_keeps_while_it_goes_on(
    site: str, going: Monitor, pages: Callable[..., Any], width: int, scheme: str
) -> None:
    seconds(going, 20, 6000.0)
    page = pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(site)
    page.get_by_role("link", name="Monitor").click()
    page.wait_for_selector("[data-chart=latency] .main-svg")
    rows = page.locator("section:has(h2:text-is('windows')) tbody tr")
    expect(rows).to_have_count(14)
    expect(page.locator("section:has(h2:text-is('Alerts')) tbody tr").first).to_contain_text("critical")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if SHOTS:
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{SHOTS}/kept-{width}-{scheme}.png", full_page=True)
    page.select_option("[name=length]", "hours")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("section:has(h2:text-is('hours')) tbody tr")).to_have_count(1)
    seconds(going, 10, 10.0)
    page.goto(f"{site}/monitor?length=windows")
    expect(rows).to_have_count(15)


def test_without_the_file_of_a_monitor_the_page_says_what_to_try(tmp_path: Path) -> None:
    status, text = ask(f"sqlite:///{tmp_path}/runs.db", "/monitor")
    assert status == 404
    assert "loadstone dashboard --monitor FILE" in text
