from __future__ import annotations

import numpy as np
import pytest

from benchmarks.leak_shapes import BASE, BENIGN, Levels, level, steady, stepwise
from benchmarks.leaks import answers_of
from loadstone.judge.leak import COUNTED, Answer, Course, judge_leak
from loadstone.judge.leak_text import explain

MINUTES_15 = 900.0
SHAPES = list(BENIGN)


def memory(shape: str = "flat", leaked: float = 0.0) -> tuple[Levels, Levels]:
    return level(np.random.default_rng(1), MINUTES_15, BENIGN[shape], steady, leaked)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_does_not_leak_is_hardly_ever_called_a_leak(shape: str) -> None:
    counts = answers_of(SHAPES.index(shape), MINUTES_15, 25, leak="", leaked=0.0, seed=500)
    assert counts[Answer.LEAK] <= 2


def test_all_benign_shapes_together_raise_hardly_any_false_alarm() -> None:
    alarms = sum(answers_of(at, MINUTES_15, 20, leak="", leaked=0.0, seed=501)[Answer.LEAK] for at in range(len(SHAPES)))
    assert alarms <= 6  # 220 trials


@pytest.mark.parametrize("leak", ["steady", "stepwise"])
def test_growth_of_a_tenth_is_nearly_always_seen_whatever_else_the_level_does(leak: str) -> None:
    answers = [answers_of(at, MINUTES_15, 10, leak=leak, leaked=0.1 * BASE, seed=502) for at in range(len(SHAPES))]
    assert sum(counts[Answer.LEAK] for counts in answers) >= 90  # of 110
    assert sum(counts[Answer.NO_LEAK] for counts in answers) <= 4


def test_the_rate_of_a_leak_lies_in_its_interval_and_close_to_the_truth() -> None:
    found = judge_leak(*memory(leaked=40e6))
    assert found.answer is Answer.LEAK
    assert found.low <= 40e6 / 900 <= found.high
    assert found.rate == pytest.approx(40e6 / 900, rel=0.15)


def test_a_leak_after_a_warm_up_counts_from_its_end() -> None:
    found = judge_leak(*memory("cache, early full", leaked=40e6))
    assert found.answer is Answer.LEAK
    assert 60 < found.settled_s < 400


def test_a_constant_added_to_a_plain_count_changes_no_answer_and_no_rate() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(600.0)
    counts: Levels = 50.0 + np.floor(times / 10) + rng.integers(0, 3, 600).astype(float)
    few, many = judge_leak(times, counts, COUNTED), judge_leak(times, counts + 100, COUNTED)
    assert few.answer is many.answer is Answer.LEAK
    assert few.rate == pytest.approx(many.rate)


def test_times_that_begin_later_move_the_moments_and_nothing_else() -> None:
    times, values = memory("cache, early full", leaked=40e6)
    now, later = judge_leak(times, values), judge_leak(times + 1000, values)
    assert later.answer is now.answer
    assert later.settled_s == pytest.approx(now.settled_s + 1000)
    assert later.rate == pytest.approx(now.rate)


def test_a_leak_told_backwards_is_no_leak() -> None:
    times, values = memory(leaked=40e6)
    assert judge_leak(times, values).answer is Answer.LEAK
    backwards = judge_leak(times, values[::-1])
    assert backwards.answer is Answer.NO_LEAK
    assert backwards.rate < 0


@pytest.mark.parametrize("value", [0.0, 12.0, 2e8])
def test_a_level_that_never_moves_is_stable(value: float) -> None:
    found = judge_leak(np.arange(200.0), np.full(200, value))
    assert (found.answer, found.course, found.rate) == (Answer.NO_LEAK, Course.STABLE, 0.0)


def test_a_perfect_line_is_a_leak() -> None:
    times = np.arange(200.0)
    found = judge_leak(times, 2e8 + 1e6 * times)
    assert found.answer is Answer.LEAK
    assert found.rate == pytest.approx(1e6, rel=0.01)


@pytest.mark.parametrize("count", [0, 1, 47])
def test_too_few_readings_are_never_an_all_clear(count: int) -> None:
    found = judge_leak(np.arange(float(count)), np.full(count, 5.0))
    assert (found.answer, found.course) == (Answer.CANNOT_TELL, Course.SHORT)
    assert explain(found, "B") == f"CANNOT TELL: {count} readings, and 48 are the fewest; run longer"


def test_readings_that_are_not_numbers_are_left_out() -> None:
    times, values = memory(leaked=40e6)
    values[::7] = np.nan
    found = judge_leak(times, values)
    assert found.answer is Answer.LEAK
    assert found.readings == np.isfinite(values).sum()


def test_descriptors_that_leak_one_in_ten_seconds_are_found() -> None:
    times = np.arange(300.0)
    rng = np.random.default_rng(5)
    assert judge_leak(times, 40 + np.floor(times / 10) + rng.integers(0, 4, 300), COUNTED).answer is Answer.LEAK
    noise = rng.integers(0, 4, 300).astype(np.float64)
    assert judge_leak(times, 40.0 + noise, COUNTED).answer is Answer.NO_LEAK


def test_one_step_is_no_leak_and_is_told() -> None:
    times, values = memory()
    found = judge_leak(times, values + 30e6 * (times > 400))
    assert found.answer is Answer.NO_LEAK
    assert found.step == pytest.approx(30e6, rel=0.1)
    assert "one step of" in explain(found, "B")


def test_steps_that_go_on_are_a_leak() -> None:
    times, values = level(np.random.default_rng(9), MINUTES_15, BENIGN["flat"], stepwise, 40e6)
    assert judge_leak(times, values).answer is Answer.LEAK


def test_a_leak_is_told_with_rate_cost_of_a_request_beginning_and_end() -> None:
    found = judge_leak(*memory(leaked=40e6))
    said = explain(found, "B", per_s=100.0, exhausted_s=found.exhausted_in_s(240e6, 1e9))
    for part in ("LEAK: it rises steadily", "MB/h (95%: ", "kB per 1,000 requests", "at 20", "at its limit in 4h"):
        assert part in said


def test_what_does_not_leak_is_never_exhausted() -> None:
    assert judge_leak(*memory()).exhausted_in_s(240e6, 1e9) is None


def test_readings_in_a_burst_after_a_stall_do_not_stand_for_the_whole_course() -> None:
    """As of a machine that let nobody run for 43 s: 140 readings a second apart, then 36 within a moment."""
    times = np.array([*range(145), *(187.26 + 0.003 * number for number in range(36))], dtype=np.float64)
    levels = 43e6 + 5e3 * np.minimum(times, 100.0)
    finding = judge_leak(times, levels)
    assert (finding.answer, finding.settled_s < 145) == (Answer.NO_LEAK, True)


def test_many_readings_in_a_few_moments_are_told_as_such() -> None:
    times = np.array([0.0, *(500.0 + 0.001 * number for number in range(99))])
    finding = judge_leak(times, np.full(100, 5e7))
    assert (finding.answer, finding.course) == (Answer.CANNOT_TELL, Course.SHORT)
    assert "100 readings, nearly all in a few moments" in explain(finding, "B")
