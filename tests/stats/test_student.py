"""Student's t against tables and against the integral of its density."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.stats.student import t_cdf, t_quantile


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.995, 4, 4.6041), (0.975, 19, 2.0930), (0.995, 19, 2.8609), (0.95, 30, 1.6973), (0.975, math.inf, 1.95996)],
)
def test_quantiles_are_those_of_printed_tables(share: float, freedom: float, expected: float) -> None:
    assert t_quantile(share, freedom) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("freedom", [1.0, 2.5, 7.0, 40.0])
@pytest.mark.parametrize("t", [-3.0, -0.4, 0.7, 2.2])
def test_the_chance_is_the_integral_of_the_density(freedom: float, t: float) -> None:
    at = np.linspace(0.0, t, 200_001)
    log_factor = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(log_factor) * (1 + at**2 / freedom) ** (-(freedom + 1) / 2)
    assert t_cdf(t, freedom) == pytest.approx(0.5 + float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(at))), abs=1e-9)


@given(st.floats(0.001, 0.999), st.floats(0.5, 1e6))
def test_the_quantile_is_the_inverse_of_the_chance(share: float, freedom: float) -> None:
    assert t_cdf(t_quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-8)


@pytest.mark.parametrize(("t", "freedom", "beyond"), [(12.7062, 1, 0.025), (4.30265, 2, 0.025), (2.2281, 10, 0.025), (2.364, 100, 0.01)])
def test_the_chance_beyond_agrees_with_printed_tables(t: float, freedom: int, beyond: float) -> None:
    assert t_cdf(-t, freedom) == pytest.approx(beyond, rel=2e-3)


@pytest.mark.parametrize("bad", [0.0, 1.0, -1.0])
def test_a_share_outside_zero_and_one_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(bad, 3)


def test_no_degrees_of_freedom_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        t_cdf(1.0, 0)
