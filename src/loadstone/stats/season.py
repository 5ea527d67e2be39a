"""Swings that come back: their period, and a level without them."""

from __future__ import annotations

import numpy as np

from loadstone.stats.trend import Levels

FEWEST_CYCLES = 3  # two could be chance
CLEAR = 0.35  # correlation with itself one period later, and its rise over the deepest point before
FEWEST_PER_CYCLE = 6
PHASES = 24


def find_period(values: Levels) -> float | None:
    """Readings from one swing to the next; None when nothing comes back at least three times.

    values: evenly spaced; a straight line through them is taken out first
    """
    n = len(values)
    if n < FEWEST_CYCLES * FEWEST_PER_CYCLE:
        return None
    at = np.arange(n, dtype=np.float64)
    rest = values - np.polyval(np.polyfit(at, values, 2), at)
    power = np.abs(np.fft.rfft(rest, 2 * n)) ** 2
    if power.sum() == 0:
        return None
    likeness = np.fft.irfft(power)[:n] / np.arange(n, 0, -1)
    likeness = likeness[: n // FEWEST_CYCLES + 1] / likeness[0]
    deepest = np.minimum.accumulate(likeness)
    inner = slice(1, -1)
    peaks = (likeness[inner] >= likeness[:-2]) & (likeness[inner] >= likeness[2:])
    clear = peaks & (likeness[inner] > CLEAR) & (likeness[inner] - deepest[inner] > CLEAR)
    lags = np.flatnonzero(clear) + 1
    lags = lags[lags >= FEWEST_PER_CYCLE]
    if not len(lags):
        return None
    heights = likeness[lags]
    first = int(lags[np.flatnonzero(heights >= 0.85 * heights.max())[0]])  # a multiple of the period is as alike
    return _refined(likeness, first)


def _refined(likeness: Levels, lag: int) -> float:
    """The period between whole readings: the last multiple that still peaks says it most exactly."""
    period, times = float(lag), 1
    while (near := round(period * (times + 1))) + 2 < len(likeness):
        reach = max(1, lag // 4)
        low = max(1, near - reach)
        peak = low + int(np.argmax(likeness[low : near + reach + 1]))
        if not likeness[peak] > CLEAR / 2:
            break
        times += 1
        period = peak / times
    return period


def without_season(values: Levels) -> Levels:
    """The level without its swing: for each phase, the median of what a slow line leaves is taken out; unchanged without a swing."""
    period = find_period(values)
    if period is None:
        return values
    at = np.arange(len(values), dtype=np.float64)
    phases = max(FEWEST_PER_CYCLE, min(PHASES, int(period)))
    phase = np.minimum(((at / period) % 1.0 * phases).astype(np.int64), phases - 1)
    rest = values - _over_one_period(values, max(2, round(period)))
    profile = np.array([np.median(rest[phase == one]) if np.any(phase == one) else 0.0 for one in range(phases)])
    level: Levels = values - (profile - profile.mean())[phase]
    return level


def _over_one_period(values: Levels, length: int) -> Levels:
    """The running mean over a period; its ends go on straight."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    means = (sums[length:] - sums[:-length]) / length
    middles = np.arange(len(means)) + (length - 1) / 2
    at = np.arange(len(values), dtype=np.float64)
    inner: Levels = np.interp(at, middles, means)
    slope = float(np.polyfit(at, values, 1)[0])
    inner += np.where(at < middles[0], (at - middles[0]) * slope, 0.0) + np.where(at > middles[-1], (at - middles[-1]) * slope, 0.0)
    return inner
