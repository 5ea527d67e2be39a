"""Charts as data are the charts of pages: the same names and titles, and values within the error that pages state."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from loadstone.charts import assets
from loadstone.charts.coarse import QUANTILE_ERROR
from loadstone.charts.figures.axes import value_text, value_ticks
from loadstone.charts.figures.choice import chosen, panels_of
from loadstone.charts.figures.figure import Axis, OverTime
from loadstone.charts.figures.panels import PANELS
from loadstone.charts.figures.recorded import Recorded
from loadstone.charts.page_data import packed_run
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.measure.timeline import Stretch
from loadstone.stats.histogram import RELATIVE_ERROR
from loadstone.testing.samples import make_series, make_snapshot
from tests.browser import url_of

# Instead of drawing, the page keeps what it would have drawn.
KEEP = "globalThis.Plotly = {react: (element, traces) => { window.drawn = traces; return Promise.resolve(); }, purge: () => {}};"
LINES = "window.drawn.filter((one) => one.mode === 'lines+markers' && one.hoverinfo === 'skip').map((one) => ({x: one.x, y: one.y}))"
MAP = "(window.drawn.find((one) => one.type === 'heatmap') || {z: []}).z"


def seconds() -> list[Snapshot]:
    """Two steps, errors in the sixth second, two seconds missing, a moment at the end, a level, and a metric that no chart shows."""
    found = []
    for at in range(14):
        failed = {Failure("timeout_total", "ask", "nothing came"): 3, Failure("status", "ask", "503"): 2} if at == 5 else {}
        steps = {"ask": (80 + at, 12.0 + at), "home": (40, 3.0)}
        phase = "warm-up" if at < 2 else "wind-down" if at > 12 else "load"
        one = make_snapshot(at, steps=steps, failures=failed, target_rate=120.0, judged=at >= 2, phase=phase)
        levels = {make_series("target.memory"): Gauge(1e8 + at, 1e8 - at, 2e8, 3e8, 2), make_series("queue.depth"): Gauge.of(3.0 + at)}
        found.append(replace(one, gauges={**one.gauges, **levels}))
    moment = replace(make_snapshot(14, steps={"ask": (2, 900.0)}, phase="wind-down"), end_s=14.01)
    return [*(each for each in found if each.seq not in {8, 9}), moment]


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Page:
    """A page with the run as `run` and an element `chart`."""
    text = packed_run(None, Catalogue(), [Stretch.of(each) for each in seconds()])
    path = tmp_path / "page.html"
    script = f"(async () => {{ window.run = new Loadstone.Run(await Loadstone.unpack({json.dumps(text)})); document.title = 'ready'; }})()"
    path.write_text(
        f"<!doctype html><html data-theme=light><meta charset=utf-8><style>{assets.text('charts.css')}</style>"
        f"<div id=chart style='width:900px'></div><script>{KEEP}</script>"
        f"<script>{assets.text('charts.js')}</script><script>{script}</script>",
        encoding="utf-8",
    )
    page.goto(url_of(path))
    page.wait_for_function("document.title == 'ready'")
    page.evaluate("document.getElementById('chart').on = () => {}")
    return page


def test_pages_and_images_have_the_same_charts(opened: Page) -> None:
    assert opened.evaluate("Loadstone.charts.map((one) => [one.name, one.title])") == [[panel.name, panel.title] for panel in PANELS]


def test_pages_and_images_draw_the_same_values(opened: Page) -> None:
    recorded = Recorded(Catalogue(), [Stretch.of(each) for each in seconds()])
    theirs = opened.evaluate("Loadstone.chartsFor(run).map((one) => [one.name, one.title])")
    assert sorted(map(tuple, theirs)) == sorted((panel.name, panel.title) for panel in panels_of(recorded))
    for name, _ in theirs:
        opened.evaluate(f"Loadstone.chartsFor(run).find((one) => one.name === {name!r}).draw(document.getElementById('chart'), run, {{}})")
        (figure,) = chosen(recorded, [name])
        if not isinstance(figure, OverTime):
            continue
        drawn = opened.evaluate(LINES)
        assert len(drawn) == len(figure.lines) > 0, name
        for mine, line in zip(figure.lines, drawn, strict=True):
            assert list(mine.xs) == pytest.approx(line["x"]), name
            assert [y is None for y in mine.ys] == [y is None for y in line["y"]], (name, mine.label)
            values = [y for y in mine.ys if y is not None]
            assert values == pytest.approx([y for y in line["y"] if y is not None], rel=QUANTILE_ERROR + RELATIVE_ERROR), (name, mine.label)
        cells = [cell for row in opened.evaluate(MAP) for cell in row]
        mine_cells = [cell for row in figure.heat.rows for cell in row] if figure.heat else []
        assert [cell is None for cell in mine_cells] == [cell is None for cell in cells], name
        assert [cell or 0.0 for cell in mine_cells] == pytest.approx([cell or 0.0 for cell in cells]), name


def test_pages_and_images_write_the_same_ticks(opened: Page) -> None:
    for low, high, log, unit in (
        (0.0, 37.0, False, "1/s"),
        (1e8, 1.6e8, False, "B"),
        (0.04, 900.0, True, "ms"),
        (3.0, 9.0, True, "ms"),
        (0, 3, False, ""),
    ):
        axis = {"low": low, "high": high, "log": log, "unit": unit}
        found = opened.evaluate(f"Loadstone.frame.valueAxis({json.dumps(axis)}, () => '#000000', 'y')")
        mine = value_ticks(Axis(low, high, log, unit))
        most = 10 ** found["range"][1] if log else found["range"][1]
        theirs = [(at, text) for at, text in zip(found["tickvals"], found["ticktext"], strict=True) if at <= most * (1 + 1e-9)]
        assert mine == pytest.approx([at for at, _ in theirs])
        assert [value_text(one, unit) for one in mine] == [text for _, text in theirs]
