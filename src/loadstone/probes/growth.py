"""Counters between two readings: how much they grew, how fast, and where the values lie that a histogram took in."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from loadstone.clock import SECOND

Cumulative = Sequence[tuple[float, float]]  # (upper end, how many values are at most that), ascending


class Growth:
    """The last value of every counter, so that the next one says something."""

    def __init__(self) -> None:
        self._before: dict[Hashable, float] = {}
        self._now: dict[Hashable, float] = {}
        self._before_ns = self._now_ns = 0

    def begin(self, now_ns: int) -> None:
        """A new reading, at this moment; counters that it does not mention are forgotten with the next."""
        self._before, self._before_ns = self._now, self._now_ns
        self._now, self._now_ns = {}, now_ns

    def of(self, counter: Hashable, value: float) -> float | None:
        """How much the counter grew since the reading before; None when that did not have it.

        A counter that fell was set back to zero by a restart: then all it shows has come since.
        """
        self._now[counter] = value
        before = self._before.get(counter)
        if before is None or not math.isfinite(value):
            return None
        return value if value < before else value - before

    def per_second(self, grown: float | None) -> float | None:
        """The growth as a rate over the time between the two readings."""
        seconds = (self._now_ns - self._before_ns) / SECOND
        return None if grown is None or seconds <= 0 else grown / seconds


def quantile(cumulative: Cumulative, q: float) -> float | None:
    """Where a share q of the values of a bucketed histogram lies, in a straight line inside its bucket; None without values.

    The first bucket begins at 0, or at its end when that is not above 0. What lies in the last, endless bucket is told as the end
    of the one before: it is at least that. The error is the width of a bucket, and the target chose those.
    """
    total = cumulative[-1][1] if cumulative else 0.0
    if total <= 0:
        return None
    rank, low, below = q * total, 0.0, 0.0
    for upper, count in cumulative:
        if count >= rank:
            if math.isinf(upper):
                return low
            begin = low if below or low else min(0.0, upper)
            return begin + (upper - begin) * ((rank - below) / (count - below) if count > below else 1.0)
        low, below = upper, count
    return low
