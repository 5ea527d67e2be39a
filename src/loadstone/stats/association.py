"""Do two courses move together? By ranks, and counting only as many readings as are independent of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from loadstone.stats.trend import Levels, ranks

LAGS = (0, 1, 2, 3)
FEWEST = 12  # pairs
SPEARMAN_VARIANCE = 1.06  # of the Fisher-transformed rank correlation, times n - 3: Fieller, Hartley & Pearson 1957
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Association:
    """How closely an effect follows a cause.

    rho: rank correlation at the lag where it is closest
    lag: readings by which the effect comes later
    p:   chance of a correlation as close without any connection, for all lags together
    """

    rho: float
    lag: int
    p: float


def association(cause: Levels, effect: Levels, lags: Sequence[int] = LAGS) -> Association | None:
    """The closest rank correlation over the lags; None where either stands still or there are fewer than twelve pairs.

    cause, effect: shape (n,), one reading each per window
    source: Spearman 1904; effective number of readings Pyper & Peterman 1998, equation 1; lags by Bonferroni
    """
    best: Association | None = None
    for lag in lags:
        early, late = cause[: len(cause) - lag], effect[lag:]
        if len(early) < FEWEST:
            break
        x, y = ranks(early), ranks(late)
        if not (np.ptp(x) and np.ptp(y)):
            continue
        rho = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
        p = min(1.0, len(lags) * _chance(rho, independent(x, y)))
        if best is None or p < best.p:
            best = Association(rho, lag, p)
    return best


def independent(x: Levels, y: Levels) -> float:
    """How many independent pairs a correlation of two autocorrelated courses rests on; at most n."""
    n = len(x)
    reach = max(1, n // 5)
    a, b = autocorrelation(x, reach), autocorrelation(y, reach)
    weights = (n - np.arange(1, reach + 1)) / n
    return float(min(n, 1 / max(1 / n, 1 / n + 2 / n * float(np.sum(weights * a * b)))))


def autocorrelation(values: Levels, reach: int) -> Levels:
    """Correlations with itself at the lags 1 … reach; 0 for a level that stands still."""
    centred = values - values.mean()
    power = float(centred @ centred)
    if power == 0:
        return np.zeros(reach)
    found: Levels = np.correlate(centred, centred, "full")[len(values) : len(values) + reach] / power
    return found


def _chance(rho: float, n: float) -> float:
    if n <= 4:
        return 1.0
    z = math.atanh(min(abs(rho), 0.999999)) * math.sqrt((n - 3) / SPEARMAN_VARIANCE)
    return 2 * _NORMAL.cdf(-z)
