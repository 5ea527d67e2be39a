"""Charts as data: which a run has, what their lines are, and where their ticks stand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.charts.figures.axes import clock, digits, plain, time_ticks, value_text, value_ticks
from loadstone.charts.figures.choice import chosen, main_figures, panels_of
from loadstone.charts.figures.figure import Axis, OverTime, Spread
from loadstone.charts.figures.marks import marks, shades
from loadstone.charts.figures.palette import Theme, palette
from loadstone.charts.figures.recorded import Recorded
from loadstone.errors import UsageError
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.measure.timeline import Stretch
from loadstone.testing.samples import make_histogram, make_series, make_snapshot


def recorded_of(snapshots: Sequence[Snapshot], document: Mapping[str, Any] | None = None) -> Recorded:
    return Recorded(Catalogue(), [Stretch.of(each) for each in snapshots], document)


def over_time(recorded: Recorded, name: str) -> OverTime:
    (figure,) = chosen(recorded, [name])
    assert isinstance(figure, OverTime)
    return figure


def test_a_run_has_charts_of_what_was_recorded_and_no_others() -> None:
    names = {panel.name for panel in panels_of(recorded_of([make_snapshot(at) for at in range(4)]))}
    assert {"latency", "throughput", "ecdf", "users"} <= names
    assert not {"llm_ttft", "ws_messages", "target_memory"} & names
    assert panels_of(recorded_of([])) == []
    assert main_figures(recorded_of([])) == []


def test_an_unknown_chart_is_named_and_so_is_one_without_data() -> None:
    recorded = recorded_of([make_snapshot(0)])
    with pytest.raises(UsageError, match=r"unknown plot 'latancy'.*latency"):
        chosen(recorded, ["latancy"])
    with pytest.raises(UsageError, match="no data for the plot 'llm_ttft'"):
        chosen(recorded, ["llm_ttft"])


def test_seconds_without_values_leave_a_gap_and_no_zero() -> None:
    figure = over_time(recorded_of([make_snapshot(at) for at in range(10) if at not in {4, 5, 6}]), "throughput")
    ys = figure.lines[0].ys
    assert ys.count(None) == 1
    assert 0 not in ys
    assert len(ys) == 8


def test_the_last_moment_of_a_run_is_no_point_beside_whole_seconds_unless_it_is_beyond() -> None:
    whole = [replace(make_snapshot(at), gauges={make_series("target.memory"): Gauge.of(1e8 + at)}) for at in range(4)]
    moment = replace(make_snapshot(4, steps={"ask": (2, 900.0)}), end_s=4.002, gauges={})
    for name in ("latency", "target_memory"):
        for line in over_time(recorded_of([*whole, moment]), name).lines:
            assert list(line.xs) == [0.5, 1.5, 2.5, 3.5], (name, line.label)
            assert None not in line.ys, (name, line.label)
    stuck = make_snapshot(5, steps={"ask": (3, 900.0)}, failures={Failure("timeout_total", "ask", "nothing came"): 3})
    stuck = replace(stuck, start_s=4.002, end_s=4.004)
    for line in over_time(recorded_of([*whole, moment, stuck]), "latency").lines:
        assert list(line.beyond) == pytest.approx([4.003]), line.label


def test_a_map_has_an_empty_column_where_nothing_was_measured() -> None:
    heat = over_time(recorded_of([make_snapshot(at) for at in range(6) if at != 3]), "latency").heat
    assert heat is not None
    assert list(heat.xs) == [0, 1, 2, 3, 4, 5, 6]
    assert all(row[3] is None for row in heat.rows)
    assert all(len(row) == len(heat.xs) - 1 for row in heat.rows)
    assert len(heat.rows) == len(heat.ys) - 1


def test_a_quantile_among_time_outs_is_beyond_and_has_no_value() -> None:
    late = Snapshot(0, 0.0, 1.0, distributions={make_series("http.response_time", step="a"): make_histogram([5.0], beyond=9)})
    line = over_time(recorded_of([late]), "latency_parts").lines[0]
    assert (list(line.beyond), list(line.ys)) == ([0.5], [None])


def test_values_that_all_lie_beyond_have_no_map_but_a_chart() -> None:
    late = Snapshot(0, 0.0, 1.0, distributions={make_series("http.response_time"): make_histogram([], beyond=9)})
    figure = over_time(recorded_of([late]), "latency")
    assert figure.heat is None
    assert all(line.beyond for line in figure.lines)


def test_curves_end_at_the_share_that_has_a_value() -> None:
    snapshot = Snapshot(0, 0.0, 1.0, distributions={make_series("http.response_time", step="a"): make_histogram([5.0] * 3, beyond=1)})
    (figure,) = chosen(recorded_of([snapshot]), ["ecdf"])
    assert isinstance(figure, Spread)
    assert figure.curves[0].ys[-1] == 75.0


def test_a_level_has_a_band_only_where_it_moves() -> None:
    still = [Snapshot(at, at, at + 1.0, gauges={make_series("queue.depth"): Gauge.of(3.0)}) for at in range(3)]
    moving = [replace(each, gauges={make_series("queue.depth"): Gauge(5.0, 1.0, 9.0, 10.0, 2)}) for each in still]
    assert over_time(recorded_of(still), "metric:queue.depth").lines[0].highs == ()
    line = over_time(recorded_of(moving), "metric:queue.depth").lines[0]
    assert (set(line.lows), set(line.ys), set(line.highs)) == ({1.0}, {5.0}, {9.0})


def test_phases_are_shaded_and_events_marked() -> None:
    seconds = [make_snapshot(at, phase="warm-up" if at < 2 else "load" if at < 6 else "paused") for at in range(8)]
    document = {
        "events": [{"at_s": 3.0, "kind": "control", "text": "rate"}, {"at_s": 0.0, "kind": "phase", "text": "x"}],
        "gates": [{"gate": "p95(x) < 1s", "status": "fail", "at_s": 2.0, "value": None, "unit": "ms"}],
        "recovery": [{"began_s": 4.0, "ended_s": 5.0, "recovery_s": 1.5}],
    }
    recorded = recorded_of(seconds, document)
    assert [(one.name, one.from_s, one.to_s) for one in shades(recorded)] == [
        ("warm-up", 0.0, 2.0),
        ("paused", 6.0, 8.0),
        ("spike", 4.0, 5.0),
        ("recovery", 5.0, 6.5),
    ]
    assert [(one.at_s, one.bad) for one in marks(recorded)] == [(2.0, True), (3.0, False)]


def test_a_leak_gate_draws_its_slope_through_the_middle() -> None:
    seconds = [replace(make_snapshot(at), gauges={make_series("target.memory"): Gauge.of(1e8 + at * 1e6)}) for at in range(10)]
    gate = {"gate": "leak(target.memory) < 1MB/h", "status": "fail", "at_s": None, "value": 1e6, "unit": "B/s"}
    (slope,) = over_time(recorded_of(seconds, {"gates": [gate]}), "target_memory").slopes
    assert slope.ys[1] - slope.ys[0] == pytest.approx(1e7)
    assert sum(slope.ys) / 2 == pytest.approx(1.045e8)
    assert "GB an hour (leak gate: fail)" in slope.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_of_a_line_is_in_the_palette(theme: Theme) -> None:
    assert {"1", "2", "3", "4", "5", "6", "bad", "quiet", "ink", "soft", "panel", "shade", "spike", "heat-low"} <= set(palette(theme))
    assert all(0 <= part <= 1 for colour in palette(theme).values() for part in colour)
    assert palette("light")["1"] != palette("dark")["1"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "", "0"),
        (1.234, "ms", "1.23 ms"),
        (0.012, "ms", "12 µs"),
        (2500.0, "ms", "2.5 s"),
        (130_000.0, "ms", "2 min 10 s"),
        (3.4e6, "B", "3.4 MB"),
        (1500.0, "B/s", "1.5 kB/s"),
        (12.0, "1/s", "12/s"),
        (40.0, "%", "40%"),
        (99.996, "%", "99.996%"),
        (0.0004, "%", "0.0004%"),
        (1234.0, "%", "1,234%"),
        (1234.0, "", "1,234"),
        (math.inf, "ms", "beyond"),
        (None, "ms", "–"),
    ],
)
def test_values_are_texts_of_three_digits_with_their_unit(value: float | None, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


@given(st.floats(1e-6, 1e12), st.floats(1.01, 1e6), st.booleans(), st.sampled_from(["", "ms", "B"]))
def test_ticks_lie_on_their_axis_upwards_and_are_few(low: float, ratio: float, log: bool, unit: str) -> None:
    axis = Axis(low, low * ratio, log, unit)
    ticks = value_ticks(axis)
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 8
    assert all(low * 0.99 <= each <= low * ratio * 1.05 for each in ticks)


@given(st.floats(0.5, 1e7), st.floats(100, 2000))
def test_times_have_few_ticks(end_s: float, width: float) -> None:
    ticks = time_ticks(end_s, width)
    assert ticks[0] == 0
    assert len(ticks) <= max(2, width // 90) + 1
    assert all(clock(at) for at in ticks)


@given(st.text())
def test_any_text_is_one_line_that_xml_may_hold(text: str) -> None:
    found = plain(text)
    assert len(found) <= 120
    assert not any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 or ord(sign) in {0x7F, 0xFFFE, 0xFFFF} for sign in found)


@given(st.floats(1e-6, 1e12))
def test_digits_say_the_number_within_half_a_percent(value: float) -> None:
    shown = float(digits(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.0051, abs=5e-7)
