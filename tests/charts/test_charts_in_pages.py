"""The charts in a real browser: what the page computes is what Python computes, and texts from outside stay texts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from loadstone.charts import assets, plotly
from loadstone.charts.coarse import QUANTILE_ERROR
from loadstone.charts.figures.marks import PHASES
from loadstone.charts.figures.recorded import Recorded
from loadstone.charts.page_data import packed_run, page_stretch
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import BUILT_IN, Catalogue, Kind
from loadstone.measure.snapshot import WITHOUT_LOAD, Failure, Gauge, Snapshot
from loadstone.measure.timeline import Stretch
from loadstone.report.document import Count
from loadstone.report.telling import figures
from loadstone.testing.samples import make_histogram, make_series, make_snapshot, spread_ms
from tests.browser import url_of

EVIL = "</script><img src=x onerror=\"window.hurt=1\"><b>bold</b>&amp;%{x}<a href='javascript:1'>go</a>"
OpenRun = Callable[..., Page]


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> OpenRun:
    """Opens a page with runs unpacked as `runs` and one empty element `chart`."""

    def open_run(*texts: str, plot: bool = True) -> Page:
        path = tmp_path / "page.html"
        script = "(async () => { window.runs = []; for (const text of TEXTS) runs.push(new Loadstone.Run(await Loadstone.unpack(text)));"
        script = script.replace("TEXTS", json.dumps(texts)) + " document.title = 'ready'; })()"
        path.write_text(
            f"<!doctype html><html data-theme=light><meta charset=utf-8><style>{assets.text('charts.css')}</style>"
            f"<div id=chart style='width:900px'></div><script>{plotly.script() if plot else ''}</script>"
            f"<script>{assets.text('charts.js')}</script>"
            f"<script>{script}</script>",
            encoding="utf-8",
        )
        page.goto(url_of(path))
        page.wait_for_function("document.title == 'ready'")
        return page

    return open_run


def seconds(count: int = 12, **fields: Any) -> list[Snapshot]:
    """Some seconds of load after two of warm-up, with errors in the sixth."""
    found = []
    for at in range(count):
        failed = {Failure("timeout_total", "ask", "nothing came"): 3, Failure("status", "ask", "503"): 2} if at == 5 else {}
        phase = "warm-up" if at < 2 else "load"
        steps = {"ask": (80 + at, 12.0 + at), "home": (40, 3.0)}
        found.append(make_snapshot(at, steps=steps, failures=failed, target_rate=120.0, judged=at >= 2, phase=phase, **fields))
    return found


def text_of(snapshots: list[Snapshot], document: dict[str, Any] | None = None, **about: Any) -> str:
    return packed_run(document, Catalogue(), [Stretch.of(each) for each in snapshots], **about)


def draw(page: Page, name: str, options: str = "{}") -> None:
    page.evaluate(f"Loadstone.charts.find((one) => one.name === {name!r}).draw(document.getElementById('chart'), runs[0], {options})")


def test_quantiles_of_any_window_are_pythons_within_the_stated_error(opened: OpenRun) -> None:
    snapshots = seconds()
    page = opened(text_of(snapshots), plot=False)
    shares = [0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]
    ask = "([from, to, tags, shares]) => shares.map((q) => runs[0].window(from, to).quantile('http.response_time', q, tags))"
    for from_s, to_s in ((None, None), (0.0, 12.0), (3.0, 7.0), (5.0, 6.0)):
        inside = [one for one in snapshots if (one.judged if from_s is None or to_s is None else from_s <= one.start_s + 0.5 <= to_s)]
        for tags in ({}, {"step": "ask"}, {"outcome": "ok", "step": "home"}):
            histogram = Aggregate(inside).distribution("http.response_time", tags)
            assert histogram is not None
            for share, mine in zip(shares, page.evaluate(ask, [from_s, to_s, tags, shares]), strict=True):
                theirs = histogram.quantile(share) / 1e6
                assert mine == pytest.approx(theirs, rel=QUANTILE_ERROR + 1e-9), (from_s, to_s, tags, share)


def test_sums_rates_shares_and_levels_of_a_window_are_pythons(opened: OpenRun) -> None:
    snapshots = seconds()
    page = opened(text_of(snapshots), plot=False)
    whole = Aggregate(one for one in snapshots if one.judged)
    window = "runs[0].window()"
    assert page.evaluate(f"{window}.count('http.requests', {{step: 'ask'}})") == whole.count("http.requests", {"step": "ask"})
    assert page.evaluate(f"{window}.count('http.errors')") == whole.count("http.errors") == 5
    assert page.evaluate(f"{window}.rate('http.requests')") == pytest.approx((whole.count("http.requests") or 0) / whole.seconds)
    assert page.evaluate(f"{window}.share('http.errors')") == pytest.approx(5 / (whole.count("http.requests") or 0))
    cpu = whole.gauge("generator.cpu")
    assert cpu is not None
    assert page.evaluate(f"{window}.level('generator.cpu')") == {"last": cpu.last, "least": cpu.least, "greatest": cpu.greatest, "mean": 40}
    assert page.evaluate(f"{window}.failures()[0]") == {"kind": "timeout_total", "step": "ask", "text": "nothing came", "count": 3}


def late_scenario() -> list[Snapshot]:
    """A scenario that begins in the middle of a second, and has not ended when the second ends."""
    requests, time = make_series("http.requests", scenario="shop", step="a"), make_series("load.time", scenario="shop")
    empty = Snapshot(0, 0.0, 1.0, counts={make_series("load.time", scenario="other"): 10**9})
    return [empty, Snapshot(1, 1.0, 2.0, counts={requests: 30, time: 5 * 10**8}), Snapshot(2, 2.0, 3.0, counts={requests: 60, time: 10**9})]


@pytest.mark.parametrize("tags", [{}, {"step": "a"}, {"scenario": "shop"}])
def test_a_rate_is_divided_by_the_time_under_load_of_its_scenario_as_in_reports(opened: OpenRun, tags: dict[str, str]) -> None:
    snapshots = late_scenario()
    told = figures(Aggregate(snapshots), Catalogue()["http.requests"], tags)
    page = opened(text_of(snapshots), plot=False)
    recorded = Recorded(Catalogue(), [Stretch.of(each) for each in snapshots])
    assert isinstance(told, Count)
    assert page.evaluate("(tags) => runs[0].window().rate('http.requests', tags)", tags) == told.rate == 60.0
    assert recorded.whole.rate("http.requests", tags) == 60.0


def test_what_was_not_recorded_has_no_value_and_not_zero(opened: OpenRun) -> None:
    page = opened(text_of(seconds()), plot=False)
    asked = "[w.quantile('llm.ttft', 0.5), w.count('ws.closes'), w.rate('ws.closes'), w.level('target.cpu'), w.mean('llm.ttft')]"
    assert page.evaluate(f"(() => {{ const w = runs[0].window(); return {asked}; }})()") == [None] * 5
    assert page.evaluate("runs[0].window(500, 600).quantile('http.response_time', 0.5)") is None


def test_a_quantile_among_time_outs_is_longer_than_anything_recorded(opened: OpenRun) -> None:
    late = Snapshot(0, 0.0, 1.0, distributions={make_series("http.response_time", step="a"): make_histogram([5.0], beyond=9)})
    page = opened(text_of([late]))
    assert page.evaluate("runs[0].window().quantile('http.response_time', 0.5)") == float("inf")
    draw(page, "latency_parts")
    assert "longer than anything recorded" in page.evaluate("JSON.stringify(document.getElementById('chart').data)")


def test_every_chart_that_applies_is_drawn(opened: OpenRun) -> None:
    page = opened(text_of(seconds()))
    names = page.evaluate("Loadstone.chartsFor(runs[0]).map((one) => one.name)")
    assert {"latency", "latency_parts", "distribution", "ecdf", "throughput", "users", "errors", "generator_cpu", "generator_lag"} <= set(
        names
    )
    assert not {"llm_ttft", "ws_messages", "target_memory"} & set(names)
    for name in names:
        script = f"Loadstone.chartsFor(runs[0]).find((one) => one.name === {name!r}).draw(document.getElementById('chart'), runs[0], {{}})"
        page.evaluate(script)
        assert page.locator("#chart .main-svg").count() > 0, name
        assert page.locator("#chart .ls-none").count() == 0, name


def with_everything(count: int = 4) -> list[Snapshot]:
    """Every metric that the product knows: streams, WebSockets, voice, and all that a target takes."""
    found = []
    for base in seconds(count):
        distributions, counts, gauges = dict(base.distributions), dict(base.counts), dict(base.gauges)
        known = {series.metric for series in (*distributions, *counts, *gauges)}
        for metric in BUILT_IN:
            series = make_series(metric.name)
            if metric.name in known:
                continue
            if metric.kind is Kind.DISTRIBUTION:
                distributions[series] = make_histogram([2e7, 5e7])
            elif metric.kind is Kind.COUNT:
                counts[series] = 3
            else:
                gauges[series] = Gauge.of(10.0 + base.start_s)
        found.append(replace(base, distributions=distributions, counts=counts, gauges=gauges))
    return found


def test_a_run_that_recorded_everything_has_every_panel_and_each_is_drawn(opened: OpenRun) -> None:
    page = opened(text_of(with_everything()))
    states = page.evaluate(
        """Loadstone.charts.map((chart) => {
          const room = document.getElementById('chart');
          if (!chart.applies(runs[0])) { return [chart.name, 'not there']; }
          chart.draw(room, runs[0], {});
          return [chart.name, room.querySelector('.ls-none') ? 'empty' : 'drawn'];
        })"""
    )
    assert {name: state for name, state in states if state != "drawn"} == {}
    names = {name for name, _ in states}
    assert {"llm_ttft", "ws_messages", "target_memory"} <= names


def test_a_metric_without_a_chart_gets_one_of_its_own(opened: OpenRun) -> None:
    snapshots = [Snapshot(at, at, at + 1.0, gauges={make_series("queue.depth"): Gauge.of(3.0 + at)}) for at in range(4)]
    page = opened(text_of(snapshots), plot=False)
    assert page.evaluate("Loadstone.chartsFor(runs[0]).map((one) => [one.name, one.group])") == [
        ["metric:queue.depth", "The suite's own metrics"]
    ]


def test_a_chart_without_data_says_so_and_recovers_when_data_comes(opened: OpenRun) -> None:
    page = opened(text_of([]))
    draw(page, "latency")
    assert page.locator("#chart").inner_text() == "no data"
    page.evaluate(f"runs[0].add({json.dumps(page_stretch(seconds(1)[0]))})")
    draw(page, "latency")
    assert page.locator("#chart .ls-none").count() == 0
    assert page.locator("#chart .main-svg").count() > 0


def test_seconds_without_values_leave_a_gap_and_no_zero(opened: OpenRun) -> None:
    page = opened(text_of([one for one in seconds() if one.seq not in {6, 7, 8}]))
    draw(page, "latency_parts")
    ys = page.evaluate("document.getElementById('chart').data[0].y")
    assert ys.count(None) == 2  # the sixth second, of which p99 lies among time-outs, and the gap
    assert len(ys) == 10
    assert 0 not in ys


def test_texts_from_outside_stay_texts(opened: OpenRun) -> None:
    snapshots = [make_snapshot(at, steps={EVIL: (30, 4.0), "home": (20, 2.0)}, scenario=EVIL, phase="load") for at in range(4)]
    gate = {"gate": f"p95(x) < 1s {EVIL}", "status": "fail", "at_s": 2.0, "value": None, "unit": "ms"}
    document = {"events": [{"at_s": 1.5, "kind": "alert", "text": EVIL}], "gates": [gate], "recovery": []}
    page = opened(text_of(snapshots, document, name=EVIL), text_of(snapshots, document, name=EVIL))
    for name in ("latency", "latency_steps", "distribution", "ecdf", "users"):
        draw(page, name, "{overlays: [runs[1]]}")
        assert page.locator("#chart img, #chart a, #chart b, #chart script").count() == 0
        assert page.locator("#chart svg text tspan[style*='font-weight: bold']").count() == 0
    assert page.evaluate("window.hurt") is None
    draw(page, "latency_steps")
    assert "</script><img" in page.locator("#chart").evaluate(
        "(one) => [...one.querySelectorAll('svg text')].map((each) => each.textContent).join(' ')"
    )


def test_a_hover_text_shows_markup_from_outside_as_it_was_written(opened: OpenRun) -> None:
    snapshots = [make_snapshot(at, phase="load") for at in range(4)]
    page = opened(
        text_of(snapshots, {"events": [{"at_s": 1.5, "kind": "alert", "text": "<b>late</b> &lt; 5"}], "gates": [], "recovery": []})
    )
    draw(page, "throughput")
    page.evaluate(
        "(() => { const chart = document.getElementById('chart');"
        " const mark = chart.data.findIndex((one) => one.marker && Array.isArray(one.marker.symbol));"
        " Plotly.Fx.hover(chart, [{curveNumber: mark, pointNumber: 0}], ['xy2']); })()"
    )
    assert "<b>late</b> &lt; 5" in page.locator("#chart .hoverlayer").evaluate("(one) => one.textContent")


def test_dragging_over_a_chart_chooses_a_window_and_a_double_click_takes_it_back(opened: OpenRun) -> None:
    page = opened(text_of(seconds()))
    draw(page, "throughput", "{onWindow: (from, to) => (window.chosen = [from, to])}")
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    page.wait_for_function("window.chosen")
    from_s, to_s = page.evaluate("window.chosen")
    assert (from_s, to_s) == (pytest.approx(3.0, abs=0.3), pytest.approx(6.0, abs=0.3))
    page.mouse.dblclick(box["x"] + box["width"] * 0.6, y)
    page.wait_for_function("window.chosen[0] === null")


def test_escape_takes_the_window_back(opened: OpenRun) -> None:
    page = opened(text_of(seconds()))
    draw(page, "throughput", "{window: [2, 5], onWindow: (from, to) => (window.chosen = [from, to])}")
    page.locator("#chart").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("window.chosen") == [None, None]


def test_a_run_that_goes_on_keeps_its_sums_when_seconds_become_longer(opened: OpenRun) -> None:
    page = opened(text_of([]), plot=False)
    second = page_stretch(make_snapshot(0, steps={"home": (3, 2.0)}, phase="load"))
    script = "for (let at = 0; at < 1500; at += 1) runs[0].add({...SECOND, start_s: at, end_s: at + 1});"
    page.evaluate(f"(() => {{ {script.replace('SECOND', json.dumps(second))} }})()")
    assert page.evaluate("runs[0].stretches.length") <= 720
    assert page.evaluate("runs[0].window().count('http.requests')") == 4500
    assert page.evaluate("runs[0].window().histogram('http.response_time').count") == 4500
    assert page.evaluate("runs[0].end_s") == 1500


def test_the_filter_chooses_a_step_where_a_metric_has_steps(opened: OpenRun) -> None:
    snapshots = [
        Snapshot(0, 0.0, 1.0, distributions={make_series("http.response_time", step=step): make_histogram(spread_ms(50, ms))})
        for step, ms in (("a", 1.0), ("b", 900.0))
    ]
    page = opened(text_of([snapshots[0], Snapshot(1, 1.0, 2.0, distributions=snapshots[1].distributions)]))
    draw(page, "latency_parts", "{filter: {step: 'a'}}")
    ys = page.evaluate("document.getElementById('chart').data[0].y")
    assert ys[0] < 20
    assert ys[1] is None


def test_a_theme_changes_the_colours_of_lines(opened: OpenRun) -> None:
    page = opened(text_of(seconds()))
    colours = []
    for theme in ("light", "dark"):
        draw(page, "throughput", f"{{theme: '{theme}'}}")
        colours.append(
            page.evaluate("document.getElementById('chart').data.at(-2).line?.color || document.getElementById('chart').data[0].line.color")
        )
    assert colours[0] != colours[1]


def test_rows_of_steps_follow_the_window(opened: OpenRun) -> None:
    page = opened(text_of(seconds()), plot=False)
    rows = page.evaluate("Loadstone.stepRows(runs[0], runs[0].window(5, 6))")
    assert [(row["step"], row["count"], row["errors"]) for row in rows] == [("ask", 85, 5), ("home", 40, 0), ("", 125, 5)]


def test_a_pause_is_no_time_under_load_and_is_shaded(opened: OpenRun) -> None:
    phases = ["load"] * 4 + ["paused"] * 3 + ["load"] * 3 + ["wind-down"]
    snapshots = [make_snapshot(at, steps={"ask": (30, 4.0)}, phase=phase) for at, phase in enumerate(phases)]
    page = opened(text_of(snapshots))
    for from_s, to_s in ((None, None), (2.0, 6.0)):
        inside = Aggregate(one for one in snapshots if from_s is None or to_s is None or from_s <= one.start_s + 0.5 <= to_s)
        assert page.evaluate("(w) => runs[0].window(...w).seconds", [from_s, to_s]) == inside.seconds
        rate = page.evaluate("(w) => runs[0].window(...w).rate('http.requests')", [from_s, to_s])
        assert rate == pytest.approx((inside.count("http.requests") or 0) / inside.seconds)
    assert page.evaluate("runs[0].window(4, 7).rate('http.requests')") is None
    draw(page, "throughput")
    shaded = page.evaluate(
        "document.getElementById('chart').layout.shapes.filter((one) => one.type === 'rect').map((one) => [one.x0, one.x1])"
    )
    assert shaded == [[4, 7], [10, 11]]
    assert "paused" in page.evaluate("document.getElementById('chart').layout.annotations.map((one) => one.text)")


def test_pages_know_every_phase_without_load(opened: OpenRun) -> None:
    page = opened(text_of([]), plot=False)
    stretch = {"start_s": 0, "end_s": 1, "judged": True, "d": [], "c": [], "g": []}
    for phase in (*PHASES, "load", "steady"):
        run = json.dumps({"stretches": [{**stretch, "phase": phase}]})
        assert page.evaluate(f"new Loadstone.Run({run}).window().seconds") == (0 if phase in WITHOUT_LOAD else 1), phase


def test_a_tag_chooses_as_a_step_does(opened: OpenRun) -> None:
    series = {mode: make_series("http.response_time", step="ask", mode=mode) for mode in ("a", "b")}
    times = {series["a"]: make_histogram(spread_ms(50, 1.0)), series["b"]: make_histogram(spread_ms(50, 900.0))}
    page = opened(text_of([Snapshot(at, at, at + 1.0, distributions=times) for at in range(3)]))
    for asked in ("{mode: 'b'}", "{tags: {mode: 'b'}}", "{step: 'ask', mode: 'b'}"):
        draw(page, "latency", f"{{filter: {asked}}}")
        assert min(page.evaluate("document.getElementById('chart').data[0].y")) > 300, asked
