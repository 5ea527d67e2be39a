"""The gate on what a change did: `regression(p95(http.response_time)) < 10%`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadstone.errors import UsageError
from loadstone.judge.baseline_rule import FEWEST, Comparison
from loadstone.judge.beside import Beside, Compared, PastRun, compare
from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.figures import Asked as Figure
from loadstone.judge.figures import asked_for, main_figures
from loadstone.judge.panel import Asked
from loadstone.judge.regression_rules import PRESETS, RegressionRules
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.regression_text import EXAMPLE

MOST_TOLD = 3
NO_BASELINE = "nothing to compare with: --baseline NAME, after loadstone baseline save NAME RUN"


class _ThisRun:
    """The run that goes on, to be put beside what was kept; its course is kept only where one earlier run is all there is."""

    def __init__(self, asked: Asked, name: str) -> None:
        self.beside: Beside | None = asked.past.baseline(name) if asked.past else None
        self._machine = asked.past.machine if asked.past else {}
        self._doubted = tuple(asked.past.doubted) if asked.past else ()
        self._sections = Sections() if self.beside is not None and len(self.beside.runs) == 1 else None

    def see(self, snapshot: Snapshot) -> None:
        """One more second."""
        if self._sections is not None:
            self._sections.add(snapshot)

    def compared(self, beside: Beside, view: View, figures: Sequence[Figure], rules: RegressionRules) -> Compared:
        """All that was judged, beside what was kept; as one more run after those that were worse, where it is to confirm them.

        Beside one earlier run alone, each run is judged by itself: to fail, the confirming one has to be worse as well.
        """
        parts = [section.aggregate() for section in self._sections.so_far()] if self._sections is not None else []
        this = PastRun("this run", view, parts, self._machine)
        if self._doubted and len(beside.runs) > 1:
            return compare(beside, Beside("this run", self._doubted), figures, rules, confirming=this)
        return compare(beside, Beside("this run", [this]), figures, rules)


class RegressionGate:
    """Worse fails, not worse and better pass, and what nobody can tell is no data.

    raises: UsageError for settings that cannot be meant, a figure that is not known, and a baseline that is not there
    """

    def __init__(self, asked: Asked) -> None:
        self._spec = asked.spec
        self._limit, name = _settings(asked.settings)
        self._figure = asked_for(str(asked.settings["figure"]), asked.catalogue)
        self._run = _ThisRun(asked, name)

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate; a regression is judged at the end."""
        self._run.see(snapshot)
        return None

    def check(self, view: View) -> Verdict:
        """See Gate."""
        beside = self._run.beside
        if beside is None:
            return self._verdict(Status.NO_DATA, NO_BASELINE)
        rules = RegressionRules(named={self._figure.figure.name: self._limit})
        compared = self._run.compared(beside, view, [self._figure], rules)
        (difference,) = compared.found.differences
        statuses = {Answer.WORSE: Status.FAIL, Answer.CANNOT_TELL: Status.NO_DATA}
        verdict = self._verdict(statuses.get(difference.answer, Status.PASS), _reason(difference, beside), difference)
        return replace(verdict, collecting=_collecting(beside, compared.found))

    def _verdict(self, status: Status, reason: str, difference: Difference | None = None) -> Verdict:
        """By how much it is worse: in per cent of what it was, a share in points, as its limit is meant."""
        figure, limit = self._figure.figure, self._limit * 100
        sign, unit = 1.0 if figure.better == "lower" else -1.0, "points" if figure.is_share else "%"
        if difference is None or difference.before is None or difference.after is None:
            return Verdict(self._spec, status, None, limit, unit, 0, reason)
        effect, whole = difference.effect, difference.before if figure.is_share else 100.0
        ends = sorted(sign * (ratio - 1) * whole for ratio in (effect.low, effect.high)) if effect is not None else []
        if figure.is_share:
            value: float | None = sign * (difference.after - difference.before)
        else:
            value = sign * (effect.ratio - 1) * whole if effect is not None else None
        low, high = ends if ends and all(map(math.isfinite, ends)) else (None, None)
        samples = difference.samples_after
        return Verdict(self._spec, status, value, limit, unit, samples, reason, low=low, high=high)


