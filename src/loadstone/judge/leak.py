"""Does a level leak? LEAK, NO LEAK or CANNOT TELL for one series of readings; docs/leaks.md explains the procedure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadstone.stats.trend import Levels, Trend, trend
from loadstone.stats.season import without_season
from loadstone.stats.troughs import WINDOWS, find_break, troughs

WHOLE_P, HALF_P = 0.01, 0.05
STEADY_SHARE = 0.6  # the last half must rise by this share of the whole's rate: what slows down is on its way to an end
FEWEST_READINGS = 2 * WINDOWS
COARSE = (24, 12, 8)  # windows; fewer when a level swings so slowly that short windows hold no trough


class Answer(StrEnum):
    """What the readings say."""

    LEAK = "LEAK"
    NO_LEAK = "NO LEAK"
    CANNOT_TELL = "CANNOT TELL"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much growth over the readings counts, in the level's unit: the greater of a fixed amount and a share of the base.

    least, share:    below it the level is stable
    leak_times:      a leak is at least so many times that
    """

    least: float
    share: float
    leak_times: float = 2.5

    def stable(self, base: float) -> float:
        """Growth that does not matter."""
        return max(self.least, self.share * abs(base))

    def leak(self, base: float) -> float:
        """Growth over the readings, at the rate of their last half, that is a leak."""
        return self.leak_times * self.stable(base)


MEMORY = Sizes(2e6, 0.02)
COUNTED = Sizes(5, 0.02)  # descriptors, threads, sockets, tasks
LATENCY = Sizes(0.0, 0.05)
SHARE = Sizes(0.2, 0.05)  # percent


@dataclass(frozen=True, slots=True)
class Finding:
    """What one level does, with its evidence. Times in s on the readings' own clock, levels in their unit.

    rate, low, high:  growth per second now (of the last half), with its 95 % interval
    whole:            the trend of all that was judged
    base:             level at the end of the warm-up
    grown:            rate times the time judged
    settled_s:        end of the warm-up; where a leak begins to count
    step:             height of the one step that was left out; 0 when there was none
    """

    answer: Answer
    reason: str
    from_s: float
    until_s: float
    settled_s: float
    base: float = 0.0
    rate: float = 0.0
    low: float = 0.0
    high: float = 0.0
    grown: float = 0.0
    step: float = 0.0
    whole: Trend | None = None
    half: Trend | None = None

    def exhausted_in_s(self, now: float, limit: float) -> float | None:
        """Seconds until the level is at the limit; None when it does not rise for sure."""
        return max(0.0, limit - now) / self.rate if self.answer is Answer.LEAK else None


def judge_leak(times_s: Sequence[float] | Levels, values: Sequence[float] | Levels, sizes: Sizes = MEMORY) -> Finding:
    """Whether a level leaks.

    times_s, values: readings in the order of time, under constant load; readings that are not numbers are left out
    """
    times, levels = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = np.isfinite(levels)
    times, levels = times[known], levels[known]
    if len(times) < FEWEST_READINGS:
        at = float(times[0]) if len(times) else 0.0
        end = float(times[-1]) if len(times) else 0.0
        return Finding(Answer.CANNOT_TELL, f"{len(times)} readings; at least {FEWEST_READINGS} are needed", at, end, at)
    from_s, until_s = float(times[0]), float(times[-1])
    step, settled_s = 0.0, from_s
    calm = without_season(levels)
    for _ in range(2):
        kept = times >= settled_s
        middles, lows = troughs(times[kept], calm[kept])
        found = find_break(middles, lows)
        if found is None:
            break
        if found.height:
            at = middles[found.at] - (middles[1] - middles[0]) / 2
            calm = np.where(times >= at, calm - found.height, calm)
            edge = (times >= at - (middles[1] - middles[0])) & (times < at)
            times, calm = times[~edge], calm[~edge]
            step += found.height
        else:
            settled_s = float(middles[found.at])
    kept = times >= settled_s
    seen = _seen(times[kept], calm[kept], step, until_s - from_s)
    return _conclude(seen, sizes, from_s, until_s, settled_s)


@dataclass(frozen=True, slots=True)
class _Seen:
    base: float
    whole: Trend
    half: Trend
    step: float
    span: float


def _seen(times: Levels, levels: Levels, step: float, span: float) -> _Seen:
    middles, lows = troughs(times, levels, WINDOWS)
    whole = trend(middles, lows)
    late = len(lows) // 2
    half = trend(middles[late:], lows[late:])
    return _Seen(float(np.median(lows[:3])), whole, half, step, span)


def _conclude(seen: _Seen, sizes: Sizes, from_s: float, until_s: float, settled_s: float) -> Finding:
    whole, half, span = seen.whole, seen.half, seen.span
    stable, leak = sizes.stable(seen.base), sizes.leak(seen.base)
    rises = whole.p < WHOLE_P and whole.low * span >= stable
    goes_on = half.p < HALF_P and half.slope >= STEADY_SHARE * whole.slope and half.low > 0
    if rises and goes_on and half.slope * span >= leak:
        answer, reason = Answer.LEAK, "leak"
    elif not rises and whole.high * span < leak:
        answer, reason = Answer.NO_LEAK, "stable"
    elif half.high * span < leak:
        answer, reason = Answer.NO_LEAK, "plateau"
    else:
        answer, reason = Answer.CANNOT_TELL, "growing" if rises else "noisy"
    return Finding(
        answer, reason, from_s, until_s, settled_s, seen.base, half.slope, half.low, half.high, half.slope * span, seen.step, whole, half
    )
