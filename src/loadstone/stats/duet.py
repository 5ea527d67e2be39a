"""Pairs of neighbouring blocks: is one side slower, and by how much, with no assumption about the shape of the noise."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import NoSamples

FloatArray = NDArray[np.float64]

EXACT_UP_TO = 300  # pairs; above it the normal approximation of the rank sum is off by less than 1 % of any p down to 1e-4
POSITION_Z = 2.6  # evidence (two-sided 1 %) from which the place inside a pair is taken out
_NORMAL = NormalDist()


class Chances(NamedTuple):
    """One-sided p-values of one hypothesis about the middle: small `greater` speaks for a larger one."""

    greater: float
    less: float


def signed_rank(values: FloatArray) -> Chances:
    """How likely ranks this lopsided are when the values lie symmetrically around zero.

    Zeros carry no sign and are left out; equal sizes share the mean of their ranks, and the distribution is that of those ranks.
    accuracy: exact up to 300 values, normal with continuity correction beyond
    source:   Wilcoxon 1945
    """
    values = values[values != 0]
    n = len(values)
    if n == 0:
        return Chances(1.0, 1.0)
    doubled = _doubled_ranks(np.abs(values))
    score = int(doubled[values > 0].sum())
    total = int(doubled.sum())
    if n > EXACT_UP_TO:
        deviation = math.sqrt(float(np.sum(doubled.astype(np.float64) ** 2)) / 4)
        return Chances(*(_NORMAL.cdf(-(s - total / 2 - 1) / deviation) for s in (score, total - score)))
    below = _rank_sums(tuple(doubled.tolist()))
    return Chances(float(below[total - score]), float(below[score]))  # symmetric: P(S >= s) = P(S <= total - s)


def hodges_lehmann(values: FloatArray) -> float:
    """Median of the means of all pairs: the middle of symmetric noise, nearly as sure as the mean, and deaf to outliers.

    raises: NoSamples without values
    source: Hodges & Lehmann 1963
    """
    return float(np.median(walsh_averages(values)))


def middle_bound(values: FloatArray, tail: float) -> tuple[float, float]:
    """Bounds of the middle of these values; see `bound_among`."""
    return bound_among(walsh_averages(values), len(values), tail)


def bound_among(averages: FloatArray, n: int, tail: float) -> tuple[float, float]:
    """Bounds that the true middle passes with a chance of at most `tail` each; infinite when there are too few values.

    The signed-rank test turned round: the values it would not reject.
    averages: `walsh_averages` of n values
    source: Tukey's interval; Hollander & Wolfe 1999, section 3.3
    """
    if n <= EXACT_UP_TO:
        k = int(np.searchsorted(_no_tie_sums(n), tail, side="right"))  # the least rank sum that is still likely enough
    else:
        k = math.floor(n * (n + 1) / 4 + _NORMAL.inv_cdf(tail) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    if k <= 0:
        return -math.inf, math.inf
    return float(averages[k - 1]), float(averages[len(averages) - k])


def without_position(log_ratios: FloatArray, a_first: NDArray[np.bool_]) -> FloatArray:
    """Log ratios with what the place inside a pair does taken out, where there is evidence that it does anything.

    Order that is shuffled or balanced (ABBA) turns such an effect into noise; here that noise goes, too. Half the shift between
    pairs in both orders is its size; taken out without evidence it would make 12 pairs look surer than they are.
    source: Mann & Whitney 1947 for the evidence; Hodges & Lehmann 1963 for the shift
    """
    early, late = log_ratios[a_first], log_ratios[~a_first]
    if min(len(early), len(late)) < 4:
        return log_ratios
    differences = early[:, None] - late[None, :]
    score = float(np.sign(differences).sum()) / 2
    deviation = math.sqrt(len(early) * len(late) * (len(log_ratios) + 1) / 12)
    if abs(score) < POSITION_Z * deviation:
        return log_ratios
    half = float(np.median(differences)) / 2
    return log_ratios - np.where(a_first, half, -half)


def walsh_averages(values: FloatArray) -> FloatArray:
    """Means of all pairs, each value with itself too, ascending: shape (n (n + 1) / 2,)."""
    if len(values) == 0:
        raise NoSamples("the middle of nothing was asked for")
    rows, columns = _triangle(len(values))
    averages: FloatArray = np.sort((values[rows] + values[columns]) / 2)
    return averages


@lru_cache(maxsize=8)
def _triangle(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(n)


def _doubled_ranks(sizes: FloatArray) -> NDArray[np.int64]:
    """Twice the rank, so that shared ranks stay whole."""
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.int64] = (2 * last - counts + 1)[place]
    return ranks


@lru_cache(maxsize=128)
def _rank_sums(ranks: tuple[int, ...]) -> FloatArray:
    """P(S <= s) for s = 0, 1, …: S sums those of the ranks whose coin shows heads."""
    chances = np.zeros(sum(ranks) + 1)
    chances[0] = 1.0
    reach = 0
    for rank in sorted(ranks):
        moved = chances[: reach + 1].copy() / 2
        chances[: reach + 1] = moved
        chances[rank : rank + reach + 1] += moved
        reach += rank
    below: FloatArray = np.minimum(np.cumsum(chances), 1.0)
    return below


@lru_cache(maxsize=512)
def _no_tie_sums(n: int) -> FloatArray:
    return _rank_sums(tuple(range(1, n + 1)))
