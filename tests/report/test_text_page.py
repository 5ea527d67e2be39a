"""The summary for people."""

import re
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from rich.cells import cell_len

from loadstone.judge.story import Story
from loadstone.measure.catalogue import Kind, Metric
from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.report.text import look_of, render_text
from loadstone.report.text_latency import figure
from loadstone.testing.samples import make_histogram, make_series, make_snapshot, make_story, spread_ms

GOLDEN = Path(__file__).parent / "golden"
STATUS = Failure("status", "ask", "503 Service Unavailable")
TIMEOUT = Failure("timeout_total", "ask", "no complete answer within 60 s")
HOSTILE = "\x1b[31mred\x1b[0m <b>html</b> [red]x[/red]\nnew\u202eline\x07 漢字 " + "long " * 200


def plain_run() -> Story:
    return make_story()


def failing_run() -> Story:
    steps = {"home": (100, 12.0), "ask": (50, 900.0), "GET /items/{id}/reviews/{review}/comments": (5, 0.4)}
    snapshots = [
        make_snapshot(
            second,
            steps=steps,
            failures={STATUS: 2, TIMEOUT: 1} if second % 2 else {},
            dropped=2,
            target_rate=157.0,
            judged=second > 1,
        )
        for second in range(32)
    ]
    gates = [
        "p95(http.response_time) < 2s",
        "rate(http.errors) < 1%",
        "p99(http.response_time{step=ask}) < 900ms over 10s",
        "p95(http.response_time{step=aks}) < 2s",
        "throughput(http.requests) > 150/s",
    ]
    return make_story(snapshots, gates=gates, asked_arrivals=4710, requirement_of={gates[0]: "response_time_under_5s"})


def own_run() -> Story:
    own = (
        Metric("shop.basket", "EUR", Kind.DISTRIBUTION, "higher", "value of a basket"),
        Metric("shop.sold", "1", Kind.COUNT, "higher", "things sold"),
        Metric("shop.stock", "1", Kind.GAUGE, "neither", "things left"),
    )
    seconds = []
    for second in range(10):
        snapshot = make_snapshot(second)
        tags = {"scenario": "shop"}
        basket = make_histogram([value / 1e6 for value in spread_ms(50, 40.0)])
        counts = {
            make_series("shop.sold", **tags): 7,
            make_series("check.count", check="basket is not empty", **tags): 50,
            make_series("check.failures", check="basket is not empty", **tags): 1,
            make_series("check.count", check="home answers", **tags): 100,
        }
        failures = {Failure("check", "", "basket is not empty"): 1}
        seconds.append(
            replace(
                snapshot,
                distributions={**snapshot.distributions, make_series("shop.basket", **tags): basket},
                counts={**snapshot.counts, **counts},
                gauges={**snapshot.gauges, make_series("shop.stock", **tags): Gauge.of(100.0 - second)},
                failures=failures,
            )
        )
    return make_story(seconds, gates=(), own_metrics=own)


RUNS = {"plain": plain_run, "failing": failing_run, "own": own_run}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", RUNS)
def test_a_page_is_what_its_golden_file_shows(name: str, width: int) -> None:
    golden = GOLDEN / f"{name}-{width}.txt"
    page = render_text(RUNS[name](), width)
    if not golden.exists():  # delete a golden file to have it written anew, and read it before it is kept
        golden.write_text(page, encoding="utf-8")
        pytest.fail(f"{golden.name} was missing; it was written from what the page shows now")
    assert page == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 80, 100, 132])
@pytest.mark.parametrize("name", RUNS)
def test_no_line_is_wider_than_asked(name: str, width: int) -> None:
    assert max(map(cell_len, render_text(RUNS[name](), width).splitlines())) <= width


def test_a_simple_run_fits_on_one_page() -> None:
    assert len(render_text(make_story(), 80).splitlines()) <= 40


def test_without_unicode_a_page_is_ascii_and_keeps_its_columns() -> None:
    fancy, ascii_only = (render_text(failing_run(), 80, unicode=unicode) for unicode in (True, False))
    assert ascii_only.isascii()
    assert [len(line) for line in ascii_only.splitlines()] == [len(line) for line in fancy.splitlines()]


def test_colour_changes_nothing_but_colour() -> None:
    colored = render_text(failing_run(), 80, color=True)
    assert "\x1b[31m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render_text(failing_run(), 80)


@pytest.mark.parametrize("color", [False, True])
def test_hostile_texts_appear_as_harmless_text(color: bool) -> None:
    failure = Failure("malformed", HOSTILE, HOSTILE)
    snapshot = make_snapshot(steps={HOSTILE: (100, 5.0)}, failures={failure: 3}, phase=HOSTILE)
    page = render_text(make_story([snapshot], plan_name=HOSTILE, target=HOSTILE, aborted_by=HOSTILE), 80, color=color)
    assert "\\x1b[31mred" in page
    assert "<b>html</b> [red]x[/red]\\nnew\\u202eline\\x07" in page
    stripped = re.sub(r"\x1b\[[\d;]*m", "", page)
    assert not set(stripped) & set("\x1b\x07\r\u202e")
    assert max(map(cell_len, stripped.splitlines())) <= 80
    assert color or "\x1b" not in page


