"""Does a level leak? LEAK, NO LEAK or CANNOT TELL for one series of readings; docs/leaks.md explains the procedure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadstone.errors import NoSamples
from loadstone.stats.breaks import find_break, logarithm_misfit
from loadstone.stats.season import without_season
from loadstone.stats.trend import Levels, Trend, trend
from loadstone.stats.troughs import LOW, WINDOWS, troughs

# Chosen on other seeds than those of the reported error rates: docs/decisions/0006-leaks-in-one-pass.md.
WHOLE_P, HALF_P = 0.01, 0.05
STEADY_SHARE = 0.6  # the last half rises at least by this share of the whole's rate: what slows down is on its way to an end
SURE_SHARE = 0.5  # and surely by this share of the growth that does not matter
LUMP_SHARE = 0.6  # and no single change between its windows makes up more of its rise than this: one is a step, not a course
SIMPLER = 1.1  # a logarithm has one freedom less than a warm-up and a line; so much worse it may fit and still be believed
MOST_BREAKS = 2
FEWEST_READINGS = 2 * WINDOWS


class Answer(StrEnum):
    """What the readings say."""

    LEAK = "LEAK"
    NO_LEAK = "NO LEAK"
    CANNOT_TELL = "CANNOT TELL"


class Course(StrEnum):
    """How the level went; each answer has its own."""

    LEAK = "leak"
    STABLE = "stable"
    PLATEAU = "plateau"  # it rose, and stopped
    SLOWING = "slowing"  # it rises ever more slowly, as fragmentation does
    GROWING = "growing"  # it rises; not long, much or steadily enough for a leak
    UNSTEADY = "unsteady"  # it wanders too far to exclude a leak
    SHORT = "short"
    UNANSWERED = "unanswered"  # too often more than half of the requests never came back


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much growth over the readings counts, in the level's unit.

    least, share: growth below the greater of a fixed amount and a share of the base does not matter
    leak:         a leak is at least so many times that
    excluded:     a level is free of leaks when growth of so many times that can be excluded
    """

    least: float
    share: float
    leak: float = 3.0
    excluded: float = 2.0

    def small(self, base: float) -> float:
        """Growth that does not matter."""
        return max(self.least, self.share * abs(base))


