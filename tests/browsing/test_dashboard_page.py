"""The page of a run that goes on, in a real browser."""

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from loadstone.live.dashboard.listen import Address, listen
from loadstone.live.dashboard.sink import DashboardSink
from loadstone.measure.event import Event
from loadstone.testing.samples import make_snapshot

EVIL = "<img src=x onerror=alert(1)>"
ABOUT = {"name": EVIL, "target": "http://127.0.0.1:9", "duration_s": 60.0, "started_at": "", "metrics": {}}


class Live:
    """A run that is shown."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        listening = listen(Address())
        self.url = listening.url
        self.sink = DashboardSink(listening, ABOUT, steer=self._steer)

    def _steer(self, asked: Mapping[str, Any]) -> str:
        self.asked.append(asked)
        return f"{asked['do']}: done"


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live()
    yield made
    made.sink.close()
    made.sink._ours.shutdown(socket.SHUT_RDWR)
    made.sink.process.wait(20)
    made.sink._ours.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_viewer_sees_the_past_each_second_and_can_steer(live: Live, pages: Callable[..., Any], width: int, scheme: str) -> None:
    for seq in range(3):
        live.sink.snapshot(make_snapshot(seq))
    page = pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(live.url)
    page.wait_for_selector(".chart .js-plotly-plot, .chart .ls-chart")
    assert page.text_content("#name") == EVIL, "a name became markup"
    live.sink.judged([], [Event(1.0, "control", EVIL)])
    live.sink.snapshot(make_snapshot(3))
    page.wait_for_selector("html[data-drawn]")
    page.wait_for_selector("#events li b:text-is('control')")
    page.click("[data-do=pause]")
    page.wait_for_selector("#answer:text-is('pause: done')")
    assert live.asked == [{"do": "pause"}]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
    live.sink.close()
    page.wait_for_selector("#status:text-is('run ended')")
    assert page.locator(".chart").count() > 0, "what was shown is gone"


def test_two_viewers_see_the_same_and_one_that_is_frozen_holds_up_nobody(live: Live, pages: Callable[..., Any]) -> None:
    live.sink.snapshot(make_snapshot(0))
    first, second = pages(), pages()
    frozen = socket.create_connection(("127.0.0.1", int(live.url.rstrip("/").rpartition(":")[2])))
    frozen.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % frozen.getpeername()[1])  # and reads nothing, ever
    for page in (first, second):
        page.goto(live.url)
        page.wait_for_selector(".chart .js-plotly-plot, .chart .ls-chart")
    for seq in range(1, 40):
        live.sink.snapshot(make_snapshot(seq))
    for page in (first, second):
        page.wait_for_selector(".tile b:text-is('00:40')")
    live.sink.ended("pass", 0, "")
    live.sink.close()
    for page in (first, second):
        page.wait_for_selector("#status:text-is('run ended')")
        page.wait_for_selector("#verdict:text-is('pass')")
    frozen.close()
