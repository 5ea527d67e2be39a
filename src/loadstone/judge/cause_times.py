"""When a gate failed: a stall, a burst, the beginning, since some moment, or more and more."""

from __future__ import annotations

import numpy as np

from loadstone.judge.cause import Cause, CauseKind, Failed, cause
from loadstone.judge.course import RunCourse
from loadstone.judge.verdict import show_value
from loadstone.measure.catalogue import Kind
from loadstone.stats.breaks import find_break
from loadstone.stats.stretches import DenseStretch, densest_stretch
from loadstone.stats.trend import Levels, ranks, trend
from loadstone.units import format_duration, format_rate, format_share

CHANCE = 0.01
LEAST_RATIO = 3.0  # inside ÷ outside
LEAST_SHARE = 0.5  # of the events
LONGEST = 0.9  # of the run: a stretch that is nearly all of it is no stretch
STILL = 0.2  # of the usual number of answers: fewer is a stall
LEAST_BEFORE = 3  # windows before a stretch that say what is usual
LOAD_ROSE = 1.5
RISING_CHANCE = 0.001
RISING_LEAST = 1.5  # last third ÷ first third
IN_ORDER = 0.8  # rank correlation with time
FEWEST = 12  # windows of a rise
FINEST = 48  # windows in which a step is looked for


def times(failed: Failed, course: RunCourse) -> list[Cause]:
    """A rise all along, else the stretch that stands out; nothing when neither does."""
    risen = _rising(failed, course)
    found = densest_stretch(failed.events, failed.base) if failed.counted else None
    if found is None or not _stands_out(found, len(failed.events)):
        return [risen] if risen is not None else []
    stretch = _stretch(found, course)
    if risen is None:
        return [stretch]
    # Where a value rises all along its excess lies at the end: that is the same again, unless the load rose there.
    return [risen, stretch] if stretch.kind is CauseKind.LOAD_RISE else [risen]


def _stands_out(found: DenseStretch, windows: int) -> bool:
    telling = found.p <= CHANCE and found.ratio >= LEAST_RATIO and found.share >= LEAST_SHARE
    return telling and found.end - found.begin <= LONGEST * windows


def _stretch(found: DenseStretch, course: RunCourse) -> Cause:
    begin, end = _with_silence(found, course)
    span = course.span(begin, end)
    share = format_share(round(found.share, 3))
    when = f"from {format_duration(span[0])} to {format_duration(span[1])}"
    figures = {"share": found.share, "from_s": span[0], "to_s": span[1]}
    if begin < found.begin or _still(course, found.begin, found.end):
        text = f"{when} nearly nothing was answered; {share} of what is past the limit came in that time or right after"
        return cause(CauseKind.STALL, "", text, found.share, span, **figures)
    rise = _load_rise(course, begin, end)
    if rise is not None:
        before, now, unit = rise
        shown = (format_rate(before), format_rate(now)) if unit == "/s" else (f"{before:.0f}", f"{now:.0f} {unit}")
        text = f"{share} of what is past the limit came {when}, where the load was {shown[1]} after {shown[0]}"
        return cause(CauseKind.LOAD_RISE, "", text, found.share, span, before=before, now=now, **figures)
    if end == len(course.windows):
        text = f"since {format_duration(span[0])}: {share} of what is past the limit came after it"
        return cause(CauseKind.SINCE, "", text, found.share, span, **figures)
    if begin == 0:
        text = f"{share} of what is past the limit came in the first {format_duration(span[1] - span[0])} that were judged"
        return cause(CauseKind.COLD_START, "", text, found.share, span, **figures)
    text = f"{share} of what is past the limit came {when}, {_times_as(found)}"
    return cause(CauseKind.BURST, "", text, found.share, span, **figures)


def _times_as(found: DenseStretch) -> str:
    return "and none outside" if np.isinf(found.ratio) else f"{found.ratio:.1f} times as densely as outside"


def _served(course: RunCourse) -> Levels:
    return np.array([window.served / window.seconds for window in course.windows])


def _usual(served: Levels, begin: int) -> float:
    """Answers per second when all is well: those before the stretch count, too, because failures may come much faster than answers."""
    usual = float(np.median(served))
    return min(usual, float(np.quantile(served[:begin], 0.75))) if begin >= LEAST_BEFORE else usual


def _with_silence(found: DenseStretch, course: RunCourse) -> tuple[int, int]:
    """The stretch, and the silence right before it: what waits in a stall is counted when it ends."""
    served = _served(course)
    usual, begin = _usual(served, found.begin), found.begin
    while begin > 0 and served[begin - 1] < STILL * usual:
        begin -= 1
    return begin, found.end


def _still(course: RunCourse, begin: int, end: int) -> bool:
    served = _served(course)
    return bool(served[begin:end].min() < STILL * _usual(served, begin))


def _load_rise(course: RunCourse, begin: int, end: int) -> tuple[float, float, str] | None:
    """The load before the stretch and in it, where it rose."""
    if begin < 2:
        return None
    due = np.array([window.due / window.seconds for window in course.windows])
    users = np.array([window.users.mean if window.users else 0.0 for window in course.windows])
    for values, unit in ((due, "/s"), (users, "users")):
        before, now = float(np.mean(values[:begin])), float(np.mean(values[begin:end]))
        if values is users and due.any():
            break  # sessions of an open model are the target's doing, not the load
        if before > 0 and now >= LOAD_ROSE * before:
            return before, now, unit
    return None


def _rising(failed: Failed, course: RunCourse) -> Cause | None:
    """A value that rises (or falls, where that is worse) from first to last, not at once."""
    at = course.at_s
    if failed.gate.metric.kind is Kind.DISTRIBUTION:
        tallies = [window.times[course.gates.index(failed.gate)] for window in course.windows]
        base = np.array([tally.base for tally in tallies], dtype=float)
        values = np.array([tally.rate for tally in tallies])
    else:
        base, values = failed.base, failed.rates
    kept = base > 0
    at, values = at[kept], values[kept]
    if len(values) < FEWEST or values.max() <= 0:
        return None
    upwards = values if failed.upper else -values
    if not np.ptp(upwards) or np.corrcoef(ranks(at), ranks(upwards))[0, 1] < IN_ORDER:
        return None
    third = len(values) // 3
    first, last = float(np.median(values[:third])), float(np.median(values[-third:]))
    low, high = (first, last) if failed.upper else (last, first)
    if low < 0 or high < RISING_LEAST * low or trend(at, upwards).p > RISING_CHANCE:
        return None
    stepped = find_break(*_coarse(at, upwards))
    if stepped is not None and stepped.height > 0.5 * (high - low):
        return None
    per_min = (last - first) / (at[-1] - at[0]) * 60 * 1.5
    unit = failed.gate.metric.unit
    way = "rises" if failed.upper else "falls"
    thirds = f"{show_value(first, unit)} in the first third, {show_value(last, unit)} in the last"
    text = f"{failed.gate.metric.name} {way} from first to last: {thirds}"
    return cause(CauseKind.RISING, failed.gate.metric.name, text, 1 - low / high / 2, course.span(0, len(course.windows)), per_min=per_min)


def _coarse(at: Levels, values: Levels) -> tuple[Levels, Levels]:
    """At most 48 values, each the median of its neighbours: a step is looked for in each place, and places are dear."""
    size = -(-len(values) // FINEST)
    groups = range(0, len(values), size)
    return np.array([at[i : i + size].mean() for i in groups]), np.array([float(np.median(values[i : i + size])) for i in groups])
