"""Where a history of runs changed its level: a split of ranks that is too clear for chance, again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from loadstone.stats.effect import Effect
from loadstone.stats.rank_shift import hodges_lehmann
from loadstone.stats.trend import Levels

CHANCE = 0.01  # of a split as clear as this one in a history without any
LEAST_SHIFT = math.log(1.05)
LEAST_SIDE = 2  # runs; one run alone is an outlier
FEWEST = 8  # runs; with fewer no order is rarer than 1 in 100
NULLS = 10_000  # simulated histories per length: a chance of 0.01 is known to 0.001
LIKENESS_STEP = 0.05  # of the autocorrelation, so that nulls can be kept
MOST_LIKE = 0.9
SEED = 20130  # of the simulated histories; the same answer for the same values, always
_CHUNK = 250_000
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of level.

    at:       index of the first value after it
    effect:   median ratio of the segment after it to the one before it; the interval takes the place as given
    p:        chance of a split as clear as this one anywhere in a history that only has its likeness to itself
    likeness: first autocorrelation that was allowed for; 0 is none
    """

    at: int
    effect: Effect
    p: float
    likeness: float

    @property
    def confidence(self) -> float:
        """1 less the chance."""
        return 1.0 - self.p


def change_points(values: Levels, *, chance: float = CHANCE, least_shift: float = LEAST_SHIFT) -> list[ChangePoint]:
    """All changes of level, in order; none when there are fewer than eight values.

    values:      logarithms of a figure, one per run, in order of time
    chance:      of a false split of one stretch
    least_shift: smaller ones are left unsaid, however sure
    source:      rank CUSUM of Pettitt 1979 with van der Waerden's scores, the greatest t over all splits against a simulated null;
                 binary segmentation of Scott & Knott 1974
    """
    places = sorted(_splits(values, 0, len(values), chance, least_shift))
    places = _settled(values, places)
    found = []
    for number, at in enumerate(places):
        start = places[number - 1] if number else 0
        end = places[number + 1] if number + 1 < len(places) else len(values)
        found.append(_described(values, start, at, end))
    return [one for one in found if abs(math.log(one.effect.ratio)) >= least_shift]


def split_chance(values: Levels) -> tuple[int, float, float]:
    """The clearest split: index of the first value after it, its chance, the autocorrelation allowed for."""
    statistics = split_statistics(normal_scores(values[None, :]))[0]
    at = int(np.argmax(statistics)) + LEAST_SIDE
    likeness = self_likeness(values, at)
    null = _null(len(values), likeness)
    clearer = len(null) - int(np.searchsorted(null, statistics[at - LEAST_SIDE] - 1e-9))
    return at, (1 + clearer) / (1 + len(null)), likeness


def normal_scores(rows: Levels) -> Levels:
    """Each row's ranks as quantiles of the normal distribution: (rank - 3/8) / (n + 1/4), Blom 1958; equal values share a mean."""
    n = rows.shape[1]
    table = _blom(n)
    order = np.argsort(rows, axis=1, kind="stable")
    scores = np.empty(rows.shape)
    np.put_along_axis(scores, order, np.broadcast_to(table, rows.shape), axis=1)
    if len(rows) == 1 and len(np.unique(rows)) < n:
        _, place, counts = np.unique(rows[0], return_inverse=True, return_counts=True)
        scores[0] = (np.bincount(place, scores[0]) / counts)[place]
    return scores


def split_statistics(scores: Levels) -> Levels:
    """|t| of each split of each row into two, at least two values a side: shape (rows, n - 3)."""
    n = scores.shape[1]
    left = np.arange(LEAST_SIDE, n - LEAST_SIDE + 1)
    sums = np.cumsum(scores, axis=1)
    total = sums[:, -1:]
    apart = sums[:, left - 1] - total * left / n
    power = np.sum(scores**2, axis=1, keepdims=True) - total**2 / n
    between = apart**2 * n / (left * (n - left))
    within = np.maximum(power - between, 1e-12)
    statistics: Levels = np.sqrt(between * (n - 2) / within)
    return statistics


def self_likeness(values: Levels, at: int) -> float:
    """First autocorrelation of the ranks of what is left when each side's median is taken out; corrected for bias, 0 or more."""
    rest = np.concatenate((values[:at] - np.median(values[:at]), values[at:] - np.median(values[at:])))
    scores = normal_scores(rest[None, :])[0]
    power = float(scores @ scores)
    if power <= 0:
        return 0.0
    r = float(scores[1:] @ scores[:-1]) / power
    # Two means were taken out, and the split was chosen to make the rest look independent.
    return min(MOST_LIKE, max(0.0, r + (2 + 4 * r) / len(values)))


@lru_cache(maxsize=256)
def _blom(n: int) -> Levels:
    return np.array([_NORMAL.inv_cdf((rank - 0.375) / (n + 0.25)) for rank in range(1, n + 1)])


def _null(n: int, likeness: float) -> Levels:
    """Greatest |t| of histories without a change, ascending."""
    return _simulated(n, math.ceil(likeness / LIKENESS_STEP - 1e-9))


@lru_cache(maxsize=512)
def _simulated(n: int, steps: int) -> Levels:
    rng = np.random.default_rng([SEED, n, steps])
    likeness = min(steps * LIKENESS_STEP, MOST_LIKE)
    found = []
    rows = max(1, _CHUNK // n)
    for first in range(0, NULLS, rows):
        noise = rng.standard_normal((min(rows, NULLS - first), n))
        if likeness > 0:
            fresh = math.sqrt(1 - likeness**2)
            for at in range(1, n):
                noise[:, at] = likeness * noise[:, at - 1] + fresh * noise[:, at]
        found.append(split_statistics(normal_scores(noise)).max(axis=1))
    return np.sort(np.concatenate(found))


def _splits(values: Levels, start: int, end: int, chance: float, least_shift: float) -> list[int]:
    """Places of all changes between two indexes: the clearest, then those on each side of it."""
    stretch = values[start:end]
    if len(stretch) < FEWEST:
        return []
    at, p, _ = split_chance(stretch)
    if p >= chance or abs(float(np.median(stretch[at:]) - np.median(stretch[:at]))) < least_shift:
        return []
    middle = start + at
    return [*_splits(values, start, middle, chance, least_shift), middle, *_splits(values, middle, end, chance, least_shift)]


def _settled(values: Levels, places: list[int]) -> list[int]:
    """Each change sought once more between its neighbours: the first were found while the others were still mixed in."""
    settled = list(places)
    for number in range(len(settled)):
        start = settled[number - 1] if number else 0
        end = settled[number + 1] if number + 1 < len(settled) else len(values)
        if end - start >= 2 * LEAST_SIDE:
            statistics = split_statistics(normal_scores(values[None, start:end]))[0]
            settled[number] = start + int(np.argmax(statistics)) + LEAST_SIDE
    return settled


def _described(values: Levels, start: int, at: int, end: int) -> ChangePoint:
    before, after = values[start:at], values[at:end]
    if end - start >= FEWEST:
        _, p, likeness = split_chance(values[start:end])
    else:
        p, likeness = CHANCE, 0.0
    inflation = (1 + likeness) / (1 - likeness)
    shift, low, high = hodges_lehmann(before, after, inflation=inflation)
    return ChangePoint(at, Effect(_exp(shift), _exp(low), _exp(high)), p, likeness)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
