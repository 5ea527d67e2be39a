"""How a level grows with the load while the load rises: as fast as it, or faster?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from loadstone.measure.snapshot import Snapshot
from loadstone.stats.trend import trend

MOST_LOADS = 256  # different loads that are kept; beyond that, two neighbours become one
FEWEST = 6  # different loads in each half
HARDLY = 0.02  # of the level: growth of no more over the whole rise is none


@dataclass(frozen=True, slots=True)
class GrowthRatio:
    """Growth per unit of load in the upper half of the load, over that in the lower half; 1 is linear.

    least: lower end of its interval, from the ends of both slopes' 95 % intervals
    """

    value: float
    least: float

    def surely_above(self, limit: float) -> bool:
        """Is it faster than that, also at the lower end of its interval?"""
        return self.least > limit


@dataclass(slots=True, eq=False)
class LoadGrowth:
    """One level beside the number of users, second by second until the load is at its greatest; warm-up is where loads rise.

    What comes later is growth in time, not with the load: that is for the leak to find.
    """

    level: str
    _seen: dict[int, tuple[float, int]] = field(default_factory=dict)
    _most: int = 0
    _width: int = 1

    def see(self, snapshot: Snapshot) -> None:
        """One more second, judged or not."""
        users = sum(gauge.last for series, gauge in snapshot.gauges.items() if series.metric == "load.users")
        readings = [gauge.last for series, gauge in snapshot.gauges.items() if series.metric == self.level and gauge.count]
        if not readings or users < 1 or users <= self._most:
            return
        self._most = int(users)
        place = int(users) // self._width
        total, count = self._seen.get(place, (0.0, 0))
        self._seen[place] = (total + sum(readings), count + 1)
        while len(self._seen) > MOST_LOADS:
            self._widen()

    def ratio(self) -> GrowthRatio | None:
        """The ratio; None where the load had too few different values on its way up."""
        loads = sorted(self._seen)
        half = len(loads) // 2
        if half < FEWEST:
            return None
        users = np.array([load * self._width for load in loads], dtype=float)
        levels = np.array([self._seen[load][0] / self._seen[load][1] for load in loads])
        slow, fast = (trend(users[part], levels[part]) for part in (slice(None, half), slice(-half, None)))
        span = float(users[-1] - users[0])
        floor = HARDLY * float(np.median(levels)) / span
        base = max(slow.slope, floor)
        surest = max(slow.high, floor)
        return GrowthRatio(max(fast.slope, 0.0) / base, fast.low / surest if math.isfinite(fast.low) else -math.inf)

    def _widen(self) -> None:
        self._width *= 2
        wider: dict[int, tuple[float, int]] = {}
        for place, (total, count) in self._seen.items():
            before = wider.get(place // 2, (0.0, 0))
            wider[place // 2] = (before[0] + total, before[1] + count)
        self._seen = wider
