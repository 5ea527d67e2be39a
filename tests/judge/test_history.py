"""A history: changes with their runs, the vote of two, machines apart, and the days until a limit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from loadstone.judge.difference import Answer
from loadstone.judge.history import judge_histories, judge_history
from loadstone.judge.recorded import Figure, RunFigures, Share

P50 = Figure("p50(http.response_time)", "ms")
ERRORS = Figure("rate(http.errors)", "%", is_share=True)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def days(values: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]], cpu: str = "A") -> list[RunFigures]:
    return [
        RunFigures(f"{cpu}{at}", {P50.name: float(value)}, machine={"cpu": cpu}, started=BEGIN + timedelta(days=at), commit=f"c{at}")
        for at, value in enumerate(values)
    ]


def failures(counts: Sequence[int]) -> list[RunFigures]:
    return [
        RunFigures(f"r{at}", shares={ERRORS.name: Share(count, 1000)}, started=BEGIN + timedelta(days=at))
        for at, count in enumerate(counts)
    ]


def level(seed: int, count: int, deviation: float = 0.02) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return 20 * np.exp(np.random.default_rng(seed).normal(0, deviation, count))


def test_a_change_names_its_run_commit_date_and_size_and_both_votes_make_it_worse() -> None:
    values = level(1, 30)
    values[-5:] *= 1.2
    history = judge_history(days(values), P50)
    (change,) = history.changes
    assert (change.run, change.commit, change.started, change.worse) == ("A25", "c25", BEGIN + timedelta(days=25), True)
    assert change.effect.low < 1.2 < change.effect.high
    assert history.answer is Answer.WORSE


def test_a_level_without_a_change_is_not_worse() -> None:
    history = judge_history(days(level(2, 30, 0.01)), P50)
    assert history.changes == ()
    assert history.answer is Answer.NOT_WORSE


def test_few_runs_cannot_be_told() -> None:
    for count in (0, 1, 7):
        history = judge_history(days(level(3, count)), P50)
        assert history.answer is Answer.CANNOT_TELL
        assert history.outlook is None


def test_runs_that_lack_the_figure_are_counted() -> None:
    runs = [RunFigures("few", started=BEGIN), *days([20.0, 20.5])]
    assert judge_history(runs, P50).reason.startswith("2 of 3 runs have p50(http.response_time), and at least 8 are needed; the others")
    assert judge_history(runs[:1], P50).reason.startswith("0 of 1 runs have")


def test_machines_are_told_apart() -> None:
    histories = judge_histories([*days(level(4, 20)), *days(level(5, 20) * 2, "B")], P50)
    assert sorted(history.machine[0] for history in histories) == ["A", "B"]
    assert all(not history.changes for history in histories)


def test_runs_in_any_order_are_put_in_the_order_of_time() -> None:
    runs = days(level(6, 20))
    assert judge_history(runs[::-1], P50).values == judge_history(runs, P50).values


def test_a_slow_creep_says_in_how_many_days_it_crosses() -> None:
    values = 20 * np.exp(0.001 * np.arange(40)) * np.exp(np.random.default_rng(7).normal(0, 0.003, 40))
    crossing = judge_history(days(values), P50).crossing(22.0)
    assert crossing is not None
    true_day = np.log(1.1) / 0.001 - 39
    assert crossing.earliest <= true_day <= crossing.latest


def test_a_limit_at_zero_is_never_crossed() -> None:
    assert judge_history(days(level(8, 20)), P50).crossing(0.0) is None


def test_runs_without_a_failure_belong_to_the_history_of_failures() -> None:
    assert judge_history(failures([0] * 30), ERRORS).answer is Answer.NOT_WORSE
    for newest in ([50] * 10, [49, 52, 50, 51, 48, 47, 50, 53], [110, 120, 115]):
        history = judge_history(failures([0] * 20 + newest), ERRORS)
        assert len(history.values) == 20 + len(newest)
        assert history.answer is Answer.CANNOT_TELL


def test_newest_runs_without_a_level_are_not_passed_over() -> None:
    served = Figure("throughput(http.requests)", "/s", "higher")
    dead = [RunFigures(f"d{at}", {served.name: 0.0}, started=BEGIN + timedelta(days=40 + at)) for at in range(3)]
    alive = [RunFigures(run.name, {served.name: run.figures[P50.name]}, started=run.started) for run in days(level(9, 20))]
    history = judge_history([*alive, *dead], served)
    assert (history.answer, history.newest, len(history.values)) == (Answer.CANNOT_TELL, None, 20)
    assert "run d2 is 0" in history.reason
    unanswered = judge_history(days([*level(9, 20), float("inf")]), P50)
    assert unanswered.answer is Answer.CANNOT_TELL
    assert "longer than anything recorded" in unanswered.reason
