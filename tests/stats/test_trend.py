from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.trend import trend, variance_inflation

LEVELS = st.lists(st.integers(-1000, 1000).map(float), min_size=5, max_size=30)


def brute_force(times: list[float], values: list[float]) -> tuple[float, float]:
    """Slope and p of independent values, from the textbook's definitions."""
    pairs = list(itertools.combinations(range(len(values)), 2))
    slopes = [(values[j] - values[i]) / (times[j] - times[i]) for i, j in pairs]
    score = sum((values[j] > values[i]) - (values[j] < values[i]) for i, j in pairs)
    n = len(values)
    ties = [values.count(value) for value in set(values)]
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    z = 0.0 if score == 0 else (abs(score) - 1) / math.sqrt(variance)
    return statistics.median(slopes), math.erfc(z / math.sqrt(2))


def inflation_by_definition(times: list[float], values: list[float], slope: float) -> float:
    rest = [value - slope * time for time, value in zip(times, values, strict=True)]
    ranks = [sum(other < one for other in rest) + (1 + sum(other == one for other in rest)) / 2 for one in rest]
    n, mean = len(ranks), statistics.fmean(ranks)
    power = sum((rank - mean) ** 2 for rank in ranks)
    extra = 0.0
    for lag in range(1, n):
        r = sum((ranks[i] - mean) * (ranks[i + lag] - mean) for i in range(n - lag)) / power
        if abs(r) > 1.959964 / math.sqrt(n):
            extra += (n - lag) * (n - lag - 1) * (n - lag - 2) * r
    return max(1.0, 1 + 2 / (n * (n - 1) * (n - 2)) * extra)


@given(st.integers(0, 10_000), st.integers(5, 30))
def test_slope_and_chance_are_those_of_the_definitions(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, 100, n)) + np.arange(n)
    values = np.round(rng.normal(0, 5, n) + 0.05 * times)
    found = trend(times, values)
    slope, p = brute_force(times.tolist(), values.tolist())
    assert found.slope == pytest.approx(slope)
    if found.inflation == 1.0:
        assert found.p == pytest.approx(p)
    else:
        assert found.p > p or found.p == 1.0


@given(st.integers(0, 10_000), st.integers(8, 30))
def test_the_correction_is_that_of_the_definition(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    times, values = np.arange(float(n)), np.cumsum(rng.normal(size=n))
    assert variance_inflation(times, values, 0.1) == pytest.approx(inflation_by_definition(times.tolist(), values.tolist(), 0.1))


def test_dependence_raises_the_variance_and_widens_the_interval() -> None:
    times = np.arange(24.0)
    walk = np.cumsum(np.random.default_rng(1).normal(size=24))
    shuffled = np.random.default_rng(2).permutation(walk)
    dependent, independent = trend(times, walk), trend(times, shuffled)
    assert dependent.inflation > 1.5
    assert independent.inflation == 1.0


@given(LEVELS, st.integers(-10_000, 10_000))
def test_a_constant_added_changes_nothing(values: list[float], constant: int) -> None:
    times, levels = np.arange(float(len(values))), np.array(values)
    assert trend(times, levels + constant) == trend(times, levels)


@given(LEVELS, st.sampled_from([0.25, 2.0, 1024.0]))
def test_a_scale_scales_slope_and_interval_and_nothing_else(values: list[float], factor: float) -> None:
    times, levels = np.arange(float(len(values))), np.array(values)
    one, scaled = trend(times, levels), trend(times, factor * levels)
    assert (scaled.slope, scaled.low, scaled.high) == (factor * one.slope, factor * one.low, factor * one.high)
    assert (scaled.p, scaled.inflation) == (one.p, one.inflation)


@given(LEVELS)
@example([3.0, 0.0, 0.0, -2.0, 4.0, 0.0, 0.0, 0.0, 2.0, -4.0, 0.0, -1.0, 0.0, -5.0])
@example([1.0, 0.0, 0.0, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -2.0])
def test_a_series_told_backwards_has_the_slope_turned(values: list[float]) -> None:
    times, levels = np.arange(float(len(values))), np.array(values)
    forth, back = trend(times, levels), trend(times, levels[::-1])
    assert (back.slope, back.low, back.high) == (-forth.slope, -forth.high, -forth.low)
    assert back.p == pytest.approx(forth.p)


@given(LEVELS)
def test_the_slope_lies_in_its_interval(values: list[float]) -> None:
    found = trend(np.arange(float(len(values))), np.array(values))
    assert found.low <= found.slope <= found.high


def test_equal_values_have_no_trend() -> None:
    found = trend(np.arange(24.0), np.full(24, 5.0))
    assert (found.slope, found.p, found.low, found.high) == (0.0, 1.0, 0.0, 0.0)


def test_the_interval_holds_the_true_slope_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(24.0)
    held = 0
    for _ in range(400):
        found = trend(times, 0.3 * times + rng.normal(size=24))
        held += found.low <= 0.3 <= found.high
    assert 0.93 <= held / 400 <= 0.99


def test_without_a_trend_the_chance_is_rarely_small() -> None:
    rng = np.random.default_rng(4)
    small = sum(trend(np.arange(24.0), rng.normal(size=24)).p < 0.05 for _ in range(1000))
    assert 20 <= small <= 65


def test_three_values_have_no_trend_to_speak_of() -> None:
    with pytest.raises(NoSamples, match="at least 4"):
        trend(np.arange(3.0), np.arange(3.0))
