"""Causes that the sums of a run tell at once: the generator itself, what failures say, growth that a gate found."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from loadstone.judge.cause import Cause, CauseKind, Failed, cause
from loadstone.judge.course import RunCourse
from loadstone.judge.trust import CPU_BUSY_PERCENT, Level, Trust, examine
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.exchanges import exchanges
from loadstone.measure.snapshot import Failure, Series
from loadstone.stats.trend import FEWEST, trend
from loadstone.units import format_count, format_share

PUSHED_BACK = re.compile(r"(?:^|\bstatus )(429|503)\b")
LEAST_PUSHED_BACK = 0.01  # of the exchanges
LEAST_FAILURES = 5
MOST_OF = 0.5  # of the failures
DOUBTFUL = 0.5  # strength of a generator that is degraded: a doubt, not a verdict
TOGETHER_CHANCE = 0.001
TOGETHER = ("target.descriptors", "target.threads", "target.allocated_blocks", "target.heap", "target.connections", "target.processes")


def generator(trust: Trust, total: Aggregate) -> list[Cause]:
    """The load generator: when it was not fit, nothing can be said of the target; when it was late or busy, that is a doubt."""
    if trust.level is Level.OK or not trust.reasons:
        return []
    if trust.level is Level.UNTRUSTWORTHY:
        return [cause(CauseKind.GENERATOR, "generator", f"the load generator: {trust.reasons[0]}", 1.0)]
    health = examine(total)
    late = health.lag_p99_ms is not None and health.lag_p99_ms > health.lag_limit_ms
    busy = health.cpu_percent is not None and health.cpu_percent > CPU_BUSY_PERCENT
    if not late and not busy:
        return []  # a load that was not quite reached, or a clock that was set, makes no response slow
    reason = next((reason for reason in trust.reasons if reason.startswith("a worker" if not late else "sends")), trust.reasons[0])
    return [cause(CauseKind.GENERATOR, "generator", f"the load generator itself: {reason}", DOUBTFUL)]


def failures(failed: Failed, total: Aggregate) -> list[Cause]:
    """What most failures are, and whether the target pushed back; for gates that count failures or what got done."""
    gate = failed.gate
    about_errors = gate.spec.stat in {"rate", "count"} and gate.metric.better == "lower" and failed.upper
    if not about_errors and gate.spec.stat != "throughput":
        return []
    mine = {failure: count for failure, count in total.failures.items() if _concerns(failure, failed)}
    whole, asked = sum(mine.values()), exchanges(total)
    if whole < LEAST_FAILURES or not asked:
        return []
    return [*_pushed_back(mine, whole, asked), *_mostly(mine, whole)]


def _concerns(failure: Failure, failed: Failed) -> bool:
    tags = dict(failed.gate.spec.tags)
    checks = failed.gate.metric.name == "check.failures"
    return (
        tags.get("step", failure.step) == failure.step
        and tags.get("kind", failure.kind) == failure.kind
        and checks == (failure.kind == "check" and not failure.step)
    )


def _pushed_back(mine: Mapping[Failure, int], whole: int, asked: int) -> list[Cause]:
    codes: dict[str, int] = {}
    for failure, count in mine.items():
        code = PUSHED_BACK.search(failure.text) if failure.kind == "status" else None
        if code:
            codes[code[1]] = codes.get(code[1], 0) + count
    pushed = sum(codes.values())
    if pushed < max(LEAST_FAILURES, LEAST_PUSHED_BACK * asked) or pushed < MOST_OF * whole:
        return []
    named = " and ".join(f"status {code}" for code in sorted(codes, key=lambda code: -codes[code]))
    share = format_share(round(pushed / asked, 4))
    text = f"the target turned {format_count(pushed)} of {format_count(asked)} requests away with {named} ({share})"
    return [cause(CauseKind.PUSHBACK, named, text, pushed / whole, count=pushed, share=pushed / asked)]


def _mostly(mine: Mapping[Failure, int], whole: int) -> list[Cause]:
    failure = max(mine, key=lambda one: (mine[one], one))
    share = mine[failure] / whole
    if share < MOST_OF:
        return []
    where = f" in {failure.step}" if failure.step else ""
    text = f"{format_share(round(share, 3))} of {format_count(whole)} failures are {failure.kind}{where}: {failure.text}"
    return [cause(CauseKind.FAILURES, failure.kind, text, share, count=mine[failure], share=share)]


def growth(failed: Failed, course: RunCourse) -> list[Cause]:
    """What a gate about growth found, and what rises together with it."""
    spec = failed.gate.spec
    if spec.stat not in {"leak", "growth", "drift"}:
        return []
    kind = CauseKind.RISING if spec.stat == "drift" else CauseKind.GROWTH
    also = _rising_with(failed.gate.metric.name, course) if kind is CauseKind.GROWTH else []
    text = f"{failed.gate.metric.name}: {failed.verdict.reason}" + (f"; with it rise {', '.join(also)}" if also else "")
    return [cause(kind, failed.gate.metric.name, text, 1.0, value=failed.verdict.value or 0.0, also=len(also))]


def _rising_with(name: str, course: RunCourse) -> list[str]:
    found = []
    for series in course.level_names():
        values = course.level(series)
        known = ~np.isnan(values)
        if series.metric not in TOGETHER or series.metric == name or known.sum() < max(FEWEST, 8):
            continue
        at, levels = course.at_s[known], values[known]
        slope = trend(at, levels)
        if slope.p < TOGETHER_CHANCE and slope.low * (at[-1] - at[0]) > 0.05 * abs(float(np.median(levels))):
            found.append(_per_minute(series, slope.slope))
    return found


def _per_minute(series: Series, per_s: float) -> str:
    return f"{series.metric} by {format_count(round(per_s * 60, 1))} a minute"
