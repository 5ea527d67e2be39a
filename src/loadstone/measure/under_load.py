"""How long a scenario was under load: the time that a rate of its values is divided by."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.measure.snapshot import View

LOAD_TIME = "load.time"


def seconds_under_load(view: View, metric: str, tags: Mapping[str, str] | None = None) -> float:
    """Judged seconds in which these series could grow.

    Series of one scenario have that scenario's own time: it may begin late, end early, or wait for another one. Series of
    several scenarios, and of none, have the whole stretch.
    """
    scenarios = scenarios_of(view, metric, tags or {})
    if len(scenarios) == 1 and (name := scenarios.pop()):
        under_load_ns = view.count(LOAD_TIME, {"scenario": name})
        if under_load_ns:
            return under_load_ns / 1e9
    return view.seconds


def scenarios_of(view: View, metric: str, tags: Mapping[str, str]) -> set[str]:
    """The scenarios whose series carry the tags; "" stands for series that belong to none."""
    return {dict(series.tags).get("scenario", "") for series in view.series(metric) if series.carries(tags)}
