"""New runs against a stored baseline: worse only when sure, and honest about what cannot be told."""

from collections.abc import Sequence

import numpy as np
import pytest

from loadstone.judge.baseline_rule import compare_with_baseline, confirmed
from loadstone.judge.difference import Answer, Severity
from loadstone.judge.recorded import Figure, RunFigures, Share
from loadstone.judge.regression_rules import PRESETS, RegressionRules

P50 = Figure("p50(http.response_time)", "ms")
RATE = Figure("rate(http.requests)", "/s", "higher")
ERRORS = Figure("error_rate", "%", is_share=True)
MACHINE = {"cpu": "A", "cores": 2, "memory": 8e9, "kernel": "6.1.0", "python": "3.11.4", "version": "1", "plan_hash": "x"}


def runs(values: Sequence[float], figure: Figure = P50, **machine: object) -> list[RunFigures]:
    return [RunFigures(f"run {at}", {figure.name: value}, machine=MACHINE | machine) for at, value in enumerate(values)]


def noisy(seed: int, count: int, level: float = 20.0, deviation: float = 0.03) -> list[float]:
    return [float(value) for value in level * np.exp(np.random.default_rng(seed).normal(0, deviation, count))]


def with_errors(hits: int, count: int = 10) -> list[RunFigures]:
    return [RunFigures(f"run {at}", shares={ERRORS.name: Share(hits, 1000)}, machine=MACHINE) for at in range(count)]


def test_a_clear_slowdown_is_worse_with_its_size_and_severity() -> None:
    (one,) = compare_with_baseline(runs(noisy(1, 20)), runs(noisy(2, 3, 28.0)), [P50]).differences
    assert one.answer is Answer.WORSE
    assert one.severity in {Severity.MINOR, Severity.MAJOR}
    assert one.effect is not None
    assert one.effect.low < 1.4 < one.effect.high


def test_equal_runs_are_seldom_worse_and_a_confirming_run_makes_it_rarer() -> None:
    trials, worse, held = 600, 0, 0
    for seed in range(trials):
        values = noisy(1000 + seed, 24)
        baseline, new, last = runs(values[:20]), runs(values[20:23]), runs(values[23:])[0]
        if compare_with_baseline(baseline, new, [P50]).needs_confirmation:
            worse += 1
            held += bool(confirmed(baseline, new, last, [P50]).worse)
    assert worse <= 20  # 2 % of 600 and three deviations of a binomial share
    assert held <= worse


def test_fewer_than_five_runs_are_still_being_collected() -> None:
    (one,) = compare_with_baseline(runs(noisy(1, 4)), runs([40.0]), [P50]).differences
    assert one.answer is Answer.CANNOT_TELL
    assert "collecting" in one.reason


@pytest.mark.parametrize("side", ["baseline", "new"])
def test_nothing_to_compare_with_is_never_a_pass(side: str) -> None:
    some = runs(noisy(1, 10))
    compared = compare_with_baseline([] if side == "baseline" else some, [] if side == "new" else some, [P50])
    assert compared.refused
    assert [one.answer for one in compared.differences] == [Answer.CANNOT_TELL]


def test_a_figure_that_a_new_run_lacks_cannot_be_told() -> None:
    (one,) = compare_with_baseline(runs(noisy(1, 10)), [*runs(noisy(2, 2)), RunFigures("bare", machine=MACHINE)], [P50]).differences
    assert one.answer is Answer.CANNOT_TELL
    assert "1 of 3" in one.reason


def test_a_baseline_of_five_to_nine_runs_says_that_it_sees_little() -> None:
    compared = compare_with_baseline(runs(noisy(1, 6)), runs(noisy(2, 3)), [P50])
    assert any("6 runs" in notice for notice in compared.notices)


def test_more_throughput_is_better_and_less_is_worse() -> None:
    old = runs(noisy(3, 20, 100.0), RATE)
    assert compare_with_baseline(old, runs([140.0, 141.0, 139.0], RATE), [RATE]).differences[0].answer is Answer.BETTER
    assert compare_with_baseline(old, runs([70.0, 71.0, 69.0], RATE), [RATE]).differences[0].answer is Answer.WORSE


def test_another_plan_or_processor_is_refused_and_other_software_noticed() -> None:
    old, new = noisy(1, 20), noisy(2, 3)
    assert "plan" in compare_with_baseline(runs(old), runs(new, plan_hash="y"), [P50]).refused
    assert "processor" in compare_with_baseline(runs(old), runs(new, cpu="B"), [P50]).refused
    wider = compare_with_baseline(runs(old), runs(new, python="3.12.1"), [P50])
    assert not wider.refused
    assert any("Python" in notice for notice in wider.notices)


def test_noise_around_the_limit_cannot_be_told_and_says_what_would_do() -> None:
    (one,) = compare_with_baseline(runs(noisy(5, 10, deviation=0.1)), runs([20.5]), [P50]).differences
    assert one.answer is Answer.CANNOT_TELL
    assert "more" in one.reason
    assert one.visible is not None
    assert one.visible > 0.1


def test_error_shares_are_compared_in_points_also_from_zero() -> None:
    worse = compare_with_baseline(with_errors(0), with_errors(100, 3), [ERRORS]).differences[0]
    assert (worse.answer, worse.before) == (Answer.WORSE, 0.0)
    assert worse.after == pytest.approx(10.0)
    assert worse.effect is None
    assert compare_with_baseline(with_errors(0), with_errors(0, 3), [ERRORS]).differences[0].answer is Answer.NOT_WORSE


def test_a_confirming_run_that_is_as_ever_takes_the_failure_back() -> None:
    compared = confirmed(runs(noisy(1, 20)), runs([26.0, 26.5, 25.5]), runs([20.0])[0], [P50])
    assert not compared.worse


def test_one_bad_figure_of_fifty_must_be_clearer_than_one_alone() -> None:
    figures = [Figure(f"p50(step{at})", "ms") for at in range(50)]
    rng = np.random.default_rng(11)

    def many(count: int, first: float) -> list[RunFigures]:
        return [
            RunFigures(
                "run",
                {f.name: float(20 * np.exp(rng.normal(0, 0.03))) * (first if at == 0 else 1) for at, f in enumerate(figures)},
                machine=MACHINE,
            )
            for _ in range(count)
        ]

    old, new = many(20, 1.0), many(3, 1.08)
    alone = compare_with_baseline(old, new, figures[:1]).differences[0].answer
    among = compare_with_baseline(old, new, figures).differences
    assert alone is Answer.WORSE
    assert sum(one.answer is Answer.WORSE for one in among) <= 1


def test_the_bot_preset_holds_its_rules() -> None:
    rules = PRESETS["bot"]
    assert rules.limit_of(P50) == 0.15
    assert rules.limit_of(ERRORS) == 0.05
    assert rules.limit_of(Figure("max(target.memory)", "MB")) == 0.20
    assert RegressionRules(named={P50.name: 0.3}).limit_of(P50) == 0.3
