"""Courses that move together, stretches that stand out, and parts in which something comes more often."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.stats.association import association, independent
from loadstone.stats.lift import lift
from loadstone.stats.stretches import densest_stretch
from loadstone.stats.trend import ranks


def walk(seed: int, length: int = 120) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=length))


def test_an_effect_that_follows_two_windows_later_is_found_with_its_lag() -> None:
    cause = np.random.default_rng(1).normal(size=100)
    effect = np.concatenate((np.zeros(2), cause[:-2])) + 0.1
    found = association(cause, effect)
    assert found is not None
    assert found.lag == 2
    assert found.rho > 0.99
    assert found.p < 1e-6


def test_two_random_walks_have_few_independent_pairs_and_are_seldom_called_alike() -> None:
    called = 0
    for seed in range(100):
        found = association(walk(seed), walk(1000 + seed))
        called += found is not None and found.p < 0.01
    assert called <= 10  # a correlation that takes them for independent says so of 80
    assert independent(ranks(walk(1)), ranks(walk(2))) < 40


def test_nothing_is_said_of_a_level_that_stands_still_or_of_too_few_pairs() -> None:
    assert association(np.ones(50), walk(3, 50)) is None
    assert association(walk(1, 8), walk(2, 8)) is None


def test_the_stretch_in_which_events_are_denser_is_found() -> None:
    events = np.full(60, 1.0)
    events[20:30] = 9.0
    found = densest_stretch(events, np.full(60, 100.0))
    assert found is not None
    assert (found.begin, found.end) == (20, 30)
    assert found.ratio == pytest.approx(9.0)
    assert found.share == pytest.approx(90 / 140)
    assert found.p <= 0.01


def test_a_clump_in_a_single_window_stands_out() -> None:
    events = np.zeros(20)
    events[13] = 150
    found = densest_stretch(events, np.full(20, 100.0))
    assert found is not None
    assert (found.begin, found.end, found.ratio) == (13, 14, np.inf)


def test_events_that_fall_anywhere_make_a_stretch_as_seldom_as_promised() -> None:
    alarms = 0
    for seed in range(200):
        found = densest_stretch(np.random.default_rng(seed).poisson(4, 40).astype(float), np.full(40, 100.0))
        alarms += found is not None and found.p <= 0.05
    assert alarms <= 20


def test_a_course_without_events_or_without_difference_has_no_stretch() -> None:
    assert densest_stretch(np.zeros(20), np.ones(20)) is None
    assert densest_stretch(np.full(20, 3.0), np.full(20, 10.0)) is None
    assert densest_stretch(np.ones(3), np.ones(3)) is None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 50), st.integers(51, 500), st.integers(0, 50), st.integers(51, 500))
def test_the_interval_of_a_lift_holds_the_lift_and_turns_round_with_its_sides(a: int, m: int, b: int, n: int) -> None:
    there, back = lift(a, m, b, n), lift(b, n, a, m)
    assert there is not None
    assert back is not None
    assert there.low <= there.ratio <= there.high
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.low == pytest.approx(1 / back.high)


def test_a_part_of_which_there_is_no_rest_has_no_lift() -> None:
    assert lift(3, 10, 0, 0) is None
