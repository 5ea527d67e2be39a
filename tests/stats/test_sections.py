"""Sections of a run: intervals that know of drift within it, and of the noise between runs."""

import math

import numpy as np
import pytest

from loadstone.errors import NoSamples
from loadstone.stats.histogram import Histogram
from loadstone.stats.sections import effective_count, level_shift, merged, quantile_shift, share_shift


def sections(rng: np.random.Generator, count: int = 10, each: int = 100, level: float = 1.0, alike: float = 0.0) -> list[Histogram]:
    made, drift = [], 0.0
    for _ in range(count):
        drift = alike * drift + 0.03 * rng.normal()
        part = Histogram()
        part.record_many((2e7 * level * np.exp(drift + 0.25 * rng.normal(size=each))).astype(np.int64))
        made.append(part)
    return made


def test_the_interval_of_two_equal_runs_holds_1_in_19_of_20() -> None:
    rng, trials = np.random.default_rng(2), 400
    holds = 0
    for _ in range(trials):
        low, high = quantile_shift(sections(rng), sections(rng), 0.5).interval()
        holds += low <= 0 <= high
    assert holds / trials > 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_a_doubled_run_is_twice_as_long_and_swapping_inverts() -> None:
    rng = np.random.default_rng(3)
    before, after = sections(rng), sections(rng, level=2.0)
    there, back = quantile_shift(before, after, 0.9), quantile_shift(after, before, 0.9)
    assert there.effect().ratio == pytest.approx(2.0, rel=0.1)
    assert there.amount == pytest.approx(-back.amount)
    assert there.error == pytest.approx(back.error)


def test_the_noise_between_runs_widens_the_interval() -> None:
    rng = np.random.default_rng(4)
    before, after = sections(rng), sections(rng)
    narrow, wide = quantile_shift(before, after, 0.5), quantile_shift(before, after, 0.5, spread=0.1)
    assert wide.error == pytest.approx(math.hypot(narrow.error, 0.1 * math.sqrt(2)))
    assert wide.freedom > narrow.freedom  # a given spread is not uncertain itself


def test_many_sections_become_ten_with_all_their_samples() -> None:
    parts = merged(sections(np.random.default_rng(5), 64, 10))
    assert len(parts) == 10
    assert sum(part.count for part in parts) == 640


def test_sections_that_follow_each_other_know_less() -> None:
    rng = np.random.default_rng(6)
    wander = np.cumsum(rng.normal(size=10))
    assert effective_count(np.array([1.0, -1.0] * 5)) == 10
    assert effective_count(wander) < 6


def test_too_few_sections_and_values_beyond_all_are_no_comparison() -> None:
    rng = np.random.default_rng(7)
    with pytest.raises(NoSamples, match="3 sections"):
        quantile_shift(sections(rng, 3), sections(rng), 0.5)
    lost = sections(rng)
    for part in lost:
        part.record_beyond(200)
    with pytest.raises(NoSamples, match="longer than anything"):
        quantile_shift(sections(rng), lost, 0.5)


def test_levels_are_compared_by_their_means_and_not_at_zero() -> None:
    shift = level_shift([10, 11, 9, 10, 10, 10], [20, 21, 19, 20, 20, 20])
    assert shift.effect().ratio == pytest.approx(2.0)
    with pytest.raises(NoSamples, match="above 0"):
        level_shift([0.0] * 5, [1.0] * 5)


def test_no_failure_on_either_side_is_not_certainty() -> None:
    clean = [(0, 100)] * 10
    shift = share_shift(clean, clean)
    assert shift.amount == 0
    assert 0 < shift.most(0.95) < 0.01


def test_failures_in_one_section_only_are_less_sure_than_spread_ones() -> None:
    clean = [(0, 100)] * 10
    spread, lumped = [(5, 100)] * 10, [(50, 100)] + [(0, 100)] * 9
    assert share_shift(clean, lumped).amount == pytest.approx(share_shift(clean, spread).amount)
    assert share_shift(clean, lumped).p > 10 * share_shift(clean, spread).p