class BaselineGate:
    """Nothing that matters is worse than a baseline: response time, failures, the target's memory and CPU, each agent.

    settings: `baseline`, the name; `rules`, a preset of limits; `limit`, one limit for all
    raises:   UsageError for settings that cannot be meant, LoadstoneError for a baseline that is not there
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._rules = _rules(asked.settings)
        self._run = _ThisRun(asked, str(asked.settings.get("baseline") or ""))

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate; judged at the end."""
        self._run.see(snapshot)
        return None

    def check(self, view: View) -> Verdict:
        """See Gate; the value is the number of figures that are worse."""
        beside = self._run.beside
        if beside is None:
            return Verdict(self._asked.spec, Status.NO_DATA, None, 0, "1", 0, NO_BASELINE)
        compared = self._run.compared(beside, view, main_figures(view, self._asked.catalogue), self._rules)
        differences = compared.found.differences
        worse = [each for each in differences if each.answer is Answer.WORSE]
        unclear = [each for each in differences if each.answer is Answer.CANNOT_TELL]
        status = Status.FAIL if worse else Status.NO_DATA if unclear or not differences else Status.PASS
        told = [f"{each.figure} {_reason(each, beside)}" for each in (*worse, *unclear)][:MOST_TOLD]
        reason = compared.found.refused or "; ".join(told) or f"{len(differences)} figures are not worse than {beside.name}"
        collecting = _collecting(beside, compared.found)
        value = float(len(worse)) if differences else None
        return Verdict(self._asked.spec, status, value, 0, "1", len(differences), reason, collecting=collecting)


def _collecting(beside: Beside, found: Comparison) -> bool:
    """Does nobody know only because the baseline has too few runs, and not because this run lacks something, or is worse?"""
    if not beside.runs:
        return True
    unclear = [each for each in found.differences if each.answer is Answer.CANNOT_TELL]
    few = len(beside.runs) < FEWEST and not found.worse and not found.refused
    return few and bool(unclear) and all(each.after is not None for each in unclear)


def _rules(settings: Mapping[str, Any]) -> RegressionRules:
    preset, limit = settings.get("rules", "default"), settings.get("limit")
    wrong = set(settings) - {"baseline", "rules", "limit"} or preset not in PRESETS
    if wrong or not (limit is None or (isinstance(limit, int | float) and 0 < limit < 10)):
        hint = f"{{baseline: main, rules: {' or '.join(PRESETS)}, limit: 0.15}}"
        raise UsageError(f"{dict(settings)} are no settings of a baseline", where="gate of kind baseline", hint=hint)
    return PRESETS[preset] if limit is None else replace(PRESETS[preset], times=limit, rates=limit, resources=limit)


def _settings(settings: Mapping[str, Any]) -> tuple[float, str]:
    unknown = set(settings) - {"figure", "limit", "baseline"}
    limit = settings.get("limit")
    if unknown or not isinstance(limit, int | float) or not 0 < limit < 10 or not settings.get("figure"):
        raise UsageError(f"{dict(settings)} are no settings of a regression", where="gate of kind regression", hint=EXAMPLE)
    return float(limit), str(settings.get("baseline") or "")


def _reason(difference: Difference, beside: Beside) -> str:
    named = difference.severity if difference.severity is not Severity.NONE else ""
    suspected = f"{difference.suspected} suspected" if difference.suspected is not Severity.NONE else ""
    label = ", ".join(str(part) for part in (difference.answer, named or suspected) if part)
    words = f"{label} {'beside' if difference.answer is Answer.CANNOT_TELL else 'than'} {beside.name}"
    return f"{words}: {difference.reason}" if difference.reason else words
