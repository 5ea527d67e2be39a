"""Shifts, prediction intervals, and the correction for many figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.adjust import adjusted
from loadstone.stats.shift import Shift, prediction
from loadstone.stats.student import t_quantile

SHARES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40)


def test_a_99_percent_prediction_interval_is_left_by_one_in_a_hundred() -> None:
    rng = np.random.default_rng(1)
    trials = 4000
    outside = sum(prediction(rng.normal(0, 1, 20).tolist(), rng.normal(0, 1, 3).tolist()).p < 0.01 for _ in range(trials))
    assert abs(outside / trials - 0.01) < 4 * math.sqrt(0.01 * 0.99 / trials)  # four deviations of a binomial share


def test_the_prediction_is_the_textbook_formula() -> None:
    old, new = [1.0, 2.0, 4.0, 5.0], [6.0, 8.0]
    shift = prediction(old, new)
    assert shift.amount == pytest.approx(4.0)
    spread = math.sqrt(sum((value - 3) ** 2 for value in old) / 3)
    assert shift.interval(0.9)[1] == pytest.approx(4 + t_quantile(0.95, 3) * spread * math.sqrt(1 / 4 + 1 / 2))


def test_equal_values_have_the_least_error_and_no_less() -> None:
    assert prediction([2.0, 2.0, 2.0], [2.0], 0.001).error == pytest.approx(0.001 * math.sqrt(1 / 3 + 1))


def test_too_few_runs_are_no_prediction() -> None:
    with pytest.raises(NoSamples):
        prediction([1.0], [1.0])
    with pytest.raises(NoSamples):
        prediction([1.0, 2.0], [])


def test_an_unknown_error_makes_an_open_interval_and_no_certainty() -> None:
    shift = Shift(0.5, math.inf, 3)
    assert shift.p == 1.0
    assert shift.effect().low == 0.0
    assert shift.effect().high == math.inf


@given(st.floats(-3, 3), st.floats(0.001, 2), st.floats(1, 100))
def test_seen_from_the_other_side_a_ratio_is_its_inverse(amount: float, error: float, freedom: float) -> None:
    shift = Shift(amount, error, freedom)
    there, back = shift.effect(), shift.reversed().effect()
    assert there.ratio * back.ratio == pytest.approx(1.0)
    assert shift.p == pytest.approx(shift.reversed().p)
    assert shift.least(0.95) == pytest.approx(-shift.reversed().most(0.95))


def test_adjusted_chances_are_those_of_benjamini_and_hochberg() -> None:
    assert adjusted([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])
    assert adjusted([]) == []


@given(SHARES, st.floats(0.001, 0.5))
def test_taking_adjusted_chances_is_the_step_up_procedure(chances: list[float], bound: float) -> None:
    ordered = sorted(chances)
    # brute force: the greatest k whose k-th least chance is at most k bound / m, and all up to it
    passing = [k for k in range(1, len(ordered) + 1) if ordered[k - 1] * len(ordered) / k <= bound]
    taken = sum(chance <= bound for chance in adjusted(chances))
    assert taken >= (passing[-1] if passing else 0)
    assert all(after >= before - 1e-15 for before, after in zip(chances, adjusted(chances), strict=True))
    if taken:
        assert ordered[taken - 1] * len(ordered) / taken <= bound * (1 + 1e-12)
