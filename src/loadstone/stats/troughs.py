"""What a level always comes back to: a low quantile of each of a few windows."""

from __future__ import annotations

import numpy as np

from loadstone.stats.trend import Levels

WINDOWS = 24
LOW = 0.10  # of each window: garbage that waits for its collection and bursts of load lie above


def troughs(times: Levels, values: Levels, windows: int = WINDOWS, q: float = LOW) -> tuple[Levels, Levels]:
    """Middle and quantile of windows of equal length; windows without a value are left out.

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
