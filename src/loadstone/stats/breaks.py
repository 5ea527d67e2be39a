"""Where a level stops being a straight line: the end of a warm-up, one step, or a rise that slows down for ever."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from loadstone.stats.trend import Levels

LATEST_BEND = 0.78  # a warm-up that ends later leaves too little to judge
EXPLAINED = 0.5  # a break explains at least this share of what a straight line leaves, or there was none
BEND_RATIO = 2.0  # a warm-up moves at least so many times as fast as what comes after
SHARPNESS = 0.6  # a step must leave less than this share of what a bend leaves
LOG_SCALES = (0.005, 0.01, 0.02, 0.05, 0.1)  # of the run: how soon a logarithm bends
WARM_UP_SCALES = (0.02, 0.05, 0.08, 0.12, 0.15)  # of the run: how soon a warm-up is over
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Break:
    """One place where a level stopped being a straight line.

    at:     index of the first value after it
    height: of a step; 0 for a bend, which is the end of a warm-up
    """

    at: int
    height: float = 0.0


def find_break(times: Levels, values: Levels) -> Break | None:
    """The one bend or step that explains most by least squares; None when a straight line is nearly as good.

    A bend counts when the level moved at least twice as fast before it as after. The value before a step may have a part of it,
    when the step fell into its window: it is left out of the fit.
    """
    n = len(values)
    line = _line(times)
    left, _ = _fit(line, values)
    best, found = left, None
    for at in range(2, int(LATEST_BEND * n) + 1):
        rest, fit = _fit(_bent(line, times, at), values)
        if rest < best and abs(fit[1]) > BEND_RATIO * abs(fit[1] + fit[2]):
            best, found = rest, Break(at)
    for at in range(1, n):
        stepped = np.column_stack((line, np.arange(n) >= at))
        kept = (np.arange(n) != at - 1) | (at < 2)
        rest, fit = _fit(stepped[kept], values[kept])
        if rest < SHARPNESS * best:
            best, found = rest / SHARPNESS, Break(at, float(fit[2]))
    return found if best <= (1 - EXPLAINED) * left and left > _rounding(values) else None


def logarithm_misfit(times: Levels, values: Levels, begin: float, bend: int | None) -> float:
    """What a logarithm of the time since `begin` leaves, divided by what a steady rise after a warm-up leaves.

    Fragmentation and records of a largest request rise like a logarithm: never at rest, and no leak. Infinite for a rise that is
    steady to the last digit.
    bend: index of the end of the warm-up, when one was found
    """
    line = _line(times)
    steady, _ = _fit(line if bend is None else _bent(line, times, bend), values)
    since = (times - begin) / (times[-1] - begin)
    ones = np.ones(len(values))
    for scale in WARM_UP_SCALES:
        steady = min(steady, _fit(np.column_stack((ones, since, np.exp(-since / scale))), values)[0])
    if steady <= _rounding(values):
        return math.inf
    return min(_fit(np.column_stack((ones, np.log1p(since / scale))), values)[0] for scale in LOG_SCALES) / steady


def _line(times: Levels) -> Levels:
    return np.column_stack((np.ones(len(times)), times - times[0]))


def _bent(line: Levels, times: Levels, at: int) -> Levels:
    return np.column_stack((line, np.maximum(0.0, times - times[at])))


def _fit(matrix: Levels, values: Levels) -> tuple[float, Levels]:
    """Squares that the best fit leaves, and its factors."""
    # The centre is taken out and put nowhere: every matrix has a column of ones, and digits are kept.
    centred = values - values.mean()
    fit, *_ = np.linalg.lstsq(matrix, centred, rcond=None)
    return float(np.sum((centred - matrix @ fit) ** 2)), fit


def _rounding(values: Levels) -> float:
    """Squares that rounding alone may leave."""
    return len(values) * (ROUNDING * max(float(np.max(np.abs(values))), 1e-300)) ** 2
