"""Signed ranks, the middle of pairs, and looks, each beside a brute-force or simulated truth."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.duet import hodges_lehmann, middle_bound, signed_rank, without_position
from loadstone.stats.duet_looks import look_levels

values = st.lists(st.integers(-9, 9).map(lambda n: n / 10), min_size=1, max_size=9)
sizes = st.lists(st.integers(1, 3_000_000), min_size=6, max_size=25, unique=True)
distinct = st.tuples(sizes, st.integers(0, 2**25)).map(
    lambda made: [(-size if made[1] >> i & 1 else size) / 1e6 for i, size in enumerate(made[0])]
)


def every_sign(numbers: list[float]) -> tuple[float, float]:
    """The p-values by trying every combination of signs."""
    sizes = [abs(number) for number in numbers if number]
    ranks = [(sum(other < size for other in sizes) + sum(other <= size for other in sizes) + 1) / 2 for size in sizes]
    seen = sum(rank for rank, number in zip(ranks, [n for n in numbers if n], strict=True) if number > 0)
    sums = [sum(rank for rank, up in zip(ranks, signs, strict=True) if up) for signs in itertools.product((0, 1), repeat=len(ranks))]
    return sum(s >= seen for s in sums) / len(sums), sum(s <= seen for s in sums) / len(sums)


@given(values)
def test_signed_ranks_agree_with_trying_every_sign_also_with_ties_and_zeros(numbers: list[float]) -> None:
    assert tuple(signed_rank(np.array(numbers))) == pytest.approx(every_sign(numbers))


def test_many_values_use_an_approximation_that_meets_the_exact_one() -> None:
    rng = np.random.default_rng(1)
    numbers = rng.normal(0.1, 1, 300)
    exact = signed_rank(numbers)
    more = signed_rank(np.append(numbers, 1e-9))
    assert more.greater == pytest.approx(exact.greater, rel=0.03)
    assert more.less == pytest.approx(exact.less, rel=0.03)


@given(distinct)
def test_the_interval_is_what_the_test_does_not_reject(numbers: list[float]) -> None:
    array = np.array(numbers)
    low, high = middle_bound(array, 0.025)
    if math.isfinite(low):
        assert signed_rank(array - (low - 1e-9)).greater <= 0.025
        assert signed_rank(array - (low + 1e-9)).greater > 0.025
        assert signed_rank(array - (high + 1e-9)).less <= 0.025


@given(distinct)
def test_swapping_both_sides_turns_the_middle_and_its_interval_round(numbers: list[float]) -> None:
    array = np.array(numbers)
    assert hodges_lehmann(-array) == pytest.approx(-hodges_lehmann(array))
    assert middle_bound(-array, 0.025)[0] == pytest.approx(-middle_bound(array, 0.025)[1])


@given(values)
def test_the_middle_is_the_median_of_all_means_of_two(numbers: list[float]) -> None:
    means = [(a + b) / 2 for i, a in enumerate(numbers) for b in numbers[i:]]
    assert hodges_lehmann(np.array(numbers)) == pytest.approx(float(np.median(means)))


def test_the_middle_of_nothing_is_no_number() -> None:
    with pytest.raises(NoSamples):
        hodges_lehmann(np.zeros(0))


def test_too_few_pairs_have_no_interval() -> None:
    assert middle_bound(np.array([0.1, 0.2, 0.3]), 0.025) == (-math.inf, math.inf)


def test_what_the_place_in_a_pair_does_is_taken_out_only_where_there_is_evidence() -> None:
    rng = np.random.default_rng(2)
    a_first = np.arange(40) % 2 == 0
    noise = rng.normal(0, 0.01, 40)
    pushed = noise + np.where(a_first, 0.1, -0.1)
    assert np.std(without_position(pushed, a_first)) < 0.02
    assert without_position(noise, a_first) is noise


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = sum(low <= 0 <= high for low, high in (middle_bound(rng.standard_t(3, 30), 0.025) for _ in range(1000)))
    # four standard errors of 1,000 trials at 95 %
    assert abs(held / 1000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 1000)


def test_all_looks_together_spend_alpha() -> None:
    looks, trials = (12, 20, 40, 80), 40_000
    levels = [look_levels(looks[: n + 1], 80, 0.05)[-1] for n in range(4)]
    paths = np.random.default_rng(4).normal(size=(trials, 80)).cumsum(axis=1)[:, [look - 1 for look in looks]]
    p_values = np.vectorize(math.erfc)(paths / np.sqrt(looks) / math.sqrt(2)) / 2
    alarms = (p_values < levels).any(axis=1).mean()
    assert abs(alarms - 0.05) < 4 * math.sqrt(0.05 * 0.95 / trials)


def test_one_look_needs_no_correction() -> None:
    assert look_levels((50,), 50, 0.025)[0] == pytest.approx(0.025, rel=1e-6)
