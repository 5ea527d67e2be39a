"""Trends of a level: does it rise, how fast, and how sure is that; ranks only, so that neither the noise's shape nor outliers matter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import NoSamples

Levels = NDArray[np.float64]

CONFIDENCE = 0.95
FEWEST = 4  # with three values even a perfect order has p = 0.30
_ROUNDING = 2.0**-46  # a few dozen times that of one operation
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Trend:
    """How a level moves.

    slope:      units per unit of time
    low, high:  where the slope lies with 95 % confidence; each alone bounds it with 97.5 %
    p:          chance of an order as clear as this one, in either direction, without any trend
    inflation:  by how much dependence between neighbours raises the variance of the test; 1 when they are independent
    """

    slope: float
    low: float
    high: float
    p: float
    inflation: float

    @property
    def rising(self) -> bool:
        """Is its direction upwards, however sure?"""
        return self.slope > 0


def trend(times: Levels, values: Levels, confidence: float = CONFIDENCE) -> Trend:
    """Slope, its interval and the chance that there is none.

    times, values: shape (n,), n >= 4, times ascending and distinct
    raises:        NoSamples with fewer than four values
    source:        slope Theil 1950; interval Sen 1968, section 6, over the corrected variance; test Mann 1945, Kendall 1975;
                   correction Hamed & Rao 1998
    """
    if len(values) < FEWEST:
        raise NoSamples(f"a trend of {len(values)} values; at least {FEWEST} are needed")
    slopes = pairwise_slopes(times, values)
    slope = float(np.median(slopes))
    inflation = variance_inflation(times, values, slope)
    variance = score_variance(values) * inflation
    score = int(np.sign(slopes).sum())
    low, high = _bounds(slopes, math.sqrt(variance), confidence)
    return Trend(slope, low, high, _chance(score, variance), inflation)


def pairwise_slopes(times: Levels, values: Levels) -> Levels:
    """Slopes between all pairs of values, ascending: shape (n (n - 1) / 2,)."""
    early, late = np.triu_indices(len(values), 1)
    slopes: Levels = np.sort((values[late] - values[early]) / (times[late] - times[early]))
    return slopes


def score_variance(values: Levels) -> float:
    """Variance of Kendall's score without a trend, less what ties take from it (Kendall 1975)."""
    n = len(values)
    _, ties = np.unique(values, return_counts=True)
    return float(n * (n - 1) * (2 * n + 5) - np.sum(ties * (ties - 1) * (2 * ties + 5))) / 18


def variance_inflation(times: Levels, values: Levels, slope: float) -> float:
    """By how much dependence between neighbours raises the variance of the score: Hamed & Rao 1998, equation 16.

    Autocorrelations are those of the ranks of what the slope leaves; only those outside their 95 % band count, as there. A factor
    below 1 (a saw-tooth that alternates) is not taken: it would make a verdict surer than independent values allow.
    """
    n = len(values)
    # The slope is one of those between pairs, so that what it leaves has many equal values, which rounding tells apart.
    reach = float(np.max(np.abs(values)) + abs(slope) * np.max(np.abs(times)))
    placed = ranks(values - slope * times, same=_ROUNDING * reach)
    centred = placed - placed.mean()
    power = float(centred @ centred)
    if power == 0:
        return 1.0
    correlations = np.correlate(centred, centred, "full")[n:] / power
    lags = np.arange(1, n)
    counted = np.abs(correlations) > _NORMAL.inv_cdf(0.975) / math.sqrt(n)
    weights = (n - lags) * (n - lags - 1) * (n - lags - 2)
    inflation = 1 + 2 / (n * (n - 1) * (n - 2)) * float(np.sum(weights[counted] * correlations[counted]))
    return max(1.0, inflation)


def ranks(values: Levels, same: float = 0.0) -> Levels:
    """1 for the least; equal values share the mean of their ranks.

    same: neighbours that differ by no more are equal
    """
    order = np.argsort(values, kind="stable")
    place = np.cumsum(np.diff(values[order], prepend=values[order[:1]]) > same)
    counts = np.bincount(place)
    found = np.empty(len(values))
    found[order] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return found


def _chance(score: int, variance: float) -> float:
    if score == 0 or variance <= 0:
        return 1.0
    return 2 * _NORMAL.cdf(-(abs(score) - 1) / math.sqrt(variance))


def _bounds(slopes: Levels, deviation: float, confidence: float) -> tuple[float, float]:
    """The slopes whose ranks lie as far from the middle as the score may stray; infinite where there are not so many."""
    reach = _NORMAL.inv_cdf((1 + confidence) / 2) * deviation
    count = len(slopes)
    first = math.floor((count - reach) / 2) - 1
    last = count - 1 - first
    return float(slopes[first]) if first >= 0 else -math.inf, float(slopes[last]) if last < count else math.inf
