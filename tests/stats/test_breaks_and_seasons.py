from __future__ import annotations

import math

import numpy as np
import pytest

from loadstone.stats.breaks import find_break, logarithm_misfit
from loadstone.stats.season import find_period, without_season
from loadstone.stats.troughs import troughs

TIMES = np.arange(24.0)


def noise(size: int = 24, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(size=size)


def test_a_window_is_as_low_as_its_lowest_tenth() -> None:
    times = np.arange(240.0)
    middles, lows = troughs(times, np.tile(np.arange(10.0), 24))
    assert len(middles) == 24
    assert middles[0] == pytest.approx(239 / 48)
    assert np.all(lows <= 1.0)


def test_windows_without_a_reading_are_left_out() -> None:
    times = np.concatenate([np.arange(100.0), np.arange(500.0, 600.0)])
    middles, lows = troughs(times, np.ones(200))
    assert len(middles) == len(lows) < 24


def test_a_level_that_warms_up_has_a_bend_where_it_is_warm() -> None:
    found = find_break(TIMES, 40 * np.minimum(1, TIMES / 6) + 0.2 * noise())
    assert found is not None
    assert found.height == 0
    assert abs(found.at - 6) <= 1


@pytest.mark.parametrize("at", [3, 12, 20])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_a_step_is_found_with_its_height_whatever_the_slope(at: int, slope: float) -> None:
    found = find_break(TIMES, 30.0 * (at <= TIMES) + slope * TIMES + 0.5 * noise())
    assert found is not None
    assert found.at in {at, at + 1}
    assert found.height == pytest.approx(30, rel=0.1)


@pytest.mark.parametrize("slope", [0.0, 0.5, -0.5])
def test_a_straight_line_has_no_break(slope: float) -> None:
    assert find_break(TIMES, 1e6 + slope * TIMES) is None
    assert find_break(TIMES, slope * TIMES + noise()) is None


def test_many_equal_steps_are_no_step() -> None:
    assert find_break(TIMES, 5.0 * np.floor(TIMES / 4)) is None


def test_a_logarithm_fits_a_logarithm_and_not_a_line() -> None:
    assert logarithm_misfit(TIMES, 30 * np.log1p(TIMES / 0.5) + 0.1 * noise(), 0.0, None) < 1.2
    assert logarithm_misfit(TIMES, 5 * TIMES + 0.1 * noise(), 0.0, None) > 10
    assert logarithm_misfit(TIMES, 5 * TIMES, 0.0, None) == math.inf


@pytest.mark.parametrize("period", [20.0, 37.5, 90.0])
@pytest.mark.parametrize("slope", [0.0, 0.02])
def test_the_period_of_a_saw_tooth_is_found(period: float, slope: float) -> None:
    at = np.arange(600.0)
    saw = 20 * ((at / period) % 1.0) + slope * at + noise(600)
    found = find_period(saw)
    assert found is not None
    assert found == pytest.approx(period, rel=0.02)


def test_noise_and_straight_lines_have_no_period() -> None:
    at = np.arange(600.0)
    for seed in range(20):
        assert find_period(noise(600, seed)) is None
        assert find_period(0.1 * at + noise(600, seed)) is None
    assert find_period(np.full(600, 3.0)) is None
    assert find_period(noise(10)) is None


def test_without_its_season_a_level_keeps_its_slope_and_loses_its_swing() -> None:
    at = np.arange(600.0)
    level = 0.05 * at + 8 * np.sin(2 * np.pi * at / 60)
    calm = without_season(level)
    assert np.std(calm - 0.05 * at) < 1.0
    assert np.polyfit(at, calm, 1)[0] == pytest.approx(0.05, rel=0.05)


def test_a_level_without_a_season_stays_as_it_is() -> None:
    level = noise(600)
    assert without_season(level) is level
