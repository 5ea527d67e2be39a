"""What a gate looks at, read from a stretch of a run: a value, how sure it is, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from loadstone.judge.limits import ReadyGate, base_tags
from loadstone.judge.verdict import Status
from loadstone.measure.catalogue import Kind
from loadstone.measure.snapshot import View
from loadstone.measure.under_load import seconds_under_load
from loadstone.plan.gate_text import COURSE_STATS
from loadstone.stats.histogram import Histogram
from loadstone.stats.quantiles import Interval, quantile_interval, share_interval
from loadstone.units import nearest


@dataclass(frozen=True, slots=True)
class Reading:
    """A value in the gate's displayed unit.

    low, high: the value is known to lie here; the same number unless some values are only known to be long
    samples:   values, or events of the denominator, that it rests on
    interval:  where the true value lies with 95 % confidence, for quantiles and shares
    missing:   why there is no value; empty when there is one
    """

    low: float = math.nan
    high: float = math.nan
    samples: int = 0
    interval: Interval | None = None
    missing: str = ""

    def status(self, op: str, limit: float) -> Status:
        """PASS when the statement holds wherever the value may lie, FAIL when nowhere, else NO DATA."""
        if self.missing:
            return Status.NO_DATA
        ends = {_holds(self.low, op, limit), _holds(self.high, op, limit)}
        if len(ends) > 1 or (op == "==" and self.low < limit < self.high):
            return Status.NO_DATA
        return Status.PASS if ends.pop() else Status.FAIL


def read(gate: ReadyGate, view: View, *, quiet_is_zero: bool = False) -> Reading:
    """What the gate's statistic was over a stretch.

    quiet_is_zero: a count without a series is 0 here; for windows of a run in which the series is known to exist
    """
    tags = dict(gate.spec.tags)
    if gate.spec.stat in COURSE_STATS:
        return Reading(missing=f"{gate.spec.stat} is read from the course of a run, by a gate")
    if gate.metric.kind is Kind.DISTRIBUTION:
        return _of_distribution(gate, view, tags)
    if gate.metric.kind is Kind.COUNT:
        return _of_count(gate, view, tags, quiet_is_zero=quiet_is_zero)
    return _of_gauge(gate, view, tags)


def _of_distribution(gate: ReadyGate, view: View, tags: Mapping[str, str]) -> Reading:
    histogram = view.distribution(gate.metric.name, tags)
    if histogram is None or histogram.count + histogram.beyond == 0:
        return Reading(missing=_why_missing(view, gate.metric.name, tags))
    samples, scale = histogram.count + histogram.beyond, gate.metric.scale
    if samples < gate.floor:
        missing = f"too few samples for {gate.spec.stat} ({samples} of {gate.floor}); `allow_few: true` judges them all the same"
        return Reading(missing=missing)
    if gate.spec.q is not None:
        value = histogram.quantile(gate.spec.q) / scale
        low, high = quantile_interval(histogram, gate.spec.q)
        return Reading(value, value, samples, Interval(low / scale, high / scale))
    if gate.spec.stat == "count":
        return Reading(samples, samples, samples)
    low, high = _range(gate.spec.stat, histogram)
    return Reading(low / scale, high / scale, samples)


def _range(stat: str, histogram: Histogram) -> tuple[float, float]:
    """Where min, max, mean or sum lies; a value that never came back is longer than all others, and nobody knows how long."""
    if histogram.count == 0:
        return math.inf, math.inf
    if stat == "min":
        return histogram.min, histogram.min
    if stat == "max":
        return (math.inf, math.inf) if histogram.beyond else (histogram.max, histogram.max)
    least_sum = histogram.total + histogram.beyond * histogram.max
    most_sum = math.inf if histogram.beyond else least_sum
    samples = histogram.count + histogram.beyond
    return (least_sum, most_sum) if stat == "sum" else (least_sum / samples, most_sum / samples)


def _of_count(gate: ReadyGate, view: View, tags: Mapping[str, str], *, quiet_is_zero: bool) -> Reading:
    metric = gate.metric
    count = view.count(metric.name, tags)
    whole = base_tags(tags.items())
    base = view.count(metric.share_of, whole) if metric.share_of else None
    if gate.spec.stat == "rate":
        if not base:
            what = _why_missing(view, metric.share_of or "", whole) if base is None else f"{metric.share_of} is 0, and a share of 0 is none"
            return Reading(missing=what)
        hits = count or 0
        share = hits / base * 100
        sure = share_interval(hits, base) if 0 <= hits <= base else None
        return Reading(share, share, base, Interval(sure.low * 100, sure.high * 100) if sure else None)
    if count is None and (base or quiet_is_zero):
        count = 0  # exchanges without errors write no error series: a true zero
    if count is None:
        return Reading(missing=_why_missing(view, metric.name, tags))
    value = count / metric.scale
    if gate.spec.stat == "throughput":
        seconds = seconds_under_load(view, metric.name, tags)
        if seconds <= 0:
            return Reading(missing="no time has passed")
        value /= seconds
    return Reading(value, value, count)


def _of_gauge(gate: ReadyGate, view: View, tags: Mapping[str, str]) -> Reading:
    gauge = view.gauge(gate.metric.name, tags)
    if gauge is None or gauge.count == 0:
        return Reading(missing=_why_missing(view, gate.metric.name, tags))
    value = {"last": gauge.last, "min": gauge.least, "max": gauge.greatest, "mean": gauge.mean}[gate.spec.stat] / gate.metric.scale
    if math.isnan(value):
        return Reading(missing=f"{gate.metric.name} was not a number")
    return Reading(value, value, gauge.count)


def _why_missing(view: View, metric: str, tags: Mapping[str, str]) -> str:
    """Why no series fits, with the values that there are."""
    series = view.series(metric)
    if not series:
        return f"nothing was recorded for {metric}"
    for key, value in tags.items():
        known = sorted({own for one in series for name, own in one.tags if name == key})
        if not known:
            keys = sorted({name for one in series for name, _ in one.tags})
            return f"no value of {metric} has the tag {key!r}; known tags: {', '.join(keys) or 'none'}{nearest(key, keys)}"
        if value not in known:
            shown = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
            return f"no value of {metric} has {key}={value}; known: {shown}{nearest(value, known)}"
    return f"no value of {metric} has all of these tags together" if tags else f"nothing was recorded for {metric}"


def _holds(value: float, op: str, limit: float) -> bool:
    if op == "<":
        return value < limit
    if op == "<=":
        return value <= limit
    if op == ">":
        return value > limit
    if op == ">=":
        return value >= limit
    return value == limit
