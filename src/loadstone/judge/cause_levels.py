"""Levels that moved with a gate's course: a likeness, not yet a reason, so it ranks last and must be very clear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadstone.judge.cause import Cause, CauseKind, Failed, cause
from loadstone.judge.course import RunCourse
from loadstone.judge.saturation import is_threshold
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Series
from loadstone.stats.association import FEWEST, association
from loadstone.stats.trend import Levels

CHANCE = 0.001  # for all levels and lags together
CLOSELY = 0.7  # rank correlation
CHANGES_CLOSELY = 0.3  # of the changes from window to window: two courses that only drift have none
PRESENT = 0.8  # of the windows in which the level was read
MOST = 3
# What the target says of the same waiting from its side is the symptom again.
SYMPTOMS = frozenset({"target.request_time", "target.ttft", "target.tpot", "target.requests_running", "target.tasks", "target.connections"})


def moved_with(failed: Failed, course: RunCourse, catalogue: Catalogue) -> list[Cause]:
    """The levels whose course is that of the gate, at most three."""
    kept = failed.base > 0
    effect = failed.rates[kept] if failed.counted or failed.upper else -failed.rates[kept]
    names = [series for series in course.level_names() if _may_be(series, failed, catalogue)]
    found = []
    for series in names:
        values = course.level(series)[kept]
        known = ~np.isnan(values)
        if len(values) < FEWEST or known.mean() < PRESENT:
            continue
        made = _judged(series, values[known], effect[known], len(names), course, kept, known)
        if made is not None:
            found.append(made)
    return sorted(found, key=lambda one: -one.evidence)[:MOST]


def _may_be(series: Series, failed: Failed, catalogue: Catalogue) -> bool:
    metric = catalogue.get(series.metric)
    better = metric.better if metric is not None else "neither"
    return not (series.metric in SYMPTOMS or series.metric == failed.gate.metric.name or better == "higher" or is_threshold(series.metric))


def _judged(
    series: Series, values: Levels, effect: Levels, tried: int, course: RunCourse, kept: NDArray[np.bool_], known: NDArray[np.bool_]
) -> Cause | None:
    found = association(values, effect)
    if found is None or found.rho < CLOSELY or found.p * tried > CHANCE:
        return None
    early, late = np.diff(values)[: len(values) - 1 - found.lag], np.diff(effect)[found.lag :]
    changes = association(early, late, (0,))
    if changes is None or changes.rho < CHANGES_CLOSELY or changes.p > CHANCE * 10:
        return None
    window_s = float(np.median([window.end_s - window.start_s for window in course.windows]))
    after = f", {found.lag * window_s:.0f} s later" if found.lag else ""
    text = f"what is past the limit follows {series.metric}{after} (rank correlation {found.rho:.2f} over {len(values)} windows)"
    at = np.flatnonzero(kept)[known]
    span = course.span(int(at[0]), int(at[-1]) + 1)
    return cause(CauseKind.MOVED, str(series.metric), text, found.rho, span, rho=found.rho, lag_s=found.lag * window_s)
