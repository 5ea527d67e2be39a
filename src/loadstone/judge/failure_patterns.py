"""Failures by type and step: how they lie in time, and for which payloads they come more often than for others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadstone.judge.course import RunCourse
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.exchanges import FAILED
from loadstone.stats.lift import lift
from loadstone.stats.stretches import FEWEST, densest_stretch
from loadstone.stats.trend import Levels

MOST_PATTERNS = 12
MOST_TAGS = 3
MOST_VALUES = 50
LEAST = 5  # failures of a type in a step; fewer make no pattern
LEAST_LIFT = 1.5  # lower end of its 99 % interval
CHANCE = 0.01
LEAST_RATIO = 3.0
LEAST_SHARE = 0.5
FEWEST_PERIODS = 3
CLUMPED = 1.5  # variance ÷ mean; 1 is chance alone (Poisson), and regular failures at a fixed share have less
PERIOD_SHARE = 0.25  # of the variation that a period explains at least
WHOLE_OF = {
    "http.errors": "http.requests",
    "ws.errors": "ws.messages_out",
    "ws.connect_failures": "ws.connects",
    "voice.call_errors": "voice.calls",
    "call.errors": "call.requests",
}
RESULTS = frozenset({"kind", "outcome", "step", "worker", "code"})


class Timing(StrEnum):
    """How failures lie in time."""

    STEADY = "steady"
    BURST = "burst"
    AT_FIRST = "at first"
    FROM_THEN_ON = "from then on"
    PERIODIC = "periodic"
    UNKNOWN = "unknown"  # too few windows, or too few failures


@dataclass(frozen=True, slots=True)
class TagLift:
    """How much more often failures of a type come with this tag than without.

    low, high: 99 % interval of the ratio
    """

    tag: str
    value: str
    failures: int
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FailurePattern:
    """Failures of one type in one step.

    text:   the most frequent one; texts: how many different ones there are
    share:  of all failures
    from_s, to_s: of a stretch; period_s: of a period, None without
    """

    kind: str
    step: str
    text: str
    texts: int
    count: int
    share: float
    timing: Timing
    from_s: float | None = None
    to_s: float | None = None
    period_s: float | None = None
    tags: tuple[TagLift, ...] = ()


def failure_patterns(course: RunCourse, total: Aggregate) -> tuple[FailurePattern, ...]:
    """The patterns, most frequent first, at most twelve; none without failures."""
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for failure, count in total.failures.items():
        groups.setdefault((failure.kind, failure.step), {})[failure.text] = count
    whole = sum(total.failures.values())
    found = []
    for (kind, step), texts in sorted(groups.items(), key=lambda group: (-sum(group[1].values()), group[0]))[:MOST_PATTERNS]:
        count = sum(texts.values())
        if count < LEAST:
            continue
        often = max(texts, key=lambda text: (texts[text], text))
        timing, span, period_s = _timing(course, kind, step)
        tags = tuple(sorted(_tags(total, kind, step), key=lambda one: -one.low)[:MOST_TAGS])
        found.append(FailurePattern(kind, step, often, len(texts), count, count / whole, timing, *span, period_s, tags))
    return tuple(found)


def _timing(course: RunCourse, kind: str, step: str) -> tuple[Timing, tuple[float | None, float | None], float | None]:
    events = np.array([window.failures.get((kind, step), 0) for window in course.windows], dtype=float)
    base = np.array([window.asked.get(step, 0) or window.served for window in course.windows], dtype=float)
    base = np.maximum(base, events)
    if len(events) < FEWEST or events.sum() < LEAST:
        return Timing.UNKNOWN, (None, None), None
    period = _period(course.at_s, events)
    if period is not None:
        return Timing.PERIODIC, (None, None), period
    found = densest_stretch(events, base)
    if found is None or found.p > CHANCE or found.ratio < LEAST_RATIO or found.share < LEAST_SHARE:
        return Timing.STEADY, (None, None), None
    span = course.span(found.begin, found.end)
    if found.end == len(events):
        return Timing.FROM_THEN_ON, span, None
    return (Timing.AT_FIRST if found.begin == 0 else Timing.BURST), span, None


def _period(at_s: Levels, events: Levels) -> float | None:
    """The period that explains most, when chance explains as much once in a hundred courses: Fisher's g-test (1929).

    At least three periods must fit; of a train of peaks the harmonics count with their fundamental.
    """
    n = len(events)
    if n < 4 * FEWEST_PERIODS or events.var() < CLUMPED * events.mean():
        return None
    power = np.abs(np.fft.rfft(events - events.mean())[1 : (n - 1) // 2 + 1]) ** 2
    if power.sum() <= 0:
        return None
    best = int(np.argmax(power))
    g, m = float(power[best] / power.sum()), len(power)
    chance = min(1.0, m * math.exp((m - 1) * math.log1p(-min(g, 1 - 1e-12))))
    if chance > CHANCE:
        return None
    fundamental = next((k for k in range(best) if (best + 1) % (k + 1) == 0 and power[k] > 0.3 * power[best]), best)
    cycles = fundamental + 1
    together = float(power[[k for k in range(m) if (k + 1) % cycles == 0]].sum() / power.sum())
    if cycles < FEWEST_PERIODS or together < PERIOD_SHARE:
        return None
    return float((at_s[-1] - at_s[0]) / (n - 1) * n / cycles)


def _tags(total: Aggregate, kind: str, step: str) -> Iterator[TagLift]:
    """Values of tags for which failures of this type come more often, with 99 % confidence."""
    wanted = {"step": step} if step else {}
    for metric in FAILED:
        values: dict[str, set[str]] = {}
        for series in total.series(WHOLE_OF[metric]):
            if series.carries(wanted):
                for key, value in series.tags:
                    if key not in RESULTS:
                        values.setdefault(key, set()).add(value)
        failed = total.count(metric, {**wanted, "kind": kind}) or 0
        asked = total.count(WHOLE_OF[metric], wanted) or 0
        for key, known in sorted(values.items()):
            if failed < LEAST or not 2 <= len(known) <= MOST_VALUES:
                continue
            for value in sorted(known):
                inside = total.count(metric, {**wanted, "kind": kind, key: value}) or 0
                base = total.count(WHOLE_OF[metric], {**wanted, key: value}) or 0
                found = lift(inside, base, failed - inside, asked - base)
                if found is not None and inside >= LEAST and found.low >= LEAST_LIFT:
                    yield TagLift(key, value, inside, found.ratio, found.low, found.high)