@pytest.mark.parametrize(
    ("story", "banner", "sentence"),
    [
        (make_story(), "PASS", "Both gates hold."),
        (make_story(gates=()), "PASS", "No gate was set, so nothing was judged."),
        (make_story(gates=["p50(http.response_time) < 1ms"]), "FAIL", "The gate failed: p50(http.response_time) < 1ms."),
        (make_story([]), "NO DATA", "lack data, which is never a pass"),
        (make_story([], gates=()), "NO DATA", "Nothing was measured"),
        (make_story([make_snapshot(target_rate=200)], asked_arrivals=200), "UNTRUSTWORTHY", "100 of 200 asked arrivals were sent"),
        (make_story([], unreachable=True), "UNREACHABLE", "Nothing answers at http://127.0.0.1:8000."),
        (make_story(interrupted=True), "INTERRUPTED", "Broken off after 10 s"),
    ],
)
def test_the_verdict_comes_first_with_its_exit_code_and_one_sentence_why(story: Story, banner: str, sentence: str) -> None:
    first, _, *rest = render_text(story, 80).splitlines()
    assert f" {banner} " in first
    assert f"exit code {int(story.exit_code)}" in first
    assert sentence in " ".join(rest[:2])


def row_of(story: Story, step: str) -> list[str]:
    table = render_text(story, 120).split("RESPONSE TIME")[1]
    return next(line.split() for line in table.splitlines() if line.split()[:1] == [step])


def test_percentiles_below_their_floor_are_marked_and_explained() -> None:
    story = make_story([make_snapshot(steps={"home": (129, 10.0)})])
    count, _, _, p50, p90, p95, p99, p99_9 = row_of(story, "home")[1:9]
    assert count == "129"
    assert [cell[0] == "~" for cell in (p50, p90, p95, p99, p99_9)] == [False, False, True, True, True]
    assert "needed: p95 130, p99 662, p99.9 6,636" in render_text(story, 80)


def test_the_footnote_of_a_mark_stands_below_the_table_that_has_it() -> None:
    step = make_snapshot(steps={"home": (7000, 10.0)})
    rare = {make_series("call.response_time"): make_histogram(spread_ms(10, 5.0))}
    page = render_text(make_story([replace(step, distributions={**step.distributions, **rare})]), 80)
    responses, others = page.split("OTHER TIMES")
    assert "~" not in responses
    assert "needed: p50 11, p90 64, p95 130" in others


def test_a_percentile_among_time_outs_is_longer_than_anything_recorded() -> None:
    story = make_story([make_snapshot(steps={"ask": (100, 10.0)}, failures={TIMEOUT: 8})])
    p50, p90, p95, *_, greatest = row_of(story, "ask")[4:10]
    assert not p50.startswith(">")
    assert not p90.startswith(">")
    assert p95 == greatest
    assert p95.startswith(">")
    assert "8 timed out or were dropped" in render_text(story, 80)


def test_a_step_whose_every_request_timed_out_has_no_number() -> None:
    story = make_story([make_snapshot(steps={"ask": (4, 10.0)}, failures={TIMEOUT: 4})])
    assert row_of(story, "ask")[4:10] == ["beyond"] * 6


def test_nothing_measured_shows_no_tables_and_no_zeros() -> None:
    page = render_text(make_story([]), 80)
    assert "RESPONSE TIME" not in page
    assert " 0 ms" not in page


def test_more_steps_and_errors_than_a_page_holds_are_counted_not_hidden() -> None:
    steps = {f"step {number:03d}": (10, 5.0) for number in range(50)}
    failures = {Failure("status", "step 001", f"text {number}"): 1 for number in range(10)}
    page = render_text(make_story([make_snapshot(steps=steps, failures=failures)]), 80)
    assert "and 30 more steps" in page
    assert "and 2 more kinds of error" in page


def test_an_error_of_a_script_keeps_its_line_on_a_narrow_page() -> None:
    raised = Failure("script", "iteration", "AttributeError: 'HttpClient' object has no attribute 'gett' (suite.py:5)")
    page = render_text(make_story([make_snapshot(failures={raised: 11_276})]), 80)
    assert "'gett' (suite.py:5)" in page
    assert "AttributeError: " in page


def test_scenarios_are_named_when_there_are_several() -> None:
    seconds: list[Snapshot] = [make_snapshot(0), make_snapshot(1, scenario="admin")]
    page = render_text(make_story(seconds), 80)
    assert "admin / home" in page
    assert "shop / home" in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0004, "0.0004"),
        (0.000001, "0.000001"),
        (0.0312, "0.031"),
        (-2310.4, "-2,310"),
        (0.9996, "1.00"),
        (9.423, "9.42"),
        (9.996, "10.0"),
        (99.96, "100"),
        (2310.4, "2,310"),
    ],
)
def test_a_figure_has_three_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_pipe_gets_eighty_columns_without_colour() -> None:
    look = look_of(TextIOWrapper(BytesIO(), encoding="utf-8"), {})
    assert (look.width, look.color, look.unicode) == (80, False, True)


class Screen(StringIO):
    encoding = "latin-1"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "color"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colour_unless_it_asks_for_none(environment: dict[str, str], color: bool) -> None:
    look = look_of(Screen(), environment)
    assert (look.color, look.unicode) == (color, False)


def test_passed_gates_are_counted_and_a_score_that_is_not_over_ninety_says_so() -> None:
    gates = [f"count(http.requests) > {number}" for number in range(10)]
    ten = render_text(make_story(gates=gates))
    nine = render_text(make_story(gates=[*gates[1:], "count(http.requests) < 1"]))
    assert "Gates Passed: 10/10, score 100%\n" in ten
    assert "Gates Passed: 9/10, score 90%, not over the wanted 90%\n" in nine
