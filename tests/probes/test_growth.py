"""Counters between two readings, and quantiles of bucketed histograms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clock import SECOND
from loadstone.probes.growth import Growth, quantile


def test_a_counter_grows_from_its_second_reading_on() -> None:
    growth = Growth()
    growth.begin(0)
    assert growth.of("tokens", 100.0) is None
    growth.begin(2 * SECOND)
    assert growth.per_second(growth.of("tokens", 300.0)) == 100.0


def test_a_counter_that_fell_began_again_at_zero() -> None:
    growth = Growth()
    growth.begin(0)
    growth.of("tokens", 1000.0)
    growth.begin(SECOND)
    assert growth.of("tokens", 30.0) == 30.0


def test_a_counter_that_was_away_for_a_reading_begins_anew() -> None:
    growth = Growth()
    for now_s, value in ((0, 10.0), (1, None), (2, 50.0)):
        growth.begin(now_s * SECOND)
        grown = growth.of("tokens", value) if value is not None else None
    assert grown is None


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=20))
def test_growth_is_never_negative_and_adds_up_for_a_counter_that_only_rises(steps: list[float]) -> None:
    growth, value, total = Growth(), 0.0, 0.0
    for number, step in enumerate(steps):
        value += step
        growth.begin((number + 1) * SECOND)
        grown = growth.of("x", value)
        assert grown is None or grown >= 0
        total += grown or 0.0
    assert total == pytest.approx(value - steps[0])


def test_a_quantile_lies_in_a_straight_line_inside_its_bucket() -> None:
    buckets = [(0.1, 10.0), (0.2, 20.0), (math.inf, 20.0)]
    assert quantile(buckets, 0.5) == pytest.approx(0.1)
    assert quantile(buckets, 0.75) == pytest.approx(0.15)
    assert quantile(buckets, 0.25) == pytest.approx(0.05)


def test_what_lies_in_the_endless_bucket_is_at_least_the_end_of_the_last_but_one() -> None:
    assert quantile([(0.1, 1.0), (math.inf, 10.0)], 0.99) == 0.1


@pytest.mark.parametrize("buckets", [[], [(0.1, 0.0), (math.inf, 0.0)]])
def test_no_values_have_no_quantile(buckets: list[tuple[float, float]]) -> None:
    assert quantile(buckets, 0.5) is None


@given(st.lists(st.integers(0, 50), min_size=1, max_size=10).filter(any), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_quantiles_rise_with_their_share_and_stay_inside_the_buckets(counts: list[int], one: float, other: float) -> None:
    total, buckets = 0.0, []
    for number, count in enumerate(counts, 1):
        total += count
        buckets.append((float(number), total))
    low, high = quantile(buckets, min(one, other)), quantile(buckets, max(one, other))
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= len(counts)
