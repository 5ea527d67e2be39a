"""An interval of a median that asks nothing of the values' distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadstone.errors import NoSamples

LEVEL = 0.95
FEWEST = 6  # five values all on one side are a coin's 2 · 2**-5 = 6 %: no 95 % interval


def median_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float, float]:
    """Median of independent values, and the ends of its interval: the r-th value from either end.

    raises: NoSamples where even the least and the greatest value are no interval of that level
    source: sign test inverted; Conover 1999, section 3.2
    """
    ordered, n = sorted(values), len(values)
    rank = 0
    outside = 0.0
    while True:
        outside += 2.0 * math.comb(n, rank) / 2.0**n
        if outside > 1.0 - level or rank + 1 > n // 2:
            break
        rank += 1
    if rank == 0:
        raise NoSamples(f"{n} values; an interval of {level:.0%} needs {FEWEST}" if level == LEVEL else f"{n} values are too few")
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    return middle, ordered[rank - 1], ordered[n - rank]
