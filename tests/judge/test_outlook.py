"""When limits will be reached, for levels whose course is known."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.judge.outlook import crossing

DAY = 86400.0


def days(values: list[float]) -> list[float]:
    return [(at + 0.5) * DAY for at in range(len(values))]


def test_a_steady_rise_reaches_its_limit_when_a_line_does() -> None:
    values = [100.0 + 20.0 * at for at in range(8)]
    found = crossing(days(values), values, 300.0, rising=True)
    assert found is not None
    assert found.in_s == pytest.approx(3 * DAY)
    assert found.earliest_s == pytest.approx(3 * DAY)


def test_a_fall_to_a_lower_limit_is_the_same_turned_round() -> None:
    values = [100.0 - 5.0 * at for at in range(8)]
    found = crossing(days(values), values, 45.0, rising=False)
    assert found is not None
    assert found.in_s == pytest.approx(4 * DAY)


@pytest.mark.parametrize(
    "values",
    [[100.0] * 10, [100.0 - at for at in range(10)], [100.0, 101.0, 102.0, 103.0], [400.0 + at for at in range(10)], []],
)
def test_without_a_sure_trend_to_a_limit_that_is_ahead_nothing_is_foretold(values: list[float]) -> None:
    assert crossing(days(values), values, 300.0, rising=True) is None


def test_noise_without_a_trend_is_seldom_a_forecast_and_a_noisy_rise_has_the_truth_in_its_interval() -> None:
    rng, false, inside, told = random.Random(7), 0, 0, 0
    for _ in range(400):
        flat = [100.0 + rng.gauss(0, 5) for _ in range(14)]
        false += crossing(days(flat), flat, 200.0, rising=True) is not None
        rise = [100.0 + 4.0 * at + rng.gauss(0, 5) for at in range(14)]
        found = crossing(days(rise), rise, 200.0, rising=True)
        if found is not None:
            told += 1
            inside += found.earliest_s <= 12 * DAY <= found.latest_s
    assert false <= 0.05 * 400
    assert told >= 0.95 * 400
    assert inside >= 0.90 * told


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=20), st.floats(-1e6, 1e6), st.booleans())
def test_an_interval_has_its_value_inside_and_lies_ahead(values: list[float], limit: float, rising: bool) -> None:
    found = crossing(days(values), values, limit, rising=rising)
    if found is not None:
        assert 0 <= found.earliest_s <= found.in_s * (1 + 1e-9)
        assert found.latest_s >= found.in_s * (1 - 1e-9) or math.isinf(found.latest_s)


def test_days_that_resemble_their_neighbours_are_hardly_ever_taken_for_a_trend() -> None:
    rng = np.random.default_rng(7)
    times, alarms = [day * 86400.0 for day in range(14)], 0
    for _ in range(300):
        values = [float(rng.normal())]
        for _ in times[1:]:
            values.append(0.5 * values[-1] + 0.75**0.5 * float(rng.normal()))
        alarms += crossing(times, values, 100.0, rising=True) is not None
    assert alarms <= 300 * 0.06  # 0.09 by the uncorrected test
