"""What a level always comes back to: low quantiles of windows, the end of the warm-up, and single steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadstone.stats.trend import Levels

WINDOWS = 24
LOW = 0.10  # of each window: garbage waiting for its collection and bursts of load lie above
LATEST_BEND = 0.78
EXPLAINED = 0.5  # a break explains at least this share of what a straight line leaves, or there was none
BEND_RATIO = 2.0  # a warm-up moves at least so many times as fast as what comes after
SHARPNESS = 0.6  # a step explains more than a bend does


@dataclass(frozen=True, slots=True)
class Break:
    """One place where a level stopped being a straight line.

    at:     index of the first value after it
    height: of a step; 0 for a bend, which is the end of a warm-up
    """

    at: int
    height: float = 0.0


def troughs(times: Levels, values: Levels, windows: int = WINDOWS, q: float = LOW) -> tuple[Levels, Levels]:
    """Middle and low quantile of windows of equal length; windows without a value are left out.

    times: ascending
    gives: two arrays of at most `windows` values
    """
    edges = np.linspace(times[0], times[-1], windows + 1)
    first = np.searchsorted(times, edges[:-1], "left")
    last = np.append(first[1:], len(times))
    kept = [window for window in range(windows) if last[window] > first[window]]
    lows = [float(np.quantile(values[first[window] : last[window]], q)) for window in kept]
    middles = (edges[:-1] + edges[1:]) / 2
    return middles[kept], np.asarray(lows)


def find_break(times: Levels, values: Levels) -> Break | None:
    """The one bend or step that explains most; None when a straight line is nearly as good.

    A bend counts when the level moved at least twice as fast before it as after. The value before a step may have a part of it,
    when the step fell into its window: it is left out of the fit.
    """
    n = len(values)
    line = np.column_stack((np.ones(n), times - times[0]))
    left = _residual(line, values)
    best, found = left, None
    for at in range(2, n - 2):
        bent = np.column_stack((line, np.maximum(0.0, times - times[at])))
        rest, fit = _fit(bent, values)
        if at <= LATEST_BEND * n and rest < best and abs(fit[1]) > BEND_RATIO * abs(fit[1] + fit[2]):
            best, found = rest, Break(at)
    for at in range(1, n):
        stepped = np.column_stack((line, np.arange(n) >= at))
        kept = np.arange(n) != at - 1 if 2 <= at else np.ones(n, dtype=bool)
        rest, fit = _fit(stepped[kept], values[kept])
        if rest < SHARPNESS * best:
            best, found = rest / SHARPNESS, Break(at, float(fit[2]))
    return found if left > 0 and best <= (1 - EXPLAINED) * left else None


def without_step(values: Levels, step: Break) -> Levels:
    """The level as if the step had not been; the value before it, which may have a part of it, lies between its neighbours."""
    level = values.copy()
    level[step.at :] -= step.height
    if 2 <= step.at < len(values):
        level[step.at - 1] = (level[step.at - 2] + level[step.at]) / 2
    return level


def _residual(matrix: Levels, values: Levels) -> float:
    return _fit(matrix, values)[0]


def _fit(matrix: Levels, values: Levels) -> tuple[float, Levels]:
    fit, *_ = np.linalg.lstsq(matrix, values, rcond=None)
    return float(np.sum((values - matrix @ fit) ** 2)), fit