MEMORY = Sizes(2e6, 0.02)
COUNTED = Sizes(4, 0.02)  # descriptors, threads, sockets, tasks
LATENCY = Sizes(0.0, 0.05)
PERCENT = Sizes(0.3, 0.05)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one level does, with its evidence. Times in s on the readings' own clock, levels in their unit.

    readings:         that were numbers
    settled_s:        end of the warm-up: what came before is not judged
    base:             level at the end of the warm-up
    rate, low, high:  growth per second now, that is of the last half of what was judged, with its 95 % interval
    step:             height of the steps that were left out; 0 when there was none
    small:            growth over the whole time that does not matter
    whole:            trend of all that was judged; None when there are too few readings
    """

    answer: Answer
    course: Course
    readings: int
    from_s: float
    until_s: float
    settled_s: float
    base: float = 0.0
    rate: float = 0.0
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    small: float = 0.0
    whole: Trend | None = None

    @property
    def span_s(self) -> float:
        """From the first reading to the last."""
        return self.until_s - self.from_s

    def exhausted_in_s(self, now: float, limit: float) -> float | None:
        """Seconds until the level reaches the limit at its rate; None when it does not leak."""
        return max(0.0, limit - now) / self.rate if self.answer is Answer.LEAK else None


def judge_leak(times_s: Sequence[float] | Levels, values: Sequence[float] | Levels, sizes: Sizes = MEMORY, *, q: float = LOW) -> Finding:
    """Whether a level leaks.

    times_s, values: readings at a steady pace, in the order of time, under constant load; those that are not numbers are left out,
                     and so are those of inf, of which as many as in one window say that nobody can tell
    q:               quantile of each window that is looked at: low for what is freed in bursts, 0.5 for latencies
    """
    times, levels = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    unanswered = int(np.sum(levels == math.inf))
    known = np.isfinite(levels)
    if unanswered * WINDOWS > len(levels):
        return Finding(Answer.CANNOT_TELL, Course.UNANSWERED, int(known.sum()), float(times[0]), float(times[-1]), float(times[0]))
    times, levels = times[known], levels[known]
    if len(times) < FEWEST_READINGS or times[-1] <= times[0]:
        first, last = (float(times[0]), float(times[-1])) if len(times) else (0.0, 0.0)
        return Finding(Answer.CANNOT_TELL, Course.SHORT, len(times), first, last, first)
    first, last = float(times[0]), float(times[-1])
    try:
        seen = _look(times, without_season(levels), q)
    except NoSamples:  # nearly all of them lie in a few moments
        return Finding(Answer.CANNOT_TELL, Course.SHORT, len(times), first, last, first)
    course = _course(seen, sizes, last - first)
    small = sizes.small(seen.base)
    half = seen.half
    return Finding(
        _ANSWERS[course],
        course,
        len(times),
        first,
        last,
        seen.settled_s,
        seen.base,
        half.slope,
        half.low,
        half.high,
        seen.step,
        small,
        seen.whole,
    )


_ANSWERS = {
    Course.LEAK: Answer.LEAK,
    Course.STABLE: Answer.NO_LEAK,
    Course.PLATEAU: Answer.NO_LEAK,
    Course.SLOWING: Answer.CANNOT_TELL,
    Course.GROWING: Answer.CANNOT_TELL,
    Course.UNSTEADY: Answer.CANNOT_TELL,
}


@dataclass(frozen=True, slots=True)
class _Seen:
    settled_s: float
    base: float
    step: float
    whole: Trend
    half: Trend
    misfit: float
    lump: float


def _look(times: Levels, levels: Levels, q: float) -> _Seen:
    """Warm-up and steps out, then the trends of the rest and of its last half."""
    first_s = settled_s = float(times[0])
    step = 0.0
    for _ in range(MOST_BREAKS):
        kept = times >= settled_s
        middles, lows = troughs(times[kept], levels[kept], q=q)
        found = find_break(middles, lows)
        if found is None:
            break
        if not found.height:
            bend_s = float(middles[found.at])
            if not _enough(times[times >= bend_s]):
                break  # what it leaves is too little to say that it is no noise
            settled_s = bend_s
            continue
        # The window before the step may have a part of it: it is left out.
        width = float(middles[1] - middles[0])
        begin = float(middles[found.at]) - width / 2
        levels = np.where(times >= begin, levels - found.height, levels)
        clear = (times < begin - width) | (times >= begin)
        times, levels = times[clear], levels[clear]
        step += found.height
    kept = times >= settled_s
    middles, lows = troughs(times[kept], levels[kept], q=q)
    late = len(lows) // 2
    whole, half = trend(middles, lows), trend(middles[late:], lows[late:])
    base, lump = float(np.median(lows[:3])), _lump(lows[late:])
    middles, lows = troughs(times, levels, q=q)
    bend = int(np.searchsorted(middles, settled_s)) if settled_s > first_s else None
    return _Seen(settled_s, base, step, whole, half, logarithm_misfit(middles, lows, first_s, bend), lump)


def _enough(times: Levels) -> bool:
    """Do the readings fill windows, and not all lie in a few moments, as after a time in which nobody could read?"""
    return len(times) >= WINDOWS and times[-1] > times[0] and len(troughs(times, times)[0]) >= WINDOWS // 2


def _lump(levels: Levels) -> float:
    """The greatest rise between neighbours, less the greatest fall, as a share of the rise from end to end; infinite without one.

    Noise makes falls as great as its rises; a step has no counterpart.
    """
    rise = float(np.median(levels[-2:]) - np.median(levels[:2]))
    changes = np.diff(levels)
    return float(changes.max() + min(0.0, changes.min())) / rise if rise > 0 else math.inf


def _course(seen: _Seen, sizes: Sizes, span_s: float) -> Course:
    whole, half, small = seen.whole, seen.half, sizes.small(seen.base)
    rises = whole.p < WHOLE_P and whole.low * span_s >= small and whole.low > 0
    goes_on = half.p < HALF_P and half.slope >= STEADY_SHARE * whole.slope and half.low * span_s > SURE_SHARE * small
    slows = seen.misfit <= SIMPLER
    if rises and goes_on and not slows and seen.lump <= LUMP_SHARE and half.slope * span_s >= sizes.leak * small:
        return Course.LEAK
    excluded = sizes.excluded * small
    if not rises and whole.high * span_s <= excluded:
        return Course.STABLE
    if half.high * span_s <= excluded and half.low * span_s < small:
        return Course.PLATEAU
    return (Course.SLOWING if slows else Course.GROWING) if rises else Course.UNSTEADY
