"""The ratio of high quantiles from pairs of blocks."""

import math

import numpy as np
import pytest

from loadstone.errors import NoSamples
from loadstone.stats.duet_tail import TailRatio
from loadstone.stats.histogram import IntArray
from loadstone.testing.noise import PROFILES, duet_pairs


def sides(seed: int = 1, effect: float = 0.0, pairs: int = 60, per_block: int = 40) -> tuple[list[IntArray], list[IntArray]]:
    made = duet_pairs(np.random.default_rng(seed), PROFILES["ci"], pairs, per_block, effect=effect)
    return [pair.a for pair in made], [pair.b for pair in made]


def test_swapping_both_sides_inverts_the_ratio_and_its_interval() -> None:
    a, b = sides(effect=0.1)
    there, back = TailRatio(a, b, 0.95), TailRatio(b, a, 0.95)
    assert there.point == pytest.approx(-back.point)
    assert there.bounds(0.025) == pytest.approx([-end for end in reversed(back.bounds(0.025))], abs=2e-3)


def test_a_machine_that_is_slower_for_both_changes_nothing() -> None:
    a, b = sides(effect=0.1)
    plain, slow = TailRatio(a, b, 0.95), TailRatio([7 * block for block in a], [7 * block for block in b], 0.95)
    assert slow.point == pytest.approx(plain.point)
    assert slow.bounds(0.025) == pytest.approx(plain.bounds(0.025), abs=1e-6)
    assert slow.chances() == pytest.approx(plain.chances())


def test_a_slower_candidate_moves_the_interval_by_as_much() -> None:
    (a, b), (_, slower) = sides(), sides(effect=0.2)
    before, after = TailRatio(a, b, 0.95).bounds(0.025), TailRatio(a, slower, 0.95).bounds(0.025)
    assert np.subtract(after, before) == pytest.approx([math.log(1.2)] * 2, abs=2e-3)


def test_the_interval_is_what_the_test_does_not_reject() -> None:
    ratio = TailRatio(*sides(effect=0.1), 0.95)
    low, high = ratio.bounds(0.025)
    assert ratio.chances(low - 0.002).greater < 0.025 < ratio.chances(low + 0.004).greater
    assert ratio.chances(high + 0.002).less < 0.025 < ratio.chances(high - 0.004).less


def test_blocks_of_different_sizes_are_weighed_by_their_requests() -> None:
    a, b = sides(effect=0.1)
    uneven = [block[: 20 + 20 * (place % 2)] for place, block in enumerate(b)]
    low, high = TailRatio(a, uneven, 0.95).bounds(0.025)
    assert low < math.log(1.1) < high


def test_a_side_with_far_more_requests_is_compared_too() -> None:
    a, b = sides(effect=0.1)
    few = [block[:4] for block in b]
    low, high = TailRatio(a, few, 0.95).bounds(0.025)
    assert low < math.log(1.1) < high


def test_how_many_requests_a_quantile_needs_is_said() -> None:
    ratio = TailRatio(*sides(), 0.99)
    assert ratio.needed == 5000
    assert TailRatio(*sides(), 0.95).needed == 1000


def test_an_empty_side_has_no_ratio() -> None:
    a, b = sides(pairs=6)
    with pytest.raises(NoSamples):
        TailRatio(a, [block[:0] for block in b], 0.95)
