"""How many samples a percentile needs, and how sure the one measured is; no assumption about the shape of the values."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import NoSamples
from loadstone.stats.histogram import Histogram

FLOOR_CONFIDENCE = 0.99
EXACT_BELOW = 10_000_000  # samples; above it the normal approximation is off by less than one rank in a thousand


class Interval(NamedTuple):
    """Where the true value lies with the stated confidence; ends may be 0 and inf when the samples say no more."""

    low: float
    high: float


@lru_cache(maxsize=256)
def least_samples(q: float, confidence: float = FLOOR_CONFIDENCE) -> int:
    """Fewest samples with which a percentile means something: p90 64, p95 130, p99 662, p99.9 6636.

    The least n such that, with this confidence, at least two of n samples lie past the true quantile:
    P(Binomial(n, 1 - q) <= 1) <= 1 - confidence. Then the second-greatest sample bounds the quantile, and one freak sample
    alone decides nothing. Low quantiles mirror high ones.

    source: the order-statistic bound of Wilks 1941; MLPerf Inference's "early stopping" asks the same numbers (64 queries for
            p90, 662 for p99). Its older rule, z² q (1 - q) / ((1 - q) / 20)², keeps the share past the quantile within a
            twentieth and asks 262 742 for p99: right for a league table, not for a first answer.
    """
    if not 0.0 < q < 1.0:
        raise ValueError(f"a quantile between 0 and 1 was meant, not {q}")
    past = min(q, 1.0 - q)

    def too_few(n: int) -> bool:
        # computed as exp(n log): (1 - past)**n loses digits when past is tiny
        none = math.exp(n * math.log1p(-past))
        return none * (1.0 + n * past / (1.0 - past)) > 1.0 - confidence

    high = 2
    while too_few(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_few(middle) else (low, middle)
    return high


def enough(q: float, n: int) -> bool:
    """Do n samples carry this percentile? See `least_samples`; the least and the greatest value (0 and 1) need one."""
    return n >= (least_samples(q) if 0.0 < q < 1.0 else 1)


def quantile_ranks(n: int, q: float, confidence: float = 0.95) -> tuple[int, int]:
    """Ranks, counted from 1, of the two sorted samples between which the true quantile lies.

    0 stands for "below the least sample", n + 1 for "above the greatest one": then n is too small for this confidence.

    accuracy: exact binomial for n below 10 million, so the confidence is at least what was asked; normal with continuity
              correction above
    source:   Hahn & Meeker 1991, Statistical Intervals, section 5.2
    """
    tail = (1.0 - confidence) / 2.0
    if n >= EXACT_BELOW:
        spread = _normal_quantile(1.0 - tail) * math.sqrt(n * q * (1.0 - q)) + 0.5
        return max(0, math.floor(n * q - spread)), min(n + 1, math.ceil(n * q + spread) + 1)
    first, below = _binomial_cdf(n, q)
    # lower rank: the greatest l with P(X <= l - 1) <= tail; upper rank: the least u with P(X <= u - 1) >= 1 - tail
    lower = first + int(np.searchsorted(below, tail, side="right"))
    upper = first + int(np.searchsorted(below, 1.0 - tail - 1e-12)) + 1
    return (lower if n else 0), min(upper, n + 1)


def quantile_interval(histogram: Histogram, q: float, confidence: float = 0.95) -> Interval:
    """Interval of the true quantile of whatever produced these values, widened by the histogram's own error.

    raises: NoSamples if nothing was recorded
    """
    samples = histogram.count + histogram.beyond
    if samples == 0:
        raise NoSamples("an interval of nothing was asked for")
    if not 0.0 < q < 1.0:
        raise ValueError(f"a quantile between 0 and 1 was meant, not {q}")
    lower, upper = quantile_ranks(samples, q, confidence)
    low = histogram.bounds_at(lower)[0] if lower >= 1 else 0.0
    return Interval(low, histogram.bounds_at(upper)[1] if upper <= samples else math.inf)


def share_interval(hits: int, n: int, confidence: float = 0.95) -> Interval:
    """Interval of a true share of which `hits` of `n` were seen; source: Wilson 1927.

    raises: NoSamples if n is 0
    """
    if n == 0:
        raise NoSamples("a share of nothing was asked for")
    z = _normal_quantile((1.0 + confidence) / 2.0)
    seen = hits / n
    middle = (seen + z * z / (2 * n)) / (1 + z * z / n)
    spread = z / (1 + z * z / n) * math.sqrt(seen * (1 - seen) / n + z * z / (4 * n * n))
    return Interval(0.0 if hits == 0 else max(0.0, middle - spread), 1.0 if hits == n else min(1.0, middle + spread))


def least_trials(share: float, confidence: float = 0.95) -> int:
    """Fewest trials, none of them a hit, whose interval stays below a share: 73 for 5 %, 381 for 1 %; share in (0, 1)."""
    z = _normal_quantile((1.0 + confidence) / 2.0)
    return math.floor(z * z * (1.0 - share) / share) + 1


@lru_cache(maxsize=32)
def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)


def _binomial_cdf(n: int, q: float) -> tuple[int, NDArray[np.float64]]:
    """First k and P(X <= k) from there on, over the part of Binomial(n, q) that is not negligible (12 deviations)."""
    reach = 12.0 * math.sqrt(n * q * (1.0 - q)) + 30.0
    first, last = max(0, math.floor(n * q - reach)), min(n, math.ceil(n * q + reach))
    k = np.arange(first, last, dtype=np.float64)
    # log of P(k + 1) / P(k); summed up and scaled to 1, so no factorial is ever needed
    steps = np.log((n - k) / (k + 1.0)) + (math.log(q) - math.log1p(-q))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    weights = np.exp(logs - logs.max())
    cdf: NDArray[np.float64] = np.cumsum(weights / weights.sum())
    return first, cdf
