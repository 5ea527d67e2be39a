"""The ratio of two high quantiles from pairs of blocks, with an interval that knows that neighbours in time are alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import NoSamples
from loadstone.stats.duet import Chances
from loadstone.stats.histogram import IntArray
from loadstone.stats.student import t_cdf, t_quantile

FloatArray = NDArray[np.float64]

LEAST_PAST = 50  # requests beyond the quantile that one side must have: p95 1,000 requests, p99 5,000
STEPS = 30  # halvings of an interval's end


def least_requests(q: float) -> int:
    """Requests that each side must have for its q-quantile to be compared; a median needs none."""
    return math.ceil(LEAST_PAST / (1.0 - q) - 1e-6) if q > 0.5 else 0


class TailRatio:
    """Ratio of the q-quantiles of all of b and all of a, judged by how many requests of each pair lie beyond.

    At a supposed ratio r, b is divided by r, and x is the quantile of both together. Where r is right, b and a have as many
    requests beyond x, up to noise that is the same kind in each pair; Student's test on the pairs' differences says whether
    it is. What the test does not reject is the interval. Blocks are never mixed across pairs, so slow drift and bursts that
    hit both sides cancel, and whatever else a block's requests have in common counts once, not once per request.

    a, b:    ns per request of each block; pairs at the same places
    q:       share in (0.5, 1)
    raises:  NoSamples with fewer than 4 pairs or with an empty side
    source:  Woodruff 1952 (a quantile's interval from the share beyond it); Bulej et al. 2020 (pairs)
    """

    def __init__(self, a: Sequence[IntArray], b: Sequence[IntArray], q: float) -> None:
        self._pairs = len(a)
        self._sizes = [np.array([len(block) for block in side], dtype=np.float64) for side in (a, b)]
        self.counts = int(self._sizes[0].sum()), int(self._sizes[1].sum())
        if self._pairs < 4 or min(self.counts) == 0:
            raise NoSamples(f"a ratio of quantiles from {self._pairs} pairs")
        self.quantiles: list[float] = []
        self._values: list[FloatArray] = []
        self._places: list[NDArray[np.intp]] = []
        self._beyond = (1.0 - q) * sum(self.counts)
        kept = math.ceil(self._beyond) + 1  # even if all that lie beyond are of one side
        for side, sizes in zip((a, b), self._sizes, strict=True):
            values = np.concatenate(list(side)).astype(np.float64)
            rank = math.ceil(q * len(values)) - 1
            least = max(0, len(values) - kept)
            ordered = np.partition(values, (least, rank))
            self.quantiles.append(float(ordered[rank]))
            high = values >= ordered[least]
            self._values.append(np.log(values[high]))
            self._places.append(np.repeat(np.arange(self._pairs), sizes.astype(np.int64))[high])
        self.needed = least_requests(q)  # requests a side
        self.point = math.log(self.quantiles[1] / self.quantiles[0])

    def chances(self, log_ratio: float = 0.0) -> Chances:
        """One-sided p-values of a supposed log ratio."""
        t = self._score(log_ratio)
        return Chances(t_cdf(-t, self._pairs - 1), t_cdf(t, self._pairs - 1))

    def bounds(self, tail: float) -> tuple[float, float]:
        """Of the log ratio: each end is passed with a chance of `tail`; infinite where the data say no more."""
        reach = t_quantile(1.0 - tail, self._pairs - 1)
        return self._end(reach, -1.0), self._end(reach, 1.0)

    def _end(self, reach: float, side: float) -> float:
        """Where the score is as far from zero as it may stray, found from the point outwards."""
        near, step = 0.0, 0.02
        while abs(self._score(self.point + side * step)) < reach:
            near, step = step, step * 2
            if step > 3.0:  # twenty times
                return side * math.inf
        far = step
        for _ in range(STEPS):
            middle = (near + far) / 2
            near, far = (middle, far) if abs(self._score(self.point + side * middle)) < reach else (near, middle)
            if far - near < 1e-4:
                break
        return self.point + side * far

    def _score(self, log_ratio: float) -> float:
        """Student's t of the pairs' differences in the share beyond; positive when b is slower than supposed."""
        a, b = self._values[0], self._values[1] - log_ratio
        together = np.concatenate((a, b))
        beyond = min(max(math.floor(self._beyond), 1), len(together))
        edge = np.partition(together, len(together) - beyond)[len(together) - beyond]
        shares = []
        for values, places, sizes, count in zip((a, b), self._places, self._sizes, self.counts, strict=True):
            past = np.bincount(places[values >= edge], minlength=self._pairs)
            shares.append((past - sizes * self._beyond / sum(self.counts)) / count)
        differences = shares[1] - shares[0]
        spread = float(differences.std(ddof=1)) * math.sqrt(self._pairs)
        total = float(differences.sum())
        return total / spread if spread > 0 else math.copysign(math.inf, total) if total else 0.0
