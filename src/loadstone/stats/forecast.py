"""Where a slow creep leads: the line through the newest stretch of a history, and when it crosses a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from loadstone.errors import NoSamples
from loadstone.stats.trend import Levels, Trend, pairwise_slopes, trend

FEWEST = 12  # values; a line through fewer says nothing of the days to come
MOST = 120  # the newest ones are taken: older creep may have had another cause
RESAMPLES = 400
LEVEL = 0.90
CHANCE = 0.05  # of the trend's test; a line that may be level crosses nothing
WIDENED = 1.2  # residuals fit their own line too well: without this a 90 % band held 85 of 100 crossings
SEED = 1950
MOST_LIKE = 0.9
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Crossing:
    """When the line meets the limit, counted from the last value.

    after:           units of time; 0 when it is past the limit already
    earliest, latest: 90 % band; latest is inf when the line may as well never meet it
    """

    after: float
    earliest: float
    latest: float


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """A line through the values, and lines through values that could as well have been.

    slope:     units per unit of time, with its 95 % interval
    p:         chance of an order as clear as this without a trend, dependence allowed for
    now:       what the line says of the time of the last value
    last_time: of the values given
    lines:     shape (resamples, 2): slope and value at `last_time` of each
    """

    slope: float
    low: float
    high: float
    p: float
    now: float
    last_time: float
    lines: Levels

    @property
    def certain(self) -> bool:
        """Does the level move at all?"""
        return self.p < CHANCE and not self.low <= 0 <= self.high

    def band(self, after: float, level: float = LEVEL) -> tuple[float, float, float]:
        """The line and its band (of the level, not of single runs) so long after the last value."""
        values = self.lines[:, 1] + self.lines[:, 0] * after
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        return self.now + self.slope * after, float(low), float(high)

    def crossing(self, limit: float) -> Crossing | None:
        """When the line meets a limit; None when it does not move for certain, or moves away from it."""
        if not self.certain or (limit - self.now) * self.slope < 0:
            # past it, and moving on: crossed; past it, and moving back: nothing to say
            return None
        upwards = self.slope > 0
        slopes = self.lines[:, 0] if upwards else -self.lines[:, 0]
        room = limit - self.lines[:, 1] if upwards else self.lines[:, 1] - limit
        after = np.where(room <= 0, 0.0, np.divide(room, slopes, out=np.full(len(slopes), math.inf), where=slopes > 0))
        ordered = np.sort(after)
        rank = (len(ordered) - 1) * (1 - LEVEL) / 2
        return Crossing((limit - self.now) / self.slope, float(ordered[round(rank)]), float(ordered[len(ordered) - 1 - round(rank)]))


def forecast(times: Levels, values: Levels, seed: int = SEED) -> Forecast:
    """The line through a stretch without changes, and its band.

    times:  ascending, in the unit in which the answer is wanted; equal ones are moved apart by less than a millionth of the span
    values: at least twelve; the newest 120 are taken
    raises: NoSamples with fewer
    source: Theil 1950, Sen 1968; Hamed & Rao 1998; band by a bootstrap of blocks of what the line leaves, Künsch 1989
    """
    if len(values) < FEWEST:
        raise NoSamples(f"a forecast from {len(values)} runs; at least {FEWEST} are needed")
    times, values = _distinct(times[-MOST:]), values[-MOST:]
    found = trend(times, values)
    since = times - times[-1]
    now = float(np.median(values - found.slope * since))
    rest = values - now - found.slope * since
    found = allowing_for_likeness(found, rest)
    rest *= WIDENED
    rng = np.random.default_rng(seed)
    n, length = len(values), _block(rest)
    lines = np.empty((RESAMPLES, 2))
    for row in lines:
        starts = rng.integers(0, n, -(-n // length))
        picked = ((starts[:, None] + np.arange(length)) % n).ravel()[:n]
        again = now + found.slope * since + rest[picked]
        row[0] = np.median(pairwise_slopes(times, again))
        row[1] = np.median(again - row[0] * since)
    return Forecast(found.slope, found.low, found.high, found.p, now, float(times[-1]), lines)


def allowing_for_likeness(found: Trend, rest: Levels) -> Trend:
    """The trend with the dependence of neighbours whose evidence is too weak for the test's own correction.

    Hamed and Rao count autocorrelations outside their 95 % band, of which so few runs have hardly any: level histories of 20 runs with
    a first autocorrelation of 0.5 moved for certain in 19 of 100. With that one, corrected for its bias, in 7; independent ones in 3.
    source: n (1 - r) / (1 + r) of a first-order autoregression; bias Marriott & Pope 1954, as `sections.effective_count`
    """
    centred = rest - rest.mean()
    power, n = float(centred @ centred), len(rest)
    r = float(centred[1:] @ centred[:-1]) / power if power > 0 else 0.0
    r = min(MOST_LIKE, max(0.0, r + (2 + 4 * r) / n))
    wider = math.sqrt(max(1.0, (1 + r) / (1 - r) / found.inflation))
    evidence = -_NORMAL.inv_cdf(found.p / 2) if found.p > 0 else math.inf
    return replace(
        found,
        low=found.slope - (found.slope - found.low) * wider,
        high=found.slope + (found.high - found.slope) * wider,
        p=2 * _NORMAL.cdf(-evidence / wider),
        inflation=found.inflation * wider**2,
    )


def _distinct(times: Levels) -> Levels:
    """Times between which a slope can be taken."""
    if np.all(np.diff(times) > 0):
        return times
    span = max(float(times[-1] - times[0]), 1e-9)
    apart: Levels = np.maximum.accumulate(times) + np.arange(len(times)) * (span * 1e-6 / len(times))
    return apart


def _block(rest: Levels) -> int:
    """Length of a block: the cube root of n when neighbours are alike, 1 when they are not."""
    centred = rest - rest.mean()
    power = float(centred @ centred)
    alike = power > 0 and float(centred[1:] @ centred[:-1]) / power > 1 / math.sqrt(len(rest))
    return max(2, round(len(rest) ** (1 / 3))) if alike else 1
