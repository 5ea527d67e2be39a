"""A history of runs: where its figures changed, what the newest runs say, and where it leads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from loadstone.judge.alike import machine_key
from loadstone.judge.baseline_rule import BEST, FEWEST, compare_with_baseline
from loadstone.judge.difference import Answer, Difference
from loadstone.judge.recorded import Figure, RunFigures
from loadstone.judge.regression_rules import RegressionRules
from loadstone.stats.change_points import change_points
from loadstone.stats.effect import Effect
from loadstone.stats.forecast import FEWEST as FEWEST_FOR_FORECAST
from loadstone.stats.forecast import Crossing, Forecast, forecast
from loadstone.stats.season import find_period, without_season
from loadstone.stats.trend import Levels

NEWEST = 3  # runs that the prediction interval judges
DAY_S = 86_400.0
WEEKS_FOR_A_SEASON = 4
EVEN = 0.25  # of the usual gap between runs: how far the middle half of the gaps may stray


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level, as people ask for it.

    index:      of the first run after it, among the runs of its machine that have the figure
    effect:     after ÷ before, medians of the stretches next to it
    worse:      in the figure's direction
    confidence: that there is one somewhere in its stretch
    """

    index: int
    run: str
    started: datetime | None
    commit: str
    effect: Effect
    worse: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class History:
    """One figure on one machine.

    machine:  what tells it from others; see `alike.machine_key`
    runs:     those that have the figure, in order of time; those in which it is unknown, or has no ratio to others, are left out
    newest:   the newest three runs against the stretch before them, by the prediction interval; None below five and three runs
    answer:   worse when both the split and the newest runs say so; cannot tell when one of them does, or a newest run is left out
    outlook:  a line through the runs since the last change, of logarithms, in days; None below twelve runs
    season:   days after which the figure swings back; None when it does not
    """

    figure: Figure
    machine: str
    runs: tuple[RunFigures, ...]
    values: tuple[float, ...]
    changes: tuple[Change, ...]
    newest: Difference | None
    answer: Answer
    reason: str
    outlook: Forecast | None = None
    season: float | None = None

    def crossing(self, limit: float) -> Crossing | None:
        """In how many days the figure crosses a limit, in its unit; None when it does not move for certain or moves away."""
        return self.outlook.crossing(math.log(limit)) if self.outlook is not None and limit > 0 else None


def judge_histories(runs: Sequence[RunFigures], figure: Figure) -> list[History]:
    """One history for each machine that the runs were made on, the one with the newest run first; none without a run that has it."""
    by_machine: dict[str, list[RunFigures]] = {}
    for run in runs:
        by_machine.setdefault(machine_key(run.machine), []).append(run)
    return [judge_history(mine, figure, machine=machine) for machine, mine in reversed(_by_newest(by_machine))]


def judge_history(runs: Sequence[RunFigures], figure: Figure, rules: RegressionRules | None = None, machine: str = "") -> History:
    """Changes, vote and outlook of one figure on one machine.

    runs: in any order when all say when they started, else in the order of time; runs without the figure are left out

    Changes are told as ratios: of a share that was 0 in some run there are none, and the newest runs alone are judged.
    """
    rules = rules or RegressionRules()
    had = [(run, value) for run in _in_order(runs) if (value := run.value(figure)) is not None]
    kept = [(run, value) for run, value in had if _usable(figure, value)]
    names, values = tuple(run for run, _ in kept), tuple(value for _, value in kept)
    ratios = all(value > 0 for value in values)
    logs = np.log(np.array(values)) if ratios and values else np.empty(0)
    season, level = _season(names, logs)
    found = change_points(level)
    changes = tuple(
        Change(
            one.at, names[one.at].name, names[one.at].started, names[one.at].commit, one.effect, _worse(figure, one.effect), one.confidence
        )
        for one in found
    )
    unknown = [(run, value) for run, value in had[-NEWEST:] if not _usable(figure, value)]
    newest = None if unknown else _newest(names, figure, rules, [one.at for one in found])
    answer, reason = _unknown(figure, *unknown[-1]) if unknown else _vote(changes, newest, len(names), len(runs), figure, ratios=ratios)
    begin = found[-1].at if found else 0
    outlook = _outlook(names[begin:], level[begin:]) if ratios else None
    return History(figure, machine, names, values, changes, newest, answer, reason, outlook, season)


def _usable(figure: Figure, value: float) -> bool:
    """Has a run's value a place among others? Of nothing there is no ratio, but a share of 0 is one."""
    return math.isfinite(value) and (value > 0 or figure.is_share)


