"""Runs beside runs: what keepers give to those who compare, and what a comparison comes to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loadstone.errors import ExitCode
from loadstone.judge.alike import Likeness, alikeness
from loadstone.judge.baseline_rule import Comparison, compare_with_baseline, confirmed
from loadstone.judge.difference import Answer, Difference, gravest
from loadstone.judge.figures import Asked, figures_of, sections_of
from loadstone.judge.recorded import RunFigures, Sections
from loadstone.judge.regression_rules import RegressionRules
from loadstone.judge.run_pair import compare_runs
from loadstone.judge.works import all_failed
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.declared import declared
from loadstone.measure.snapshot import View
from loadstone.plan.own_metrics import MetricLine
from loadstone.stats.sections import SECTIONS

ALL_FAILED = "everything that was asked for failed, before and after: times of failures say nothing"


@dataclass(frozen=True, slots=True, eq=False)
class PastRun:
    """A run that is over.

    parts:   contiguous stretches of its judged part; a keeper may read one anew each time it is asked for
    machine: fields of its provenance, for `alike.alikeness`
    started: UTC; None when unknown
    plan:    its plan as JSON; empty when unknown
    doubt:   why its numbers may be of something else than the target; empty when nothing is known against them
    """

    name: str
    total: View
    parts: Sequence[Aggregate]
    machine: Mapping[str, object]
    started: datetime | None = None
    commit: str = ""
    plan: str = ""
    doubt: str = ""

    def figures(self, asked: Sequence[Asked]) -> RunFigures:
        """The run as numbers, for comparisons that know the spread between runs."""
        return RunFigures(self.name, *figures_of(self.total, asked), self.machine, self.started, self.commit)

    def sections(self, asked: Sequence[Asked]) -> dict[str, Sections]:
        """The run as its course, for comparisons that know only the spread inside it."""
        stretches = _joined(self.parts, SECTIONS)
        return {each.figure.name: sections_of(stretches, each) for each in asked}


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """One side of a comparison: one run, several of the same, or a baseline's.

    name: as people call it
    runs: oldest first
    """

    name: str
    runs: Sequence[PastRun]


# How a gate gets what it compares with: by the name in the gate, or "" for what the command line named; None when nobody named any.
# raises: LoadstoneError when there is none of that name
Baselines = Callable[[str], Beside | None]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two sides, and what their comparison found."""

    before: Beside
    after: Beside
    found: Comparison

    @property
    def answer(self) -> Answer:
        """The gravest of all figures' answers; of nothing, nobody can tell."""
        return gravest([difference.answer for difference in self.found.differences])

    @property
    def exit_code(self) -> ExitCode:
        """0 better or not worse, 1 worse, 4 cannot tell."""
        if self.answer is Answer.WORSE:
            return ExitCode.GATE_FAILED
        return ExitCode.INCONCLUSIVE if self.answer is Answer.CANNOT_TELL else ExitCode.PASS


def compare(
    before: Beside,
    after: Beside,
    asked: Sequence[Asked],
    rules: RegressionRules | None = None,
    *,
    confirming: PastRun | None = None,
    despite_machine: bool = False,
) -> Compared:
    """Is the later side worse? One run beside one by their courses; else by the spread between the earlier runs.

    A run that is on both sides counts as a later one only: compared with itself, anything looks the same.
    confirming: one more later run, which what is worse has to be borne out by; it needs several earlier runs
    """
    rules = rules or RegressionRules()
    if before.runs and after.runs and all(all_failed(run.total) for run in (*before.runs, *after.runs)):
        return Compared(before, after, Comparison(tuple(_untold(each, rules, ALL_FAILED) for each in asked), (), ALL_FAILED))
    asked, redefined = _of_one_meaning(before.runs, after.runs, asked, rules)
    figures = [each.figure for each in asked]
    later = {run.name for run in (*after.runs, *((confirming,) if confirming else ()))}
    earlier = [run for run in before.runs if run.name not in later] if len(before.runs) > 1 else list(before.runs)
    if len(earlier) == len(after.runs) == 1 and confirming is None:
        (old,), (new,) = earlier, after.runs
        unlike = alikeness(old.machine, new.machine, despite_machine=despite_machine)
        refused = unlike.reasons[0] if unlike.likeness is Likeness.REFUSED else ""
        differences = compare_runs(old.sections(asked), new.sections(asked), figures, rules, unlike=unlike)
        found = Comparison(differences, unlike.reasons, refused)
    else:
        old_runs, new_runs = ([run.figures(asked) for run in runs] for runs in (earlier, after.runs))
        found = compare_with_baseline(old_runs, new_runs, figures, rules, despite_machine=despite_machine)
        if confirming is not None and found.needs_confirmation:
            more = confirming.figures(asked)
            found = confirmed(old_runs, new_runs, more, figures, rules, despite_machine=despite_machine)
    both = len(before.runs) - len(earlier)
    if both:
        left_out = (
            f"{both} of the earlier runs {'is a later one' if both == 1 else 'are later ones'}, too, and left out of the earlier ones"
        )
        found = replace(found, notices=(*found.notices, left_out))
    doubts = [f"run {run.name} {run.doubt}" for run in (*earlier, *after.runs, *((confirming,) if confirming else ())) if run.doubt]
    found = replace(found, notices=(*found.notices, *doubts))
    if redefined:
        found = replace(found, differences=(*found.differences, *redefined))
    return Compared(before, after, found)


def _of_one_meaning(
    before: Sequence[PastRun], after: Sequence[PastRun], asked: Sequence[Asked], rules: RegressionRules
) -> tuple[list[Asked], tuple[Difference, ...]]:
    """What all runs measured in the same way, and why the rest cannot be told: 2 s beside 2,000 ms would be a thousandth."""
    kept: list[Asked] = []
    redefined = []
    for each in asked:
        why = next((why for run in (*before, *after) if (why := _redefined(run, each))), "")
        if why:
            redefined.append(_untold(each, rules, why))
        else:
            kept.append(each)
    return kept, tuple(redefined)


def _untold(asked: Asked, rules: RegressionRules, why: str) -> Difference:
    figure = asked.figure
    return Difference(figure.name, figure.unit, None, None, None, Answer.CANNOT_TELL, rules.limit_of(figure), reason=why, method="none")


def _redefined(run: PastRun, asked: Asked) -> str:
    """In what the run's own declaration of a metric differs from the one that its values are to be read by; empty for nothing."""
    metric = asked.gate.metric
    if metric.name not in run.plan:
        return ""
    try:
        line = MetricLine.model_validate(json.loads(run.plan)["metrics"][metric.name])
    except (ValueError, KeyError, TypeError):
        return ""  # built in, or a plan of another version
    then = declared({metric.name: line})[0]
    for what in ("unit", "kind", "better", "scale", "share_of"):
        old, new = getattr(then, what), getattr(metric, what)
        if old != new:
            return f"{metric.name} of run {run.name} has the {what.replace('_', ' ')} {old}, and not {new}: other numbers"
    return ""


def _joined(parts: Sequence[Aggregate], most: int) -> list[Aggregate]:
    """At most so many stretches of neighbours: what is compared is no finer, and 64 of fifty series take 100 MB."""
    width = -(-len(parts) // most)
    found: list[Aggregate] = []
    for at, part in enumerate(parts):
        if at % width == 0:
            found.append(Aggregate())
        found[-1].add(part.as_snapshot())
    return found
