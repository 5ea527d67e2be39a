"""The gate on a leak when the same load came twice: a plateau adds next to nothing the second time, a leak as much again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadstone.errors import UsageError
from loadstone.judge.leak import FEWEST_READINGS, Answer, Finding, Sizes, judge_leak
from loadstone.judge.leak_evidence import LeakEvidence
from loadstone.judge.leak_gates import TARGET, sizes_of
from loadstone.judge.leak_text import explain
from loadstone.judge.level_history import Course, GaugeCourses
from loadstone.judge.limits import resolve
from loadstone.judge.panel import Asked
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.repeated import AGAIN
from loadstone.stats.troughs import LOW

FEWEST = FEWEST_READINGS // 2  # readings of each part: together as many as one part would need
AS_MUCH_SHARE = 0.6  # of what the first part added, the second at least

_STATUS = {Answer.LEAK: Status.FAIL, Answer.NO_LEAK: Status.PASS, Answer.CANNOT_TELL: Status.NO_DATA}
_WORST_FIRST = (Answer.LEAK, Answer.CANNOT_TELL, Answer.NO_LEAK)


@dataclass(frozen=True, slots=True)
class Twice:
    """What a level did under the same load twice, in its unit.

    first, second: added by each part
    finding:       of both parts as one; None with too few readings
    """

    answer: Answer
    first: float
    second: float
    readings: int
    finding: Finding | None = None


def compare_parts(first: Course, second: Course, sizes: Sizes) -> Twice:
    """What both parts say as one; where that cannot tell, by what the second part added.

    LEAK:    at least 60 % of what the first added, that is as much as a leak is at least, and it did not come to rest
    NO LEAK: less than what does not matter
    """
    readings = first.seen + second.seen
    if min(len(first.values), len(second.values)) < FEWEST:
        return Twice(Answer.CANNOT_TELL, 0.0, 0.0, readings)
    base, middle, end = _low(first.values, 0), _low(first.values, -1), _low(second.values, -1)
    added, again = middle - base, end - middle
    whole = judge_leak([*first.times_s, *second.times_s], [*first.values, *second.values], sizes)
    answer = whole.answer
    if answer is Answer.CANNOT_TELL:
        small = sizes.small(base)
        if again <= small:
            answer = Answer.NO_LEAK
        elif again >= max(AS_MUCH_SHARE * added, sizes.leak * small) and not _rests(second, sizes):
            answer = Answer.LEAK
    return Twice(answer, added, again, readings, whole)


def _rests(part: Course, sizes: Sizes) -> bool:
    return judge_leak(part.times_s, part.values, sizes).answer is Answer.NO_LEAK


def _low(values: list[float], end: int) -> float:
    """The low level of the first tenth (0) or the last (-1)."""
    tenth = max(1, len(values) // 10)
    return float(np.quantile(values[:tenth] if end == 0 else values[-tenth:], LOW))


class LeakAgainGate:
    """`leak(METRIC) = none` of a run with the same load twice (`loadstone.plan.repeated`).

    raises: UsageError for a gate that does not fit the catalogue
    """

    def __init__(self, asked: Asked) -> None:
        self._spec = asked.spec
        statement = parse_gate(asked.spec.text)
        if statement.stat != "leak":
            raise UsageError("judges leak(METRIC) = none", where=f"gate {asked.spec.text!r}", hint="leak(target.memory) = none")
        self._gate = resolve(statement, asked.catalogue)
        metric = self._gate.metric
        self._parts = [GaugeCourses(metric.name, statement.tags, metric.scale) for _ in range(2)]
        self._evidence = LeakEvidence() if metric.name.startswith(TARGET) else None
        self._second = False

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        self._second = self._second or _is_again(snapshot)
        if snapshot.judged:
            self._parts[self._second].see(snapshot)
            if self._evidence is not None:
                self._evidence.see(snapshot)
        return None

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        first, second = (part.courses for part in self._parts)
        found = [
            (series, compare_parts(first.get(series, Course()), course, sizes_of(self._gate.metric)))
            for series, course in sorted(second.items())
        ]
        if not found:
            reason = f"nothing was recorded for {self._gate.metric.name} in the second part"
            return Verdict(self._spec, Status.NO_DATA, None, 0.0, self._gate.unit, 0, reason)
        series, worst = min(found, key=lambda one: (_WORST_FIRST.index(one[1].answer), -one[1].second))
        reason = self._reason(worst, str(series) if len(found) > 1 else "")
        cause = self._evidence.cause(self._gate.metric.name) if self._evidence is not None and worst.answer is Answer.LEAK else None
        if cause is not None:
            reason += f"; {cause}"
        value = worst.second if worst.finding is not None else None
        return Verdict(self._spec, _STATUS[worst.answer], value, 0.0, self._gate.unit, worst.readings, reason, cause=cause)

    def _reason(self, twice: Twice, whose: str) -> str:
        head = f"{twice.answer.value}: {whose}: " if whose else f"{twice.answer.value}: "
        if twice.finding is None:
            return f"{head}{twice.readings} readings, and each part needs {FEWEST}; run longer"
        first, second = (show_value(added, self._gate.unit) for added in (max(0.0, twice.first), max(0.0, twice.second)))
        text = f"{head}the same load added {second} the second time, and {first} the first"
        if twice.answer is Answer.NO_LEAK:
            return text
        return f"{text}; as one: {explain(twice.finding, self._gate.unit)}"


def _is_again(snapshot: Snapshot) -> bool:
    return any(value.endswith(AGAIN) for series in snapshot.gauges for key, value in series.tags if key == "scenario")
