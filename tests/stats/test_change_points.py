"""Changes of level in a history: none where there is none, found where there is one, whatever outliers say."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.change_points import change_points, split_statistics
from loadstone.stats.rank_shift import hodges_lehmann, mann_whitney


def noise(seed: int, n: int = 30, deviation: float = 0.03, alike: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.random.default_rng([99, seed]).normal(0.0, deviation, n)
    for at in range(1, n):
        values[at] = alike * values[at - 1] + math.sqrt(1 - alike**2) * values[at]
    return values


def share_found(histories: list[np.ndarray[tuple[int], np.dtype[np.float64]]]) -> float:
    return sum(bool(change_points(one)) for one in histories) / len(histories)


def test_equal_runs_have_no_change() -> None:
    assert share_found([noise(seed) for seed in range(300)]) <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / 300)


def test_runs_alike_to_their_neighbours_have_no_change_either() -> None:
    assert share_found([noise(seed, alike=0.5) for seed in range(300)]) <= 0.02 + 3 * math.sqrt(0.02 * 0.98 / 300)


def test_five_runs_at_ten_percent_more_are_found() -> None:
    risen = [noise(seed) for seed in range(150)]
    for one in risen:
        one[-5:] += math.log(1.1)
    assert share_found(risen) >= 0.90 - 3 * math.sqrt(0.9 * 0.1 / 150)


def test_a_single_outlier_is_no_change_wherever_it_stands() -> None:
    for at in (0, 1, 14, 28, 29):
        values = noise(at)
        values[at] += math.log(2)
        assert change_points(values) == []


def test_several_changes_are_found_at_their_places() -> None:
    values = np.concatenate((np.zeros(20), np.full(15, 0.12), np.full(12, -0.1))) + noise(3, 47, 0.02)
    assert [change.at for change in change_points(values)] == [20, 35]


def test_a_level_that_comes_back_shows_both_its_changes() -> None:
    values = noise(4, 50, 0.02)
    values[20:32] += 0.15
    assert [change.at for change in change_points(values)] == [20, 32]


def test_a_change_without_any_noise_has_its_exact_size() -> None:
    (change,) = change_points(np.r_[np.zeros(20), np.full(10, 0.2)])
    assert change.at == 20
    assert change.effect.ratio == pytest.approx(math.exp(0.2))
    assert change.confidence > 0.999


def test_changes_below_five_percent_are_left_unsaid() -> None:
    assert change_points(np.r_[np.zeros(20), np.full(10, 0.04)]) == []


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 7, [1.0] * 30])
def test_nothing_is_found_in_few_or_equal_values(values: list[float]) -> None:
    assert change_points(np.array(values)) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-5, 5))
def test_the_unit_does_not_matter_and_backwards_is_the_mirror(seed: int, offset: float) -> None:
    values = noise(seed, 24, 0.02)
    values[14:] += 0.2
    forward, moved = change_points(values), change_points(values + offset)
    assert [one.at for one in forward] == [one.at for one in moved]
    backward = change_points(values[::-1].copy())
    assert {24 - one.at for one in backward} == {one.at for one in forward}


def test_split_statistics_are_the_t_of_two_groups() -> None:
    values = np.random.default_rng(8).normal(size=12)
    for place, statistic in enumerate(split_statistics(values[None, :])[0]):
        left, right = values[: place + 2], values[place + 2 :]
        within = (np.sum((left - left.mean()) ** 2) + np.sum((right - right.mean()) ** 2)) / 10
        assert statistic == pytest.approx(abs(left.mean() - right.mean()) / math.sqrt(within * (1 / len(left) + 1 / len(right))))


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 3), (4, 4), (3, 5)])
def test_the_mann_whitney_distribution_is_that_of_all_orders(m: int, n: int) -> None:
    counts = np.zeros(m * n + 1)
    for places in itertools.combinations(range(m + n), m):
        counts[sum(at - number for number, at in enumerate(places))] += 1
    assert mann_whitney(m, n) == pytest.approx(counts / counts.sum())


def test_the_interval_of_a_shift_covers_as_often_as_it_says() -> None:
    rng, trials, covered = np.random.default_rng(9), 500, 0
    for _ in range(trials):
        _, low, high = hodges_lehmann(rng.normal(size=12), rng.normal(size=6) + 1.0)
        covered += low <= 1.0 <= high
    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials) <= covered / trials < 0.995


def test_too_few_values_leave_the_ends_of_a_shift_open() -> None:
    shift, low, high = hodges_lehmann(np.array([1.0, 2.0]), np.array([4.0]))
    assert (shift, low, high) == (2.5, -math.inf, math.inf)
    with pytest.raises(NoSamples):
        hodges_lehmann(np.array([]), np.array([1.0]))
