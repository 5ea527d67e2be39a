"""Resources that were full while a gate failed, each by a stated threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadstone.judge.cause import Cause, CauseKind, Failed, cause
from loadstone.judge.course import RunCourse
from loadstone.judge.verdict import show_value
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.snapshot import Series
from loadstone.stats.trend import Levels
from loadstone.units import SECONDS, format_duration, format_share

MOSTLY = 0.6  # of the windows in which the gate fails
LEAST_BAD = 3  # windows
LEAST_GOOD = 3  # windows without failure, to compare with; fewer are none
CONTRAST = 0.5  # the resource is at most so often full where the gate holds
CHANCE = 0.01
WITHOUT_CONTRAST = 0.7  # strength of what was full all along: it may always be
ALL_ALONG = 0.9
IN_TIME = 0.5  # of a gate's limit: a pause of so much is a large part of it

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Full:
    """When a level counts as full.

    at:       in the metric's unit; None: the level of the metric `of`, times `share`
    greatest: a pause counts by its longest, other levels by their mean
    alone:    only for a process tree of one process: one core is then all that it can use
    """

    metric: str
    at: float | None = None
    of: str = ""
    share: float = 1.0
    greatest: bool = False
    alone: bool = False


FULL = (
    Full("target.cpu", of="target.cpu_limit", share=0.9),
    Full("target.cpu", 90.0, alone=True),
    Full("target.throttled", 5.0),
    Full("target.memory", of="target.memory_limit", share=0.9),
    Full("target.memory_limit_used", 90.0),
    Full("target.pool_in_use", of="target.pool_size", share=0.999),
    Full("target.descriptors_used", 90.0),
    Full("target.kv_cache_usage", 95.0),
    Full("target.gc_share", 10.0),
    Full("gpu.utilization", 95.0),
    Full("gpu.memory_used", 95.0),
    Full("machine.cpu", 90.0),
    Full("machine.memory_used", 95.0),
    Full("machine.pressure", 20.0),
    Full("machine.steal", 5.0),
    Full("machine.iowait", 20.0),
)
WAITING = ("waiting", "queued", "queue_depth", "deferred", "backlog")  # a level of that name is a queue; one that is not empty is felt
PAUSES = ("target.gc_pause", "target.loop_lag")


def saturated(failed: Failed, course: RunCourse) -> list[Cause]:
    """Resources that were full where the gate failed, and (mostly) not where it held."""
    bad = failed.bad
    if bad.sum() < LEAST_BAD:
        return []
    found = []
    for series, values, limits, shown in _levels(failed, course):
        if series.metric != failed.gate.metric.name and (made := _judged(series, values, limits, shown, bad, course)) is not None:
            found.append(made)
    return found


def is_threshold(metric: str) -> bool:
    """Is there a threshold for this level, so that its likeness alone says nothing more?"""
    return metric.endswith(WAITING) or metric in PAUSES or any(metric == row.metric for row in FULL)


def _levels(failed: Failed, course: RunCourse) -> Iterator[tuple[Series, Levels, Levels, str]]:
    """Each level that has a threshold: its values, the thresholds, and how that is told."""
    for series in course.level_names():
        for row in FULL:
            if series.metric == row.metric and (limits := _limits(row, series, course)) is not None:
                shown = f"{row.share:.0%} of {row.of}" if row.of else show_value(row.at or 0.0, _unit(series.metric))
                yield series, course.greatest(series) if row.greatest else course.level(series), limits, shown
        if series.metric.endswith(WAITING) and series.metric.startswith("target."):
            yield series, course.level(series), np.full(len(course.windows), 1.0), "1, which is a queue"
        if series.metric in PAUSES and (limit_ms := _limit_ms(failed)) is not None:
            share = f"{IN_TIME:.0%} of the gate's limit"
            yield series, course.greatest(series), np.full(len(course.windows), IN_TIME * limit_ms), share


def _limits(row: Full, series: Series, course: RunCourse) -> Levels | None:
    if row.alone:
        processes = Series("target.processes", tuple(tag for tag in series.tags if tag[0] == "probe"))
        count = course.level(processes)
        if np.all(np.isnan(count)) or np.nanmax(count) > 1.0:
            return None
    if row.at is not None:
        return np.full(len(course.windows), row.at)
    values = course.level(Series(row.of, series.tags))
    if np.all(np.isnan(values)):
        return None
    found: Levels = values * row.share
    return found


def _judged(series: Series, values: Levels, limits: Levels, shown: str, bad: Flags, course: RunCourse) -> Cause | None:
    known = ~np.isnan(values) & ~np.isnan(limits)
    full = known & (np.nan_to_num(values) >= np.nan_to_num(limits, nan=math.inf))
    felt = full | np.concatenate(([False], full[:-1]))  # what waits in one window is counted when it ends, maybe in the next
    worse, fine = known & bad, known & ~bad
    if worse.sum() < LEAST_BAD:
        return None
    share = float(felt[worse].mean())
    if share < MOSTLY:
        return None
    if fine.sum() >= LEAST_GOOD:
        usual = float(full[fine].mean())
        if usual > CONTRAST * share or _chance(felt, worse, fine) > CHANCE:
            return None
        strength, beside = share, f", and {format_share(round(usual, 2))} of the rest"
    elif share >= ALL_ALONG:
        strength, beside = share * WITHOUT_CONTRAST, ""
    else:
        return None
    level, most = float(np.nanmean(values[worse])), float(np.nanmax(values[worse]))
    unit = _unit(series.metric)
    named = f"{series.metric}{_whose(series)}"
    text = f"{named} is full (at least {shown}) in {format_share(round(share, 2))} of the time in which the gate fails{beside}"
    text += f": {show_value(round(level, 2), unit)} on average, {show_value(round(most, 2), unit)} at most"
    at = np.flatnonzero(full & worse) if np.any(full & worse) else np.flatnonzero(worse)
    span = course.span(int(at[0]), int(at[-1]) + 1)
    text += f", first at {format_duration(span[0])}"
    return cause(CauseKind.SATURATED, named, text, strength, span, level=level, most=most, share=share, threshold=float(np.nanmin(limits)))


def _chance(felt: Flags, worse: Flags, fine: Flags) -> float:
    """Of the windows that are full, as many or more among the worse ones by chance: Fisher's exact test, one-sided."""
    either = worse | fine
    n, k, m = int(either.sum()), int((felt & either).sum()), int(worse.sum())
    hit = int((felt & worse).sum())
    whole = math.comb(n, m)
    return sum(math.comb(k, i) * math.comb(n - k, m - i) for i in range(hit, min(k, m) + 1)) / whole


def _limit_ms(failed: Failed) -> float | None:
    unit = failed.gate.metric.unit
    return failed.gate.limit * SECONDS[unit] * 1e3 if unit in SECONDS and failed.upper else None


def _unit(metric: str) -> str:
    return next((known.unit for known in BUILT_IN if known.name == metric), "1")


def _whose(series: Series) -> str:
    tags = ",".join(f"{key}={value}" for key, value in series.tags if key != "probe")
    return f"{{{tags}}}" if tags else ""
