"""The figures of a duet as evidence: all of them turned so that positive means worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from loadstone.judge.duet_pair import Pair
from loadstone.stats.duet import Chances, bound_among, signed_rank, walsh_averages, without_position
from loadstone.stats.duet_tail import TailRatio
from loadstone.stats.histogram import IntArray

FloatArray = NDArray[np.float64]

FEWEST_PAIRS = 6  # with fewer, no signed-rank interval has 95 %


class Evidence(Protocol):
    """What pairs say about one figure.

    before, after: of all requests together, in the figure's own unit
    point:         log of how much worse the candidate is; 0 is the same
    better:        "lower" or "higher": which way the figure itself should go
    lacking:       why these data carry no answer; else empty
    """

    method: str
    better: str
    before: float
    after: float
    samples: tuple[int, int]
    point: float
    lacking: str

    def chances(self) -> Chances:
        """One-sided p-values of "the same"."""
        ...

    def bounds(self, tail: float) -> tuple[float, float]:
        """Of `point`: the true value passes each with a chance of at most `tail`."""
        ...


class Middle:
    """Block by block: medians of times, or rates; the signed ranks of their log ratios."""

    method = "signed-rank duet"

    def __init__(self, log_ratios: FloatArray, before: float, after: float, samples: tuple[int, int], better: str = "lower") -> None:
        self._values = log_ratios
        self.before, self.after, self.samples, self.better = before, after, samples, better
        self._averages = walsh_averages(log_ratios)
        self.point = float(np.median(self._averages))
        self.lacking = ""

    def chances(self) -> Chances:
        """See `signed_rank`."""
        return signed_rank(self._values)

    def bounds(self, tail: float) -> tuple[float, float]:
        """See `bound_among`."""
        return bound_among(self._averages, len(self._values), tail)


class Tail:
    """All requests of a side together: shares of each pair beyond a common quantile."""

    method = "paired tail"
    better = "lower"

    def __init__(self, a: Sequence[IntArray], b: Sequence[IntArray], q: float) -> None:
        self._ratio = TailRatio(a, b, q)
        self.before, self.after = (value / 1e6 for value in self._ratio.quantiles)
        self.samples = self._ratio.counts
        self.point = self._ratio.point
        needed, least = self._ratio.needed, min(self.samples)
        more = f"about {math.ceil(len(a) * needed / least)} pairs like these" if least else "more pairs"
        self.lacking = "" if least >= needed else f"{least} requests a side; p{100 * q:g} needs {needed}, {more}"

    def chances(self) -> Chances:
        """See `TailRatio.chances`."""
        return self._ratio.chances()

    def bounds(self, tail: float) -> tuple[float, float]:
        """See `TailRatio.bounds`."""
        return self._ratio.bounds(tail)


class Rates:
    """Answers per second of both sides' blocks, pair by pair."""

    def __init__(self) -> None:
        self._pairs: list[tuple[float, float]] = []
        self._a_first: list[bool] = []

    def take(self, a_per_s: float, b_per_s: float, *, a_first: bool) -> None:
        """One more pair; a block without any answer has no logarithm, and is left to the failures."""
        if a_per_s > 0 and b_per_s > 0:
            self._pairs.append((a_per_s, b_per_s))
            self._a_first.append(a_first)

    def evidence(self) -> Middle | None:
        """None before there is enough to say anything."""
        if len(self._pairs) < FEWEST_PAIRS:
            return None
        both = np.array(self._pairs)
        values = without_position(np.log(both[:, 0] / both[:, 1]), np.array(self._a_first))
        before, after = np.median(both, axis=0).tolist()
        return Middle(values, before, after, (len(both), len(both)), better="higher")


class Collected:
    """Pairs as they come: kept as blocks, with the few numbers of each that looks need again and again."""

    def __init__(self) -> None:
        self.a: list[IntArray] = []
        self.b: list[IntArray] = []
        self._medians: list[tuple[float, float]] = []
        self._control: list[float] = []
        self._rates = Rates()
        self._a_first: list[bool] = []
        self.failures: list[tuple[int, int, int, int]] = []  # failed and all requests of a, then of b
        self.cpu_shares: list[float] = []
        self.pairs = 0

    def take(self, pair: Pair) -> None:
        """One more pair; a side without a single answer has no times, but its failures count."""
        self.pairs += 1
        a_first = pair.first == "a"
        if pair.cpu_share is not None:
            self.cpu_shares.append(pair.cpu_share)
        if len(pair.a) and len(pair.b):
            a, b = np.maximum(pair.a, 1), np.maximum(pair.b, 1)  # a clock may say 0, a logarithm cannot
            before = _median(a)
            self.a.append(a)
            self.b.append(b)
            self._medians.append((before, _median(b)))
            self._a_first.append(a_first)
            if pair.a2 is not None and len(pair.a2):
                self._control.append(math.log(max(1.0, _median(pair.a2)) / before))
        if pair.span_a_ns > 0 and pair.span_b_ns > 0:
            self._rates.take(len(pair.a) / pair.span_a_ns * 1e9, len(pair.b) / pair.span_b_ns * 1e9, a_first=a_first)
        self.failures.append((pair.errors_a, pair.errors_a + len(pair.a), pair.errors_b, pair.errors_b + len(pair.b)))

    def time(self, q: float) -> Evidence | None:
        """The evidence about a quantile of the times; None before there is enough to say anything."""
        if len(self.a) < FEWEST_PAIRS:
            return None
        if q > 0.5:
            return Tail(self.a, self.b, q)
        both = np.array(self._medians)
        values = without_position(np.log(both[:, 1] / both[:, 0]), np.array(self._a_first))
        before, after = (_median(np.concatenate(side)) / 1e6 for side in (self.a, self.b))
        return Middle(values, before, after, (sum(map(len, self.a)), sum(map(len, self.b))))

    def throughput(self) -> Evidence | None:
        """The evidence about answers per second; None when the blocks' lengths are not known."""
        return self._rates.evidence()

    def control(self) -> Middle | None:
        """The evidence that a second copy of the baseline differs from the first; None without one."""
        if len(self._control) < FEWEST_PAIRS:
            return None
        return Middle(np.array(self._control), 0.0, 0.0, (0, 0))


def _median(values: IntArray) -> float:
    """As `np.median`, in a fifth of its time for the few values of a block."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (float(ordered[middle - 1]) + float(ordered[middle])) / 2
