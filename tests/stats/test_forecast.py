"""Where a creep leads, with a band that holds what it says."""

import math

import numpy as np
import pytest

from loadstone.errors import NoSamples
from loadstone.stats.forecast import forecast

DAYS = np.arange(30.0)


def test_a_straight_line_crosses_where_it_crosses() -> None:
    crossing = forecast(DAYS, 100 + DAYS).crossing(140.0)
    assert crossing is not None
    assert (crossing.after, crossing.earliest, crossing.latest) == pytest.approx((11.0, 11.0, 11.0))


def test_the_band_holds_the_true_crossing_as_often_as_it_says() -> None:
    held, trials = 0, 60
    for seed in range(trials):
        values = 100 + DAYS + np.random.default_rng(seed).normal(0, 2, 30)
        crossing = forecast(DAYS, values).crossing(149.0)
        assert crossing is not None
        held += crossing.earliest <= 20.0 <= crossing.latest
    assert held / trials >= 0.90 - 3 * math.sqrt(0.9 * 0.1 / trials)


def test_a_level_that_only_swings_crosses_nothing() -> None:
    crossings = [forecast(DAYS, 100 + np.random.default_rng(seed).normal(0, 2, 30)).crossing(110.0) for seed in range(40)]
    assert sum(one is not None for one in crossings) <= 5  # 5 % in both directions, of which one meets the limit


def test_a_level_whose_neighbours_are_alike_seldom_moves_for_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.stats.forecast.RESAMPLES", 2)  # the band is not asked for
    certain, trials = 0, 300
    for seed in range(trials):
        noise = np.random.default_rng([5, seed]).normal(0, 0.03, 20)
        for at in range(1, 20):
            noise[at] = 0.5 * noise[at - 1] + math.sqrt(0.75) * noise[at]
        certain += forecast(DAYS[:20], noise).certain
    assert certain / trials <= 0.12  # 7 %; without allowing for it 19 %


def test_a_limit_that_the_line_moves_away_from_is_never_met() -> None:
    assert forecast(DAYS, 100 + DAYS).crossing(90.0) is None
    falling = forecast(DAYS, 100 - DAYS).crossing(61.0)
    assert falling is not None
    assert falling.after == pytest.approx(10.0)


def test_fewer_than_twelve_runs_have_no_forecast() -> None:
    with pytest.raises(NoSamples, match="at least 12"):
        forecast(DAYS[:11], DAYS[:11])


def test_the_same_values_give_the_same_band_and_runs_at_one_moment_do_no_harm() -> None:
    times = np.repeat(np.arange(10.0), 2)
    values = np.random.default_rng(3).normal(100, 1, 20) + times
    first, second = forecast(times, values).band(5.0), forecast(times, values).band(5.0)
    assert first == second
    assert first[1] <= first[0] <= first[2]
