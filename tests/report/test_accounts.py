"""Searches, sweeps, duets, comparisons, histories and monitors, told in every format."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from loadstone.charts.figures.across import Across, Bar, Changes, Rule, beside_rule
from loadstone.charts.figures.figure import Axis
from loadstone.errors import ExitCode
from loadstone.report.account import Account
from loadstone.report.accounts.capacity import account_of_capacity
from loadstone.report.accounts.monitor import Kept, account_of_monitor, schema_json
from loadstone.report.capacity_document import CapacityDocument
from loadstone.report.csv import COLUMNS, render_csv
from loadstone.report.html.across_svg import chart_svg, place
from loadstone.report.html.page import render_html
from loadstone.report.json import render_json
from loadstone.report.junit import render_junit
from loadstone.report.markdown import render_markdown
from loadstone.report.text import render_file
from loadstone.report.told import Told
from loadstone.testing.samples import make_story
from tests.report import account_samples as samples
from tests.report.junit_grammar import faults_of

KINDS = ("capacity", "users", "sweep", "comparison", "duet", "trend", "creeping", "monitor")
RENDERERS: dict[str, Callable[[Account], bytes]] = {
    "html": render_html,
    "json": render_json,
    "csv": render_csv,
    "junit": render_junit,
    "md": render_markdown,
    "txt": render_file,
}
SCHEMA = files("loadstone.report") / "schema" / "monitor-1.json"
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="no matplotlib: pip install 'loadstone[images]'"
)


def account(kind: str) -> Account:
    return samples.every()[kind]


def cases(one: Account) -> dict[str, str]:
    """Outcome by name; passed is empty."""
    found = {}
    for case in ET.fromstring(render_junit(one)).iter("testcase"):  # noqa: S314  our own report
        child = next(iter(case), None)
        found[f"{case.get('classname', '').removeprefix('loadstone.')}: {case.get('name')}"] = child.tag if child is not None else ""
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RENDERERS)
def test_every_account_can_be_told_in_every_format_the_same_each_time(name: str, kind: str) -> None:
    one = account(kind)
    data = RENDERERS[name](one)
    assert data == RENDERERS[name](one)
    if name in {"html", "md"}:
        assert one.word in data.decode()


@needs_matplotlib
@pytest.mark.parametrize("kind", KINDS)
def test_every_account_can_be_drawn(kind: str) -> None:
    from loadstone.report.images import sheet

    one = account(kind)
    assert sheet(one, "png").startswith(b"\x89PNG")
    drawn = sheet(one, "svg", "dark").decode()
    for chart in one.charts:
        assert chart.title.replace("<", "&lt;") in drawn
    assert sheet(replace(one, charts=()), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", [*KINDS, "hostile", "run", "failing run"])
def test_test_reports_hold_to_the_grammar_of_their_readers(kind: str) -> None:
    if kind == "hostile":
        assert faults_of(render_junit(samples.hostile())) == []
    elif "run" in kind:
        gates = ("p95(http.response_time) < 1ms",) if kind == "failing run" else ("p95(http.response_time) < 2s", "p95(http.dns_time) < 1s")
        assert faults_of(render_junit(Told.of(make_story(gates=gates, requirement_of={gates[0]: "fast"})))) == []
    else:
        assert faults_of(render_junit(account(kind))) == []


def test_the_grammar_refuses_what_its_readers_refuse() -> None:
    whole = render_junit(account("sweep"))
    for before, after in ((b"<testcase name", b"<testcase nome"), (b"<failure ", b"<fault "), (b' tests="', b' tasts="')):
        broken = (
            whole.replace(before, after, 1)
            if b"fault" not in after
            else whole.replace(b"failure ", b"fault ").replace(b"/failure", b"/fault")
        )
        assert faults_of(broken), after


@pytest.mark.parametrize("kind", KINDS)
def test_tables_of_accounts_have_the_columns_of_runs_and_a_number_in_each_line(kind: str) -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(account(kind)).decode())))
    assert list(lines[0]) == list(COLUMNS)
    assert all(float(line["value"]) is not None and line["metric"] and line["statistic"] for line in lines)


def test_a_search_has_its_objectives_as_cases_and_its_law_as_a_curve_within_its_interval() -> None:
    one = account("users")
    assert cases(one) == {"capacity: capacity": "", "objectives: p95(http.response_time) < 50ms": ""}
    law = json.loads(one.document)["law"]
    assert law["curve"][0]["concurrency"] == law["concurrency_low"]
    assert law["curve"][-1]["concurrency"] == pytest.approx(2 * law["concurrency_high"])
    assert all(each["low"] <= each["rate"] * 1.001 and each["rate"] <= each["high"] * 1.001 for each in law["curve"])
    assert [chart.name for chart in one.charts] == ["capacity", "scalability"]
    never = samples.capacity("never")
    assert never.exit_code == ExitCode.GATE_FAILED
    assert "failure" in cases(never).values()


def test_a_search_that_came_to_nothing_is_an_error_and_never_a_pass() -> None:
    document = CapacityDocument.model_validate_json(account("users").document)
    unsure = account_of_capacity(document.model_copy(update={"outcome": "cannot tell", "exit_code": 4, "capacity": None, "levels": []}))
    assert unsure.tone == "warn"
    assert set(cases(unsure).values()) == {"error", "skipped"}
    for render in RENDERERS.values():
        assert render(unsure)


def test_a_sweep_has_the_gates_of_each_level_and_skips_levels_that_were_not_run() -> None:
    found = cases(samples.sweep("shop", "the target is gone"))
    assert found["users=4.gates: p95(http.response_time) < 100ms"] == "failure"
    assert found["users=2.gates: p95(http.response_time) < 100ms"] == ""
    assert found["users=8.run: verdict"] == "skipped"


def test_a_comparison_shows_what_got_worse_with_its_interval() -> None:
    chart = account("comparison").charts[0]
    assert isinstance(chart, Changes)
    worst = chart.bars[0]
    assert (worst.colour, worst.limit) == ("bad", 0.05)
    assert worst.low < worst.point < worst.high
    assert "failure" in cases(account("comparison")).values()


def test_a_history_marks_its_change_and_its_limit() -> None:
    chart = account("trend").charts[0]
    assert isinstance(chart, Across)
    assert [rule.along for rule in chart.rules] == ["y", "x"]
    assert chart.rules[0].at == 19.5
    assert set(cases(account("trend")).values()) == {"failure"}


def test_a_history_that_creeps_has_the_line_on_and_its_band_in_the_chart() -> None:
    one = account("creeping")
    chart = one.charts[0]
    assert isinstance(chart, Across)
    runs, (ahead,) = len(chart.dots[0].xs), [trace for trace in chart.traces if trace.lows]
    assert ahead.xs[-1] > runs - 1, "the line ends where the runs do"
    assert all(low <= level <= high for low, level, high in zip(ahead.lows, ahead.ys, ahead.highs, strict=True) if level is not None)
    assert ahead.highs[-1] / ahead.lows[-1] > ahead.highs[-10] / ahead.lows[-10], "further on one knows less"
    assert chart.zones[0].low == runs - 0.5
    assert chart.x.high >= ahead.xs[-1]
    assert "where it leads, 90%" in render_html(one).decode()
    (history,) = json.loads(one.document)["histories"]
    assert history["outlook"]["ahead"][-1]["days"] == pytest.approx(len(ahead.xs) - runs, rel=0.01)
    assert "It is past 40 ms already" in render_html(one).decode()
    steady = account("trend").charts[0]
    assert isinstance(steady, Across)
    assert not any(trace.lows for trace in steady.traces), "a band although nothing moves for certain"


def test_a_monitor_is_told_with_its_rules_windows_and_alerts_under_its_schema() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_json(), (
        "run: python -m loadstone.report.accounts.monitor > src/loadstone/report/schema/monitor-1.json"
    )
    one = account("monitor")
    document = json.loads(one.document)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    assert sum(each["requests"] for each in document["windows"] if each["length_s"] == 60) == 7200
    assert cases(one) == {"monitor: monitor": "", "rules: response": "failure"}
    quiet = samples.monitor(slow=False)
    assert (quiet.word, quiet.exit_code) == ("All quiet", 0)


def test_a_monitor_that_measured_nothing_is_no_pass() -> None:
    empty = account_of_monitor(Kept("", 0.0, (), (), {}), ())
    assert (empty.exit_code, empty.tone) == (ExitCode.INCONCLUSIVE, "warn")
    assert cases(empty) == {"monitor: monitor": "error"}
    for render in RENDERERS.values():
        render(empty)


def test_names_from_outside_are_never_markup() -> None:
    page = render_html(samples.hostile()).decode()
    assert "<script>window.pwned" not in page
    assert "<img src=x" not in page
    assert "49" not in page.split("{{ 7")[0][-20:]
    assert "\x1b" not in page
    heading = render_markdown(samples.hostile()).decode().splitlines()[0]
    assert "<" not in heading


def test_what_is_past_an_end_of_an_axis_stands_at_it() -> None:
    assert place(-1.0, Axis(1, 100, log=True, unit="ms")) == 0.0
    assert place(1e9, Axis(1, 100, log=True, unit="ms")) == 1.0
    assert place(5.0, Axis(0, 10, log=False, unit="")) == 0.5
    open_ended = Changes("c", "c", [Bar("x", 0.5, -0.2, float("inf"), 0.05, "warn", "+50%")])
    assert open_ended.axis.high == pytest.approx(300, rel=0.1)
    assert "inf" not in chart_svg(open_ended, 320)
    assert "nan" not in chart_svg(open_ended, 320)


def test_an_interval_that_is_cut_at_the_axis_has_an_arrow_there() -> None:
    whole = Bar("x", 0.5, 0.4, 0.6, 0.05, "warn", "+50%")
    assert 'class="cut"' not in chart_svg(Changes("c", "c", [whole]), 320)
    for high in (float("inf"), 5.0):
        assert chart_svg(Changes("c", "c", [whole, replace(whole, high=high)]), 320).count('class="cut"') == 1


def test_names_of_upright_rules_keep_out_of_each_others_way() -> None:
    axis = Axis(0, 100, log=False, unit="")
    rules = [Rule("y", 50.0, "first"), Rule("y", 55.0, "second")]
    chart = Across("c", "c", axis, axis, "x", rules=rules)
    sides = [beside_rule(rule, chart, lambda at: at, 20.0, 100.0) for rule in rules]
    assert sides == [False, True]


def test_a_duet_speaks_of_a_and_b_as_its_text_does() -> None:
    for name, columns in (("duet", ("A", "B")), ("comparison", ("before", "after"))):
        (table,) = (one for one in samples.every()[name].tables if one.title == "Figures")
        assert table.columns[1:3] == columns
        assert table.note.endswith(f"of {columns[1]} against {columns[0]}")


def test_rules_without_data_are_not_told_as_rules_that_hold() -> None:
    blind = samples.monitor(slow=False, rules=(samples.RULE, "memory: max(target.memory) warning > 1MB"))
    for one, note, tone in ((samples.monitor(slow=False), "", "good"), (blind, "1 without data", "warn")):
        (fact,) = (each for each in one.facts if each.name == "Rules broken now")
        assert (fact.text[:4], fact.note, fact.tone) == ("0 of", note, tone)
