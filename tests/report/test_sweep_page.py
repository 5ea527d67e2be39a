"""A sweep told: to programs and to people."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource
from rich.cells import cell_len

from loadstone.errors import ExitCode
from loadstone.judge.story import Story
from loadstone.judge.sweep import Level, Sweep
from loadstone.measure.catalogue import Kind, Metric
from loadstone.report.plot import Mark, plot
from loadstone.report.sweep_document import SweepDocument, render_sweep_json, schema_json, sweep_document_of
from loadstone.report.sweep_text import render_sweep_text, row_text
from loadstone.report.text import Look
from loadstone.testing.samples import make_histogram, make_series, make_snapshot, make_story, spread_ms

SCHEMAS = files("loadstone.report") / "schema"
OWN = (
    Metric("llm.ttft", "ms", Kind.DISTRIBUTION, "lower", "first token", scale=1e6),
    Metric("llm.tpot", "ms", Kind.DISTRIBUTION, "lower", "time per token", scale=1e6),
    Metric("llm.e2e", "ms", Kind.DISTRIBUTION, "lower", "whole answer", scale=1e6),
    Metric("llm.output_tokens", "1", Kind.COUNT, "higher", "tokens"),
)


def level_story(requests: int, median_ms: float) -> Story:
    return make_story([make_snapshot(second, steps={"home": (requests, median_ms)}) for second in range(10)])


def llm_story(users: int, ttft_ms: float) -> Story:
    seconds = []
    for second in range(10):
        snapshot = make_snapshot(second, steps={"chat": (20, 800.0)}, users=users)
        distributions: Any = snapshot.distributions
        for metric, median in (("llm.ttft", ttft_ms), ("llm.tpot", 10.0), ("llm.e2e", 800.0)):
            distributions[make_series(metric, scenario="shop")] = make_histogram(spread_ms(20, median))
        counts: Any = snapshot.counts
        counts[make_series("llm.output_tokens", scenario="shop")] = 400
        seconds.append(snapshot)
    return make_story(seconds, own_metrics=OWN)


def sweep_of(*stories: Story, ended: str = "", code: ExitCode = ExitCode.PASS) -> SweepDocument:
    levels = tuple(Level(str(2**number), story) for number, story in enumerate(stories))
    planned = tuple(str(2**number) for number in range(max(3, len(stories))))
    return sweep_document_of(Sweep("users", levels, planned, 2.0, 0.1, ended, code))


HTTP = sweep_of(level_story(100, 10.0), level_story(190, 12.0), level_story(250, 40.0))
LLM = sweep_of(llm_story(1, 50.0), llm_story(2, 90.0))
CUT = sweep_of(level_story(100, 10.0), ended="the target is gone", code=ExitCode.UNREACHABLE)


def test_the_shipped_schema_is_what_the_types_say() -> None:
    assert (SCHEMAS / "sweep-1.json").read_text(encoding="utf-8") == schema_json(), (
        "run: python -m loadstone.report.sweep_document > src/loadstone/report/schema/sweep-1.json"
    )


@pytest.mark.parametrize("sweep", [HTTP, LLM, CUT])
def test_every_document_follows_the_schema_and_reads_back(sweep: SweepDocument) -> None:
    raw = render_sweep_json(sweep)
    found = json.loads(raw)
    result, whole = (json.loads((SCHEMAS / f"{name}-1.json").read_text(encoding="utf-8")) for name in ("result", "sweep"))
    registry = Registry().with_resource(result["$id"], Resource.from_contents(result))
    jsonschema.Draft202012Validator(whole, registry=registry).validate(found)
    assert SweepDocument.model_validate_json(raw) == sweep
    assert [level["result"]["schema"] for level in found["levels"]] == ["loadstone.result/1"] * len(sweep.levels)


def test_a_level_says_what_it_was_set_to_and_its_number() -> None:
    assert [(level.level, level.value) for level in HTTP.levels] == [("1", 1.0), ("2", 2.0), ("4", 4.0)]


@pytest.mark.parametrize("sweep", [HTTP, LLM, CUT])
@pytest.mark.parametrize("look", [Look(80), Look(120, color=True), Look(80, unicode=False)])
def test_no_line_is_wider_than_the_page(sweep: SweepDocument, look: Look) -> None:
    page = render_sweep_text(sweep, look)
    assert look.color or max(map(cell_len, page.splitlines())) <= look.width
    assert look.unicode or page.isascii()


def test_the_table_has_a_row_per_level_with_rate_percentiles_and_errors() -> None:
    rows = [line.split() for line in render_sweep_text(HTTP, Look(120)).splitlines()]
    (row,) = [row for row in rows if row[:2] == ["3", "4"]]
    assert row[2:6] == ["none", "10", "s", "250/s"]
    assert row[-2:] == ["0%", "PASS"]
    assert 38 < float(row[6]) < 42


def test_a_language_model_gets_its_tokens_and_is_plotted_by_its_whole_answer() -> None:
    page = render_sweep_text(LLM, Look(120))
    (row,) = [line.split() for line in page.split("TOKENS")[1].splitlines() if line.split()[:2] == ["2", "2"]]
    assert row[-2:] == ["200", "400"]
    assert float(row[5]) == pytest.approx(10, rel=0.05)
    assert "LEVELS  llm.e2e in ms" in page


def test_tokens_of_one_user_are_the_median_answers_where_answers_are_timed() -> None:
    story = llm_story(1, 50.0)
    rate = Metric("llm.output_rate", "1/s", Kind.DISTRIBUTION, "higher", "tokens per second of one answer", scale=1e6)
    snapshot = make_snapshot(11, steps={"chat": (20, 800.0)})
    distributions: Any = snapshot.distributions
    distributions[make_series("llm.output_rate", scenario="shop")] = make_histogram([33.0] * 20)
    story.result.total.add(snapshot)
    story.result.catalogue.add(rate)
    (row,) = [
        line.split() for line in render_sweep_text(sweep_of(story), Look(120)).split("TOKENS")[1].splitlines() if line.split()[:1] == ["1"]
    ]
    assert float(row[-2]) == pytest.approx(33, rel=0.01)


def test_a_percentile_of_too_few_answers_is_marked() -> None:
    story = make_story([], own_metrics=OWN)
    snapshot = make_snapshot(0, steps={"chat": (20, 800.0)})
    distributions: Any = snapshot.distributions
    distributions[make_series("llm.ttft", scenario="shop")] = make_histogram(spread_ms(20, 50.0))
    story.result.total.add(snapshot)
    (row,) = [
        line.split() for line in render_sweep_text(sweep_of(story), Look(120)).split("TOKENS")[1].splitlines() if line.split()[:1] == ["1"]
    ]
    assert float(row[2]) == pytest.approx(50, rel=0.05)
    assert [cell[0] for cell in row[3:5]] == ["~", "~"]


def test_http_alone_has_no_table_of_tokens() -> None:
    assert "TOKENS" not in render_sweep_text(HTTP, Look(120))


def test_a_sweep_that_ended_early_says_so_first() -> None:
    page = render_sweep_text(CUT, Look(80))
    assert "UNREACHABLE" in page.splitlines()[0]
    assert "1 of 3 levels were run: the target is gone." in page
    assert "CURVE" not in page


def test_the_curve_marks_the_p95_of_each_level_and_rises_to_the_right() -> None:
    lines = render_sweep_text(HTTP, Look(80)).split("CURVE")[1].splitlines()[1:13]
    place = {mark: (row, line.index(mark, 12)) for mark in "123" for row, line in enumerate(lines) if mark in line[12:]}
    assert place["1"][1] < place["2"][1] < place["3"][1]
    assert place["3"][0] < place["1"][0]


def test_a_level_is_told_in_one_line() -> None:
    assert row_text("users", HTTP.levels[0]) == "users=1  100/s  p50 9.99 ms  p95 16.8 ms  p99 23.3 ms  errors 0%  PASS"


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=20))
def test_every_point_lies_inside_the_field(points: list[tuple[float, float]]) -> None:
    lines = plot([Mark(x, y, "@") for x, y in points], 40, 8, lambda x: f"{x:.3g}", lambda y: f"{y:.3g}")
    field = [line for line in lines if "│" in line]
    assert len(field) == 8
    assert max(len(line.partition("│")[2]) for line in field) <= 40
    assert any("@" in line for line in field)


def test_two_marks_in_one_cell_are_shown_as_such() -> None:
    lines = plot([Mark(1, 1, "a"), Mark(1, 1, "b")], 10, 3, str, str)
    assert any("#" in line for line in lines)


def test_a_wide_range_is_drawn_logarithmically_and_says_so() -> None:
    lines = plot([Mark(1, 1, "a"), Mark(2, 10, "b"), Mark(3, 100, "c")], 21, 5, str, str)
    assert "logarithmic" in lines[0]
    rows = [next(row for row, line in enumerate(lines[1:]) if mark in line.partition("│")[2]) for mark in "abc"]
    assert rows == [4, 2, 0]


def test_nothing_has_no_plot() -> None:
    assert plot([Mark(1, float("inf"), "a")], 10, 5, str, str) == []
