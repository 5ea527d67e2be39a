"""The greatest step of a rising load at which a scenario kept its limits, and the first at which it did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadstone.errors import UsageError
from loadstone.judge.panel import Asked
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.measure.snapshot import Snapshot, View
from loadstone.stats.histogram import Histogram
from loadstone.units import format_duration, format_share

Q, NS_PER_S = 0.95, 1e9
SERVED, LATE = 0.95, 2  # of the arrivals of a step must be answered within it, but for two at its end: else a queue grows
SAME = 0.02  # two seconds whose loads differ by less are of one step
FEWEST = 20  # answers and dropped arrivals of a step; fewer say nothing of a percentile
# What the target takes, as it is told: metric, words, unit.
TAKEN = (("target.cpu", "CPU {}", "%"), ("target.memory", "memory {}", "B"), ("target.descriptors", "{} descriptors", "1"))
EXAMPLE = "{kind: breaking_point, gate: breaking point, settings: {scenario: rising, above: 50, p95_s: 1, errors: 0.01}}"


@dataclass(slots=True)
class _Step:
    load: float
    times: Histogram = field(default_factory=Histogram)
    requests: int = 0
    errors: int = 0
    seconds: int = 0
    began_s: float = 0.0
    levels: dict[str, float] = field(default_factory=dict)  # the greatest of each that the target was seen to take


class BreakingPointGate:
    """Steps of load upwards (`kind: stages` with `shape: step`): the last one that was borne must be greater than `above`.

    A step is borne while p95 of its response times is at most `p95_s`, at most the share `errors` of its requests fail (arrivals that
    were dropped have failed), and, of a rate, 95 % of what arrives is answered, so that no queue grows. Its first second is left out:
    what was sent before ends in it. Where every step was borne, the last is "at least": a pass when it is enough, else no data.

    raises: UsageError for settings that cannot be meant
    """

    def __init__(self, asked: Asked) -> None:
        self._spec, settings = asked.spec, _settings(asked.settings)
        self._tags = {"scenario": str(settings["scenario"])}
        self._above, self._p95_s, self._errors = (float(settings[key]) for key in ("above", "p95_s", "errors"))
        self._unit = "1"
        self._steps: list[_Step] = []

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        load = self._load(snapshot) if snapshot.judged else 0.0
        if load <= 0:
            return None
        if not self._steps or load > self._steps[-1].load * (1 + SAME):
            self._steps.append(_Step(load, began_s=snapshot.start_s))
        elif load >= self._steps[-1].load * (1 - SAME):
            self._add(self._steps[-1], snapshot)
            _take(self._steps[-1], snapshot)
        return None  # what is lower comes after the greatest: the way back is the recovery's

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        borne, broken, why, enough = None, None, "", [step for step in self._steps if step.requests >= FEWEST]
        for step in enough:
            why = self._broken(step)
            if why:
                broken = step
                break
            borne = step
        samples = sum(step.requests for step in enough)
        if borne is None and broken is None:
            reason = f"no step of the load had {FEWEST} requests after its first second"
            return Verdict(self._spec, Status.NO_DATA, None, self._above, self._unit, 0, reason)
        at_s = broken.began_s if broken else None
        if borne is None:
            reason = f"not even the first step, {self._shown(enough[0].load)}, was borne: {why}{self._limits(broken)}"
            return Verdict(self._spec, Status.FAIL, None, self._above, self._unit, samples, reason, at_s)
        if broken is None:
            status = Status.PASS if borne.load > self._above else Status.NO_DATA
            reason = f"at least {self._shown(borne.load)}: every step was borne{self._limits(borne)}"
        else:
            status = Status.PASS if borne.load > self._above else Status.FAIL
            reason = f"{self._shown(borne.load)} was borne, {self._shown(broken.load)} was not: {why}{self._limits(borne, broken)}"
        return Verdict(self._spec, status, borne.load, self._above, self._unit, samples, reason, at_s)

    def _load(self, snapshot: Snapshot) -> float:
        for metric, unit in (("load.target_rate", "/s"), ("load.users", "1")):
            levels = [gauge.least for series, gauge in snapshot.gauges.items() if series.metric == metric and series.carries(self._tags)]
            if levels:
                self._unit = unit
                return sum(levels)
        return 0.0

    def _add(self, step: _Step, snapshot: Snapshot) -> None:
        step.seconds += 1
        for series, histogram in snapshot.distributions.items():
            if series.metric == "http.response_time" and series.carries(self._tags):
                step.times.merge(histogram)
        for series, count in snapshot.counts.items():
            if series.metric in {"http.requests", "http.errors", "load.dropped"} and series.carries(self._tags):
                step.requests += count if series.metric != "http.errors" else 0
                step.errors += count if series.metric != "http.requests" else 0

    def _broken(self, step: _Step) -> str:
        share = step.errors / step.requests
        if share > self._errors:
            return f"{format_share(round(share, 4))} of its requests failed, more than {format_share(self._errors)}"
        asked = step.load * step.seconds
        if self._unit == "/s" and step.requests < SERVED * asked - LATE:
            return f"{step.requests / step.seconds:.4g}/s were answered"
        p95_s = step.times.quantile(Q) / NS_PER_S if step.times.count + step.times.beyond else 0.0
        return f"p95 {format_duration(p95_s)} is more than {format_duration(self._p95_s)}" if p95_s > self._p95_s else ""

    def _limits(self, *steps: _Step | None) -> str:
        """What the target took at the most in these steps, where somebody watched it."""
        told = [f"at {self._shown(step.load)} {_taken(step)}" for step in steps if step is not None and step.levels]
        return f"; the target took {', '.join(told)}" if told else ""

    def _shown(self, load: float) -> str:
        return f"{load:.4g}{'/s' if self._unit == '/s' else ' users'}"


def _take(step: _Step, snapshot: Snapshot) -> None:
    for series, gauge in snapshot.gauges.items():
        if series.metric in {metric for metric, _, _ in TAKEN} and gauge.count:
            step.levels[series.metric] = max(step.levels.get(series.metric, 0.0), gauge.greatest)


def _taken(step: _Step) -> str:
    return " and ".join(words.format(show_value(step.levels[metric], unit)) for metric, words, unit in TAKEN if metric in step.levels)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {"scenario": "", "above": 0.0, "p95_s": 1.0, "errors": 0.01}
    unknown, settings = sorted(given.keys() - known.keys()), {**known, **given}
    numbers = [settings[key] for key in ("above", "p95_s", "errors")]
    if unknown or not settings["scenario"] or not all(isinstance(each, int | float) and each >= 0 for each in numbers):
        what = f"unknown setting {unknown[0]!r}" if unknown else "scenario is a name; above, p95_s and errors are numbers from 0 on"
        raise UsageError(what, where="gate of kind breaking_point", hint=EXAMPLE)
    return settings
