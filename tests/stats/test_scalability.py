"""The scalability law is found again from points that follow it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.scalability import Levels, fit

USERS = np.array([1.0, 2, 4, 8, 12, 16, 24, 32])


def law(n: Levels, rate: float, contention: float, coherency: float) -> Levels:
    throughput: Levels = rate * n / (1 + contention * (n - 1) + coherency * n * (n - 1))
    return throughput


@settings(max_examples=12, deadline=None)
@given(st.floats(1, 1e5), st.floats(0.0, 0.5), st.floats(0.0, 0.01))
def test_exact_points_give_their_parameters_back(rate: float, contention: float, coherency: float) -> None:
    found = fit(USERS, law(USERS, rate, contention, coherency))
    assert found.rate_per_s == pytest.approx(rate, rel=1e-3)
    assert found.contention == pytest.approx(contention, abs=2e-3)
    assert found.coherency == pytest.approx(coherency, abs=2e-4)


def test_one_wild_point_moves_the_law_little() -> None:
    rates = law(USERS, 100, 0.05, 0.001)
    rates[3] *= 0.5
    found = fit(USERS, rates)
    assert found.throughput(16) == pytest.approx(float(law(np.array([16.0]), 100, 0.05, 0.001)[0]), rel=0.05)


def test_the_interval_beyond_the_measured_range_covers_the_truth() -> None:
    truth = float(law(np.array([64.0]), 100, 0.05, 0.001)[0])
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(30):
        found = fit(USERS, law(USERS, 100, 0.05, 0.001) * rng.lognormal(0, 0.03, len(USERS)), seed=trial)
        low, high = found.interval(64)
        covered += low <= truth <= high
    assert covered >= 25


def test_an_interval_far_beyond_is_wider_than_one_within() -> None:
    rng = np.random.default_rng(2)
    found = fit(USERS, law(USERS, 100, 0.05, 0.001) * rng.lognormal(0, 0.03, len(USERS)))
    near, far = found.interval(16), found.interval(128)
    assert math.log(far.high / far.low) > math.log(near.high / near.low)


def test_without_coherency_throughput_never_falls() -> None:
    at, rate = fit(USERS, law(USERS, 100, 0.1, 0.0)).peak
    if math.isinf(at):
        assert rate == pytest.approx(1000, rel=0.05)
    else:
        assert at > 100


def test_the_peak_is_where_coherency_takes_over() -> None:
    at, rate = fit(USERS, law(USERS, 100, 0.05, 0.002)).peak
    assert at == pytest.approx(math.sqrt(0.95 / 0.002), rel=0.02)
    assert rate == pytest.approx(float(law(np.array([at]), 100, 0.05, 0.002)[0]), rel=0.02)


@pytest.mark.parametrize("users", [[1, 2, 3, 4], [10, 11, 12, 13, 14, 15], [0.1, 0.2, 0.4, 0.5, 0.6, 0.9], [2, 2, 2, 2, 2, 2]])
def test_points_that_show_no_bend_are_refused(users: list[float]) -> None:
    with pytest.raises(NoSamples):
        fit(users, [100.0] * len(users))
