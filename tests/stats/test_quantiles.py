from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.histogram import Histogram
from loadstone.stats.quantiles import EXACT_BELOW, enough, least_samples, quantile_interval, quantile_ranks, share_interval


def binomial_cdf(n: int, q: float, k: int) -> float:
    return math.fsum(comb(n, i) * q**i * (1 - q) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(("q", "n"), [(0.5, 11), (0.9, 64), (0.95, 130), (0.99, 662), (0.999, 6636), (0.01, 662)])
def test_a_percentile_needs_the_published_number_of_samples(q: float, n: int) -> None:
    assert least_samples(q) == n
    assert enough(q, n)
    assert not enough(q, n - 1)


def test_the_extremes_need_one_sample() -> None:
    assert enough(1.0, 1)
    assert not enough(1.0, 0)


@given(st.integers(1, 400), st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99]), st.sampled_from([0.9, 0.95, 0.99]))
def test_ranks_hold_the_confidence_they_promise_and_are_the_tightest(n: int, q: float, confidence: float) -> None:
    lower, upper = quantile_ranks(n, q, confidence)
    tail = (1 - confidence) / 2
    assert 0 <= lower < upper <= n + 1
    if lower > 0:
        assert binomial_cdf(n, q, lower - 1) <= tail + 1e-9
    assert binomial_cdf(n, q, lower) > tail - 1e-9
    if upper <= n:
        assert binomial_cdf(n, q, upper - 1) >= 1 - tail - 1e-9
        assert binomial_cdf(n, q, upper - 2) < 1 - tail + 1e-9


def test_the_approximation_for_many_samples_joins_the_exact_ranks() -> None:
    for q in (0.5, 0.99, 0.9999):
        exact, near = quantile_ranks(EXACT_BELOW - 1, q), quantile_ranks(EXACT_BELOW, q)
        assert abs(exact[0] - near[0]) <= 3
        assert abs(exact[1] - near[1]) <= 3


def test_the_interval_misses_the_true_quantile_no_more_often_than_stated() -> None:
    rng, true, misses, runs = np.random.default_rng(3), 1e6 * math.log(20), 0, 600
    for _ in range(runs):
        histogram = Histogram()
        histogram.record_many((rng.exponential(1e6, 300)).astype(np.int64))
        low, high = quantile_interval(histogram, 0.95)
        misses += not low <= true <= high
    assert misses / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_few_samples_leave_the_upper_end_open() -> None:
    histogram = Histogram()
    histogram.record_many(np.arange(1, 21, dtype=np.int64))
    assert quantile_interval(histogram, 0.99).high == math.inf
    assert quantile_interval(histogram, 0.01).low == 0


def test_values_beyond_open_the_upper_end_too() -> None:
    histogram = Histogram()
    histogram.record_many(np.full(1000, 7, dtype=np.int64))
    histogram.record_beyond(8)
    assert quantile_interval(histogram, 0.99).high == math.inf
    assert quantile_interval(histogram, 0.9).high == 7


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(NoSamples):
        quantile_interval(Histogram(), 0.5)
    with pytest.raises(NoSamples):
        share_interval(0, 0)


def test_a_share_has_the_interval_of_wilson() -> None:
    assert share_interval(0, 100) == pytest.approx((0, 0.0370), abs=1e-4)
    assert share_interval(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert share_interval(100, 100).high == 1
