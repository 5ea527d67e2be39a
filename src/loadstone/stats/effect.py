"""How much one thing differs from another: a ratio with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """Candidate ÷ baseline of one statistic; 1.1 is 10 % more.

    low, high:  two-sided interval of the ratio at `level`; 0 and inf where the data say no more
    level:      confidence of the interval, such as 0.95
    """

    ratio: float
    low: float
    high: float
    level: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the interval on the log scale, as a share: 0.05 is ±5 %; inf where an end is open."""
        if not 0.0 < self.low <= self.high < math.inf:
            return math.inf
        return math.expm1(math.log(self.high / self.low) / 2.0)
