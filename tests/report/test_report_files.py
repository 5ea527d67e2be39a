"""Reports for services and spreadsheets: CSV, JUnit, Markdown, annotations, benchmark lists."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.judge.story import Story
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.report.annotations import MOST, annotations_of, command
from loadstone.report.bencher import LONGEST, render_bencher
from loadstone.report.benchmark_action import render_bigger, render_smaller
from loadstone.report.csv import COLUMNS, render_csv
from loadstone.report.junit import render_junit
from loadstone.report.markdown import MOST_BYTES, escaped, render_markdown
from loadstone.report.told import VIEWS, Told
from loadstone.testing.conformance import ReportConformance
from loadstone.testing.samples import make_histogram, make_series, make_snapshot, make_story

RENDERERS: dict[str, Callable[[Told], bytes]] = {
    "csv": render_csv,
    "junit": render_junit,
    "md": render_markdown,
    "smaller": render_smaller,
    "bigger": render_bigger,
    "bencher": render_bencher,
}
HOSTILE = "<script>alert(1)</script> | `x` @someone \x1b[31m"
TIMEOUT = Failure("timeout_total", "ask", "no complete answer within 60 s")
FAILING = [make_snapshot(n, steps={"ask": (100, 5.0)}, failures={TIMEOUT: 90}) for n in range(3)]


def told_of(story: Story, seconds: int = 3) -> Told:
    timeline = Timeline()
    for at in range(seconds):
        timeline.snapshot(make_snapshot(at))
    return Told.of(story, timeline.so_far())


def table(told: Told) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(told).decode())))


def suite_of(told: Told) -> ET.Element:
    found = ET.fromstring(render_junit(told)).find("testsuite")  # noqa: S314  our own report
    assert found is not None
    return found


@pytest.mark.parametrize("name", RENDERERS)
@pytest.mark.parametrize("check", [each for each in dir(ReportConformance) if each.startswith("test_")])
def test_every_report_conforms(name: str, check: str) -> None:
    class Suite(ReportConformance):
        def render(self, told: Told) -> bytes:
            return RENDERERS[name](told)

    getattr(Suite(), check)()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["csv", "junit", "md"])
def test_every_view_can_be_told_of_a_run_alone(name: str, view: Any) -> None:
    assert RENDERERS[name](replace(told_of(make_story()), view=view))


def test_a_table_has_a_number_in_every_line_and_nothing_empty_is_zero() -> None:
    lines = table(told_of(make_story()))
    assert list(lines[0]) == list(COLUMNS)
    assert all(float(line["value"]) is not None and line["metric"] and line["statistic"] for line in lines)
    recorded = {line["metric"] for line in lines}
    assert "http.response_time" in recorded
    assert "ws.round_trip_time" not in recorded  # nothing of it was recorded


def test_a_table_has_the_whole_first_and_then_every_stretch() -> None:
    told = told_of(make_story())
    lines = [line for line in table(told) if line["metric"] == "http.requests" and line["statistic"] == "count"]
    assert lines[0]["time_s"] == ""
    by_time = [line for line in lines if line["time_s"] and not line["tags"]]
    assert [float(line["time_s"]) for line in by_time] == [round(each.end_s, 3) for each in told.timeline]
    series = [line for line in lines if line["time_s"] == by_time[0]["time_s"] and line["tags"]]
    assert sum(float(line["value"]) for line in series) == float(by_time[0]["value"])


def test_seconds_that_are_not_judged_say_their_phase() -> None:
    timeline = Timeline()
    timeline.snapshot(replace(make_snapshot(0), judged=False, phase="warm-up"))
    lines = table(Told.of(make_story(), timeline.so_far()))
    assert {line["tags"].split(";")[-1] for line in lines if line["time_s"] and line["metric"] != "gate"} == {"phase=warm-up"}


def test_a_suite_counts_its_cases_and_has_what_schemas_ask_for() -> None:
    suite = suite_of(told_of(make_story(FAILING, requirement_of={"rate(http.errors) < 1%": "few_errors"})))
    cases = suite.findall("testcase")
    assert int(suite.get("tests", "")) == len(cases) > 2
    for outcome, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(suite.get(attribute, "")) == sum(case.find(outcome) is not None for case in cases)
    assert {"name", "tests", "failures", "errors", "time", "timestamp", "hostname"} <= set(suite.keys())
    assert all({"name", "classname", "time"} == set(case.keys()) for case in cases)
    assert next(each.tag for each in suite) == "properties"
    assert [each.tag for each in suite][-2:] == ["system-out", "system-err"]
    failed = next(case for case in cases if case.get("name") == "rate(http.errors) < 1%")
    assert failed.get("classname") == "loadstone.gates"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message")
    assert next(case for case in cases if case.get("name") == "few_errors").find("failure") is not None


@pytest.mark.parametrize(
    ("story", "outcome"),
    [
        (make_story(), None),
        (make_story(FAILING), None),  # the gate's case fails
        (make_story(FAILING, unreachable=True), "error"),
        (make_story([make_snapshot(0)], gates=(), interrupted=True), "error"),
        (make_story([]), "error"),
    ],
    ids=["passed", "failed", "unreachable", "interrupted", "no data"],
)
def test_a_run_without_a_judgement_is_an_error_and_never_green(story: Story, outcome: str | None) -> None:
    case = suite_of(told_of(story)).find("testcase")
    assert case is not None
    assert case.get("name") == "verdict"
    found = [each.tag for each in case]
    assert found == ([outcome] if outcome else [])


def test_a_gate_without_data_is_skipped() -> None:
    gates = [case for case in suite_of(told_of(make_story([]))).findall("testcase") if case.get("classname") == "loadstone.gates"]
    assert gates
    assert all(case.find("skipped") is not None for case in gates)


@given(st.text(max_size=80))
def test_any_name_makes_sound_xml_and_sound_markdown(text: str) -> None:
    told = told_of(make_story(plan_name=text), seconds=0)
    ET.fromstring(render_junit(told))  # noqa: S314  our own report
    assert render_markdown(told).decode().count("\n## ") == 0


def test_markdown_shows_markup_of_others_as_text() -> None:
    page = render_markdown(told_of(make_story(plan_name=HOSTILE))).decode()
    assert "<script" not in page
    assert "@someone" not in page
    assert "\x1b" not in page
    assert escaped("a|b") == "a\\|b"


def test_markdown_begins_with_the_verdict_and_names_the_gate_that_failed_first() -> None:
    page = render_markdown(told_of(make_story(FAILING))).decode()
    assert page.startswith("## ❌ FAIL")
    rows = [line for line in page.splitlines() if line.startswith(("| ✅", "| ❌", "| ❔"))]
    assert rows[0].startswith("| ❌")


def test_markdown_marks_times_as_other_pages_do() -> None:
    story = make_story([make_snapshot(steps={"ask": (100, 10.0)}, failures={TIMEOUT: 8})])
    text = render_markdown(told_of(story)).decode()
    _, name, samples, p50, p95, p99, greatest, _ = next(line for line in text.splitlines() if "`http.response_time`" in line).split("|")
    assert (name.strip(), samples.strip(), p50.strip()[0]) == ("`http.response_time`", "100", "1")
    assert p95 == p99 == greatest
    assert p95.strip().startswith(">")


def test_markdown_says_too_few_of_streams_and_marks_the_value_of_others() -> None:
    times = {make_series(name): make_histogram([20.0] * 100) for name in ("llm.ttft", "call.response_time")}
    text = render_markdown(told_of(make_story([Snapshot(0, 0.0, 1.0, True, distributions=times)]))).decode()
    rows = {
        name.strip(" `"): [p50.strip(), p95.strip()]
        for _, name, _, p50, p95, *_ in (line.split("|") for line in text.splitlines() if "20 ms" in line)
    }
    assert rows == {"llm.ttft": ["20 ms", "too few"], "call.response_time": ["20 ms", "~20 ms"]}


def test_markdown_counts_all_exchanges_and_their_failures() -> None:
    told = told_of(make_story())
    load = told.document.load.model_copy(update={"requests": 21_000, "errors": 1_500, "achieved_rate": 700.0, "seconds": 2.0})
    text = render_markdown(replace(told, document=told.document.model_copy(update={"load": load}))).decode()
    assert "2 s: 21,000 requests (10,500/s), 1,500 failed" in text


def test_markdown_is_never_longer_than_a_comment() -> None:
    gates = tuple(f'p95(http.response_time{{step="{n:03}{"x" * 180}"}}) < 2s' for n in range(40))
    many = replace(told_of(make_story(gates=gates)), damage=tuple(f"{n} {'y' * 280}" for n in range(300)))
    page = render_markdown(many)
    assert len(page) <= MOST_BYTES + 100
    assert "cut here" in page.decode()


def test_damage_is_told_by_pages_for_people() -> None:
    told = replace(told_of(make_story()), damage=("section 3 cannot be read",))
    assert "section 3 cannot be read" in render_markdown(told).decode()
    assert "section 3 cannot be read" in render_junit(told).decode()


def test_annotations_are_errors_for_gates_that_failed_and_nothing_for_a_pass_without_notices() -> None:
    lines = annotations_of(told_of(make_story(FAILING)))
    assert any(line.startswith("::error title=") and "http.errors" in line for line in lines)
    assert not [line for line in annotations_of(told_of(make_story())) if line.startswith("::error")]


def test_more_annotations_than_are_shown_are_counted() -> None:
    told = replace(told_of(make_story()), damage=tuple(map(str, range(30))))
    warnings = [line for line in annotations_of(told) if line.startswith("::warning")]
    assert len(warnings) == MOST
    assert "more::" in warnings[-1]


@given(st.text(), st.text())
def test_an_annotation_is_one_line_with_one_title_whatever_it_says(title: str, message: str) -> None:
    line = command("error", title, message)
    assert "\n" not in line
    assert "\r" not in line
    head, said = line.removeprefix("::error title=").split("::", 1)
    assert not set(head) & set(":,")
    for escape, sign in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        head = head.replace(escape, sign)
        said = said if sign in ":," else said.replace(escape, sign)
    assert (head, said) == (title, message)


def test_lists_for_benchmarks_tell_smaller_from_bigger_and_leave_out_what_has_no_value() -> None:
    told = told_of(make_story())
    smaller, bigger = (json.loads(render(told)) for render in (render_smaller, render_bigger))
    assert any("p95(http.response_time)" in entry["name"] for entry in smaller)
    assert any("rate(http.requests)" in entry["name"] for entry in bigger)
    for entry in (*smaller, *bigger):
        assert {"name", "unit", "value"} <= set(entry) <= {"name", "unit", "value", "range", "extra"}
        assert isinstance(entry["value"], (int, float))
    assert not {entry["name"] for entry in smaller} & {entry["name"] for entry in bigger}
    assert json.loads(render_smaller(told_of(make_story([])))) == []


def test_bencher_measures_have_names_that_fit_and_intervals_around_their_value() -> None:
    (whole, *_) = json.loads(render_bencher(told_of(make_story()))).values()
    assert whole["http-response-time-p95-ms"]["value"] > 0
    assert whole["latency"]["value"] == pytest.approx(whole["http-response-time-p50-ms"]["value"] * 1e6)
    for name, measure in whole.items():
        assert len(name) <= LONGEST
        assert set(measure) <= {"value", "lower_value", "upper_value"}
        assert measure.get("lower_value", measure["value"]) <= measure["value"] <= measure.get("upper_value", measure["value"])
