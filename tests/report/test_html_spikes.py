"""The page of a run with spikes beside four others, in a real browser."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from loadstone.judge.recovery import Recovery
from loadstone.judge.scaling import Scaling
from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.report.html.page import render_html
from loadstone.report.told import Told
from loadstone.testing.samples import make_series, make_snapshot, make_story
from tests.browser import OpenPage, url_of
from tests.report.html_runs import GATES

SHOTS = os.environ.get("SHOTS")
SPIKES = (Recovery(20.0, 30.0, 12.0, 10.0), Recovery(50.0, 55.0, float("inf"), 3.0))
SCALED = Scaling(before=1, most=9, enough=8, reacted_s=4.5, scaled_s=None, overshoot=1, undershoot=7)


def spiking(slower: float = 1.0, seconds: int = 60) -> list[Snapshot]:
    """Two spikes, in which times rise and a few requests fail."""
    found = []
    for second in range(seconds):
        spike = 20 <= second < 30 or 50 <= second < 55
        failures = {Failure("status", "ask", "503 busy"): 4} if spike else None
        steps = {"home": (30, 10.0 * slower), "ask": (20, (400.0 if spike else 40.0) * slower)}
        snapshot = make_snapshot(second, steps=steps, failures=failures, target_rate=500.0 if spike else 50.0, judged=second > 3)
        found.append(replace(snapshot, gauges={**snapshot.gauges, make_series("target.instances"): Gauge.of(9.0 if spike else 1.0)}))
    return found


def told_with_spikes(slower: float = 1.0, name: str = "shop") -> Told:
    timeline = Timeline()
    for snapshot in spiking(slower):
        timeline.snapshot(snapshot)
    story = replace(make_story(spiking(slower), gates=GATES, plan_name=name), recoveries=SPIKES, scalings=(SCALED, None))
    return Told.of(story, timeline.so_far())


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_spikes_their_recovery_and_the_scaler_stand_beside_four_other_runs(
    pages: OpenPage, tmp_path: Path, width: int, scheme: str
) -> None:
    others = [told_with_spikes(1.0 + number / 5, f"shop {number}") for number in range(1, 5)]
    path = tmp_path / "report.html"
    path.write_bytes(render_html(told_with_spikes(), others))
    page = pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(url_of(path))
    page.locator("#chart-latency").scroll_into_view_if_needed()
    expect(page.locator("#chart-latency .main-svg").first).to_be_visible()
    layout = "Object.fromEntries(['shapes', 'annotations'].map((key) => [key, document.querySelector('#chart-latency .plot').layout[key]]))"
    drawn = page.evaluate(layout)
    spans = {(shape["x0"], shape["x1"]) for shape in drawn["shapes"]}
    assert {(20, 30), (50, 55), (30, 42)} <= spans, "two spikes, and the recovery of the first"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cells = page.locator("[aria-label=Recovery] tbody tr").first.locator("td").all_inner_texts()
    assert cells[-2:] == ["1", "7"], "over- and undershoot of the scaler"
    assert "not back" in page.locator("[aria-label=Recovery]").inner_text()
    assert "503 busy" in page.locator("main").inner_text()
    if SHOTS:
        for figure in page.locator("#charts figure").all():
            figure.scroll_into_view_if_needed() if figure.is_visible() else None
        page.wait_for_timeout(1000)
        page.screenshot(path=f"{SHOTS}/spike-{width}-{scheme}.png", full_page=True)
