"""How far two groups of values lie apart: ranks only, so that a freak value among them does not matter."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from loadstone.errors import NoSamples
from loadstone.stats.trend import Levels

EXACT_TO = 60  # values a side; above it the normal approximation is off by less than one rank
_NORMAL = NormalDist()


def hodges_lehmann(before: Levels, after: Levels, level: float = 0.95, inflation: float = 1.0) -> tuple[float, float, float]:
    """Shift of the second group with its interval: the median of all differences, after less before.

    inflation: by how much dependence between neighbours raises the variance; widens the interval, 1 is the exact one
    gives:     (shift, low, high); infinite ends where there are too few values for the level
    raises:    NoSamples for an empty group
    source:    Hodges & Lehmann 1963; interval Moses 1953 over the exact distribution of Mann & Whitney 1947
    """
    if not len(before) or not len(after):
        raise NoSamples("a shift between groups needs a value in each")
    differences = np.sort(np.subtract.outer(after, before).ravel())
    pairs = len(differences)
    left_out = _left_out(len(before), len(after), (1 - level) / 2)
    if inflation > 1:
        left_out = math.floor(pairs / 2 - (pairs / 2 - left_out) * math.sqrt(inflation))
    shift = float(np.median(differences))
    if left_out < 1:
        return shift, -math.inf, math.inf
    return shift, float(differences[left_out - 1]), float(differences[pairs - left_out])


@lru_cache(maxsize=1024)
def _left_out(m: int, n: int, tail: float) -> int:
    """Rank, from 1, of the difference that bounds the shift from below; 0 when none does."""
    if max(m, n) > EXACT_TO:
        reach = _NORMAL.inv_cdf(1 - tail) * math.sqrt(m * n * (m + n + 1) / 12)
        return max(0, math.floor((m * n + 1) / 2 - reach))
    below = np.cumsum(mann_whitney(m, n))
    return int(np.searchsorted(below, tail, side="right"))


def mann_whitney(m: int, n: int) -> Levels:
    """Chances of 0, 1, … m n pairs in which the second is less, when both groups are alike: Mann & Whitney 1947, section 4."""
    counts = np.zeros(m * n + 1)
    counts[0] = 1.0
    # Gaussian binomial coefficient: times (1 - x**(n + i)), divided by (1 - x**i)
    for i in range(1, m + 1):
        step = n + i
        if step <= m * n:
            counts[step:] -= counts[:-step].copy()
        for at in range(i, m * n + 1):
            counts[at] += counts[at - i]
    chances: Levels = counts / counts.sum()
    return chances
