"""Gates about the course of a run: `leak(target.memory) = none`, `drift(http.response_time) = none`, `growth(target.memory) < 500MB`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loadstone.errors import NoSamples
from loadstone.judge.leak import COUNTED, LATENCY, MEMORY, PERCENT, Answer, Finding, Sizes, judge_leak
from loadstone.judge.leak_evidence import LeakEvidence
from loadstone.judge.leak_text import explain
from loadstone.judge.level_history import Course, GaugeCourses, ValueCourse
from loadstone.judge.limits import ReadyGate
from loadstone.judge.readings import Reading, read
from loadstone.judge.restarts import Restarts, Stretch
from loadstone.judge.stretch import narrow
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Kind, Metric
from loadstone.measure.exchanges import exchanges
from loadstone.measure.snapshot import Series, Snapshot, View
from loadstone.plan.gate_text import COURSE_STATS
from loadstone.stats.trend import Levels
from loadstone.stats.troughs import LOW
from loadstone.units import BYTES, SECONDS

FEWEST_FOR_GROWTH = 20  # readings: a tenth of them is then more than one
PRESENT = 0.5  # a series that lived for less of the time than this share of the longest one's says nothing about the run
MIDDLE = 0.5
TARGET = "target."

_STATUS = {Answer.LEAK: Status.FAIL, Answer.NO_LEAK: Status.PASS, Answer.CANNOT_TELL: Status.NO_DATA}
_WORST_FIRST = (Answer.LEAK, Answer.CANNOT_TELL, Answer.NO_LEAK)


@dataclass(frozen=True, slots=True)
class Found:
    """What one series of the metric does.

    between: restarts of its target that were judged, where there were some
    """

    series: Series
    finding: Finding
    now: float
    between: Stretch | None = None


def is_about_course(gate: ReadyGate) -> bool:
    """Does the gate need the course of the run, and not only its sums?"""
    return gate.spec.stat in COURSE_STATS


class CourseWatch:
    """One such gate: sees every judged second, and answers at the end."""

    def __init__(self, gate: ReadyGate) -> None:
        self.gate = gate
        self._evidence = LeakEvidence() if gate.spec.stat == "leak" and gate.metric.name.startswith(TARGET) else None
        self._restarts = Restarts()
        metric, tags = gate.metric, gate.spec.tags
        if metric.kind is Kind.GAUGE:
            self._history: GaugeCourses | ValueCourse = GaugeCourses(metric.name, tags, metric.scale)
        else:
            self._history = ValueCourse(Series(metric.name, tags), self._of_second)

    def see(self, snapshot: Snapshot) -> None:
        """One more second that is judged."""
        if self._evidence is not None:
            self._evidence.see(snapshot)
            self._restarts.see(snapshot)
        names = [name for name in (self.gate.metric.name, self.gate.metric.share_of) if name]
        self._history.see(narrow(snapshot, names))

    def findings(self) -> list[Found]:
        """What each series does, the worst first."""
        longest = max((course.seen for course in self._history.courses.values()), default=0)
        found = [
            self._found(series, course)
            for series, course in sorted(self._history.courses.items())
            if course.values and course.seen >= PRESENT * longest
        ]
        return sorted(found, key=lambda one: (_WORST_FIRST.index(one.finding.answer), -one.finding.rate))

    def _found(self, series: Series, course: Course) -> Found:
        """Of a target that was started again what the longest time between says: a leak over restarts is a saw-tooth."""
        low = MIDDLE if self.gate.spec.stat == "drift" else LOW
        between = self._restarts.between(series)
        times, values = np.asarray(course.times_s), self._upwards(course)
        if between is not None:
            times, values = between.of(times, values)
        return Found(series, judge_leak(times, values, sizes_of(self.gate.metric), q=low), course.values[-1], between)

    def verdict(self, view: View) -> Verdict:
        """The answer for the whole run: that of the series which is worst."""
        gate = self.gate
        unit = f"{gate.unit}/s" if gate.unit != "1" else "/s"
        if gate.spec.stat == "growth":
            return self._growth_verdict()
        found = self.findings()
        if not found:
            return Verdict(gate.spec, Status.NO_DATA, None, gate.limit, unit, 0, f"nothing was recorded for {gate.metric.name}")
        worst = found[0]
        finding = worst.finding
        seconds = view.seconds
        reason = explain(
            finding,
            gate.unit,
            what="drift" if gate.spec.stat == "drift" else "leak",
            whose=str(worst.series) if len(found) > 1 else "",
            per_s=exchanges(view) / seconds if seconds and gate.spec.stat == "leak" else 0.0,
            exhausted_s=finding.exhausted_in_s(worst.now, limit) if (limit := self._limit(view, worst.series)) is not None else None,
            restarting=worst.between is not None and worst.between.times > 1,
        )
        sure = (finding.low, finding.high) if finding.whole is not None and np.isfinite([finding.low, finding.high]).all() else (None, None)
        value = finding.rate if finding.whole is not None else None
        at_s = finding.settled_s if finding.answer is Answer.LEAK else None
        cause = self._evidence.cause(gate.metric.name) if self._evidence is not None and finding.answer is Answer.LEAK else None
        reason += f"; {worst.between}" if worst.between is not None else ""
        reason += f"; {cause}" if cause is not None else ""
        return Verdict(gate.spec, _STATUS[finding.answer], value, gate.limit, unit, finding.readings, reason, at_s, sure[0], sure[1], cause)

    def _growth_verdict(self) -> Verdict:
        gate = self.gate
        courses = {series: course for series, course in self._history.courses.items() if course.seen >= FEWEST_FOR_GROWTH}
        if not courses:
            most = max((course.seen for course in self._history.courses.values()), default=0)
            missing = f"{most} readings of {gate.metric.name}; growth needs {FEWEST_FOR_GROWTH}"
            return Verdict(gate.spec, Status.NO_DATA, None, gate.limit, gate.unit, most, missing)
        grown = {series: growth(course) for series, course in courses.items()}
        pick = max if gate.spec.op.startswith("<") else min
        series = pick(grown, key=grown.__getitem__)
        value = grown[series]
        status = Reading(value, value).status(gate.spec.op, gate.limit)
        whose = f" of {series}" if len(courses) > 1 else ""
        holds = "is" if status is Status.PASS else "is not"
        reason = f"{show_value(value, gate.unit)}{whose} {holds} {gate.spec.op} {show_value(gate.limit, gate.unit)}"
        return Verdict(gate.spec, status, value, gate.limit, gate.unit, courses[series].seen, reason)

    def _of_second(self, view: Aggregate) -> float | None:
        metric, tags = self.gate.metric, dict(self.gate.spec.tags)
        if metric.kind is Kind.COUNT:
            share = read(_rate_of(self.gate), view)
            return None if share.missing else share.low
        histogram = view.distribution(metric.name, tags)
        if histogram is None:
            return None
        try:
            return histogram.quantile(MIDDLE) / metric.scale
        except NoSamples:
            return None

    def _upwards(self, course: Course) -> Levels:
        """Values turned so that worse is up."""
        values = np.asarray(course.values)
        return -values if self.gate.spec.stat == "drift" and self.gate.metric.better == "higher" else values

    def _limit(self, view: View, series: Series) -> float | None:
        """Where the level must end: the metric's own limit, when a probe reads one (`target.memory` and `target.memory_limit`)."""
        gauge = view.gauge(f"{self.gate.metric.name}_limit", dict(series.tags)) or view.gauge(f"{self.gate.metric.name}_limit")
        return gauge.last / self.gate.metric.scale if gauge is not None and gauge.count else None


def growth(course: Course) -> float:
    """How much higher the level lies in the last tenth of its readings than in the first; of each tenth its lowest tenth."""
    values = np.asarray(course.values)
    tenth = max(1, len(values) // 10)
    return float(np.quantile(values[-tenth:], LOW) - np.quantile(values[:tenth], LOW))


def sizes_of(metric: Metric) -> Sizes:
    """How much growth of a metric counts, by its unit."""
    if metric.unit in BYTES:
        return Sizes(MEMORY.least / BYTES[metric.unit], MEMORY.share)
    if metric.unit in SECONDS:
        return LATENCY
    return PERCENT if metric.unit == "%" or metric.share_of else COUNTED


def _rate_of(gate: ReadyGate) -> ReadyGate:
    return replace(gate, spec=replace(gate.spec, stat="rate"))
