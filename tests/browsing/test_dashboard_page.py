"""The page of a run that goes on, in a real browser."""

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import expect

from loadstone.judge.verdict import Status
from loadstone.live.dashboard.listen import Address, listen
from loadstone.live.dashboard.sink import DashboardSink
from loadstone.measure.event import Event
from loadstone.measure.snapshot import Failure, Gauge
from loadstone.testing.samples import make_series, make_snapshot, make_story
from tests.browser import PATIENCE_MS

EVIL = "<img src=x onerror=alert(1)>"
METRICS = {"http.response_time": {"kind": "distribution", "unit": "ms", "scale": 1e6}}
ABOUT = {"name": EVIL, "target": "http://127.0.0.1:9", "duration_s": 60.0, "started_at": "", "metrics": METRICS}


class Live:
    """A run that is shown."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        listening = listen(Address())
        self.url = listening.url
        self.sink = DashboardSink(listening, ABOUT, steer=self._steer, niceness=0)

    def _steer(self, asked: Mapping[str, Any]) -> str:
        self.asked.append(asked)
        return f"{asked['do']}: done"


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live()
    yield made
    made.sink.close()
    made.sink._ours.shutdown(socket.SHUT_RDWR)
    made.sink.process.wait(120)
    made.sink._ours.close()


def until(page: Any, condition: str) -> None:
    """Wait until it holds: `wait_for_function` evaluates texts within the page, whose security policy refuses that."""
    look = f"const look = () => ({condition}) ? done() : requestAnimationFrame(look); look()"
    page.evaluate(
        f"() => new Promise((done, fail) => {{ setTimeout(() => fail(new Error('never came to hold')), {PATIENCE_MS}); {look}; }})"
    )


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


def test_a_browser_without_scripts_is_told_where_the_run_can_be_seen(live: Live, pages: Callable[..., Any]) -> None:
    page = pages(java_script_enabled=False)
    page.goto(live.url)
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("noscript code")).to_have_text("loadstone report")


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


def test_the_step_that_is_chosen_is_the_only_one_in_the_heat_map_and_in_what_comes_after(live: Live, page: Any) -> None:
    steps = {"quick": (40, 2.0), "slow": (40, 900.0)}
    for seq in range(3):
        live.sink.snapshot(make_snapshot(seq, steps=steps))
    page.goto(live.url)
    page.locator("[data-chart=latency] .main-svg").first.wait_for()
    least = "Math.min(...document.querySelector('[data-chart=latency] .room').data[0].y)"
    columns = "document.querySelector('[data-chart=latency] .room').data[0].x.length"
    until(page, f"{least} < 5")
    page.select_option("#step", "slow")
    until(page, f"{least} > 300")
    before = page.evaluate(columns)
    for seq in range(3, 5):
        live.sink.snapshot(make_snapshot(seq, steps=steps))
    until(page, f"{columns} > {before}")
    assert page.evaluate(least) > 300
    page.select_option("#step", "")
    until(page, f"{least} < 5")


def test_metrics_without_a_chosen_chart_are_folded_and_drawn_when_opened(live: Live, page: Any) -> None:
    own = {make_series("queue.depth"): Gauge.of(3.0), make_series("target.queue"): Gauge.of(2.0), make_series("target.cpu"): Gauge.of(9.0)}
    for seq in range(2):
        one = make_snapshot(seq)
        live.sink.snapshot(replace(one, gauges={**one.gauges, **own}))
    page.goto(live.url)
    page.locator("[data-chart=latency] .main-svg").first.wait_for()
    folded = page.locator("[data-group=Target] > details")
    expect(folded.locator("summary")).to_have_text("1 more chart")
    expect(folded.locator("figure")).to_be_hidden()
    assert folded.locator(".main-svg").count() == 0
    folded.locator("summary").click()
    expect(folded.locator("figure .main-svg").first).to_be_visible()
    assert page.locator("[data-chart='metric:queue.depth']").is_visible(), "a group of nothing else is folded"


def test_gates_turn_health_is_told_and_every_control_reaches_the_run(live: Live, page: Any) -> None:
    live.sink.snapshot(make_snapshot(0, cpu_percent=97.0))
    page.goto(live.url)
    (verdict,) = make_story(gates=["p95(http.response_time) < 1ms"]).verdicts
    live.sink.judged([replace(verdict, status=Status.PASS)], [])
    expect(page.locator("#gates li.pass .gate")).to_have_text("p95(http.response_time) < 1ms")
    expect(page.locator("#health")).to_contain_text("97% CPU")
    expect(page.locator("#health .bad")).to_be_visible()
    live.sink.judged([verdict], [])
    expect(page.locator("#gates li.fail .gate")).to_have_text("p95(http.response_time) < 1ms")
    expect(page.locator("#gates li.pass")).to_have_count(0)
    expect(page.locator("#gates li.fail small")).to_contain_text(", limit 1 ms")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("gates.getBoundingClientRect().top < charts.getBoundingClientRect().top"), "a phone shows gates below all charts"
    page.click("[data-do=scale][data-factor='2']")
    expect(page.locator("#answer")).to_have_text("scale: done")
    for form, name, value in (("rate", "per_s", "7.5"), ("users", "users", "12"), ("spike", "factor", "4")):
        page.fill(f"[data-form={form}] [name={name}]", value)
        page.click(f"[data-form={form}] button")
        expect(page.locator("#answer")).to_have_text(f"{form}: done")
    page.click("#stop")
    page.click("#no")
    page.click("#stop")
    page.click("#yes")
    expect(page.locator("#answer")).to_have_text("stop: done")
    assert [each["do"] for each in live.asked] == ["scale", "rate", "users", "spike", "stop"], "stopped although nobody was sure"
    assert float(live.asked[1]["per_s"]) == 7.5
    page.reload()
    expect(page.locator("#gates li.fail")).to_have_count(1)
    assert page.evaluate("document.querySelectorAll('.chart').length") > 0


def test_the_texts_that_fail_most_often_stand_beside_the_charts_as_text(live: Live, page: Any) -> None:
    live.sink.snapshot(make_snapshot(0))
    page.goto(live.url)
    page.locator("[data-chart=latency] .main-svg").first.wait_for()
    expect(page.locator("#failing")).to_be_hidden()
    failures = {Failure("status", f"step {number}", f"text {number}"): number for number in range(1, 9)}
    for seq in (1, 2):
        live.sink.snapshot(replace(make_snapshot(seq), failures={**failures, Failure("timeout", EVIL, EVIL): 100}))
    expect(page.locator("#failures li").first).to_have_text(f"200 ×timeout{EVIL} in {EVIL}")
    expect(page.locator("#failures li b")).to_have_text(["timeout", *["status"] * 4])
    page.reload()
    expect(page.locator("#failures li").nth(1)).to_have_text("16 ×statustext 8 in step 8")


def test_a_tag_that_is_chosen_leaves_the_others_out(live: Live, page: Any) -> None:
    quick, slow = (make_snapshot(0, steps={"ask": (40, ms)}, scenario=name) for name, ms in (("quick", 2.0), ("slow", 900.0)))
    both = replace(quick, distributions={**quick.distributions, **slow.distributions}, counts={**quick.counts, **slow.counts})
    live.sink.snapshot(both)
    page.goto(live.url)
    page.locator("[data-chart=latency] .main-svg").first.wait_for()
    least = "Math.min(...document.querySelector('[data-chart=latency] .room').data[0].y)"
    until(page, f"{least} < 5")
    page.select_option("#tag", "scenario=slow")
    until(page, f"{least} > 300")