def _unknown(figure: Figure, run: RunFigures, value: float) -> tuple[Answer, str]:
    """A newest run without a level is no run that was not worse: a target that answers nothing has a throughput of 0."""
    what = f"{value:g}, of which there is no ratio" if math.isfinite(value) else "longer than anything recorded"
    return Answer.CANNOT_TELL, f"{figure.name} of run {run.name} is {what}"


def _vote(changes: Sequence[Change], newest: Difference | None, count: int, of: int, figure: Figure, *, ratios: bool) -> tuple[Answer, str]:
    """Both must say so: a split alone may be old news or chance, three runs alone may be bad luck.

    count: runs that have the figure, `of` so many
    """
    latest = changes[-1] if changes else None
    split = latest is not None and latest.worse and latest.index >= count - BEST
    if newest is None:
        those = f"{count} of {of} runs have" if count < of else f"{count} {'run has' if count == 1 else 'runs have'}"
        lacking = "; the others did not measure it, or from too few samples" if count < of else ""
        return Answer.CANNOT_TELL, f"{those} {figure.name}, and at least {FEWEST + NEWEST} are needed{lacking}"
    gate = newest.answer is Answer.WORSE
    if split and latest is not None:
        told = f"worse since {latest.run} ({latest.effect.ratio - 1:+.1%}, confidence {latest.confidence:.1%})"
        if gate:
            return Answer.WORSE, f"{told}, and the newest {NEWEST} runs are outside what those before predict"
        if newest.answer is Answer.CANNOT_TELL:
            return Answer.CANNOT_TELL, f"{told}, but the newest {NEWEST} runs alone do not show it"
        return newest.answer, f"{told}, but no longer: {newest.reason}"
    if gate:
        doubt = "the history shows no change yet" if ratios else "of a share that was 0 no history shows a change"
        return Answer.CANNOT_TELL, f"the newest {NEWEST} runs are worse ({newest.reason}), but {doubt}"
    return newest.answer, newest.reason


def _newest(runs: Sequence[RunFigures], figure: Figure, rules: RegressionRules, changes: Sequence[int]) -> Difference | None:
    """The newest runs against those before the last change, or before themselves when there is none among the last twenty."""
    last = changes[-1] if changes and changes[-1] >= len(runs) - BEST else None
    before = runs[: last if last is not None else len(runs) - NEWEST]
    begin = max((at for at in changes if at < len(before)), default=0)
    baseline = before[begin:][-BEST:]
    if len(baseline) < FEWEST or len(runs) - len(before) < 1 or len(runs) < FEWEST + NEWEST:
        return None
    candidates = runs[max(len(before), len(runs) - NEWEST) :]
    # Those of a history are alike by being in it, and its software is what changes.
    compared = compare_with_baseline(baseline, candidates, [figure], rules, known_alike=True)
    return compared.differences[0]


def _outlook(runs: Sequence[RunFigures], level: Levels) -> Forecast | None:
    times = _days(runs)
    if times is None or len(level) < FEWEST_FOR_FORECAST or times[-1] <= times[0]:
        return None
    return forecast(times, level)


def _season(runs: Sequence[RunFigures], logs: Levels) -> tuple[float | None, Levels]:
    """Days of a swing that comes back daily or weekly, and the level without it; other periods are chance or the tester's rhythm."""
    times = _days(runs)
    if times is None or len(logs) < 3 * WEEKS_FOR_A_SEASON:
        return None, logs
    gaps = np.diff(times)
    gap = float(np.median(gaps))
    early, late = np.quantile(gaps, [0.25, 0.75])
    if gap <= 0 or late - early > 2 * EVEN * gap:
        return None, logs
    period = find_period(logs)
    days = period * gap if period is not None else 0.0
    for named in (1.0, 7.0):
        if abs(days - named) <= 0.1 * named and times[-1] - times[0] >= WEEKS_FOR_A_SEASON * named:
            return named, without_season(logs)
    return None, logs


def _days(runs: Sequence[RunFigures]) -> Levels | None:
    starts = [run.started.timestamp() for run in runs if run.started is not None]
    return np.array(starts) / DAY_S if len(starts) == len(runs) and starts else None


def _in_order(runs: Sequence[RunFigures]) -> list[RunFigures]:
    if any(run.started is None for run in runs):
        return list(runs)
    return sorted(runs, key=_start)


def _by_newest(by_machine: dict[str, list[RunFigures]]) -> list[tuple[str, list[RunFigures]]]:
    return sorted(by_machine.items(), key=lambda pair: max(map(_start, pair[1])))


def _start(run: RunFigures) -> float:
    return run.started.timestamp() if run.started is not None else -math.inf


def _worse(figure: Figure, effect: Effect) -> bool:
    return (effect.ratio > 1) == (figure.better == "lower")
