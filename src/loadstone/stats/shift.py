"""A shift with its error: the common form in which comparisons of runs hand over what they found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadstone.errors import NoSamples
from loadstone.stats.effect import Effect
from loadstone.stats.student import t_cdf, t_quantile


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much something moved, and how far that may be off.

    amount:  logarithm of candidate ÷ baseline, or a difference of shares
    error:   standard error of `amount`; inf when nothing is known of it
    freedom: degrees of freedom of `error` in Student's distribution
    """

    amount: float
    error: float
    freedom: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval of the amount."""
        reach = self._reach((1 + level) / 2)
        return self.amount - reach, self.amount + reach

    def least(self, confidence: float) -> float:
        """One-sided bound: the amount is more than this with the confidence."""
        return self.amount - self._reach(confidence)

    def most(self, confidence: float) -> float:
        """One-sided bound: the amount is less than this with the confidence."""
        return self.amount + self._reach(confidence)

    @property
    def p(self) -> float:
        """Chance of a shift as far as this, in either direction, when there is none."""
        if not math.isfinite(self.error):
            return 1.0
        if self.error == 0:
            return 1.0 if self.amount == 0 else 0.0
        return min(1.0, 2 * t_cdf(-abs(self.amount) / self.error, self.freedom))

    def reversed(self) -> Shift:
        """The same, seen from the other side."""
        return Shift(-self.amount, self.error, self.freedom)

    def widened(self, error: float) -> Shift:
        """The same with one more independent error, such as that of another machine."""
        return Shift(self.amount, math.hypot(self.error, error), self.freedom)

    def effect(self, level: float = 0.95) -> Effect:
        """As a ratio; only for a logarithm."""
        low, high = self.interval(level)
        return Effect(_exp(self.amount), _exp(low), _exp(high), level)

    def _reach(self, share: float) -> float:
        if self.error == 0:
            return 0.0
        return t_quantile(share, self.freedom) * self.error if math.isfinite(self.error) else math.inf


def prediction(baseline: Sequence[float], candidate: Sequence[float], least_error: float = 0.0) -> Shift:
    """How far the mean of new values lies from where values like the old ones would put it.

    baseline:    K >= 2 values, one per run, on the scale on which they are alike (logarithms of times)
    candidate:   n >= 1 values of new runs
    least_error: spread between runs is never taken as less, whatever K equal values say
    gives:       a shift whose 99 % interval leaves 0 out exactly when the mean lies outside the 99 % prediction interval
    raises:      NoSamples with fewer values
    source:      Hahn & Meeker 1991, section 4.8: t(K - 1) × s × sqrt(1/K + 1/n)
    """
    if len(baseline) < 2 or not candidate:
        raise NoSamples(f"{len(baseline)} runs and {len(candidate)} new ones; at least 2 and 1 are needed")
    kept, new = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    spread = max(float(kept.std(ddof=1)), least_error)
    return Shift(float(new.mean() - kept.mean()), spread * math.sqrt(1 / len(kept) + 1 / len(new)), len(kept) - 1)


def _exp(amount: float) -> float:
    try:
        return math.exp(amount)
    except OverflowError:
        return math.inf
