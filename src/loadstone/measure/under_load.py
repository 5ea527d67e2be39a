"""How long a scenario was under load: the time that a rate of its values is divided by."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.measure.snapshot import View


def seconds_under_load(view: View, metric: str, tags: Mapping[str, str] | None = None) -> float:
    """Judged seconds in which these series could grow.

    Series of one scenario have that scenario's own time: it may begin late, end early, or wait for another one. Series of
    several scenarios, and of none, have the whole stretch.
    """
    scenarios = {dict(series.tags).get("scenario", "") for series in view.series(metric) if series.carries(tags or {})}
    if len(scenarios) == 1 and (name := scenarios.pop()):
        under_load_ns = view.count("load.time", {"scenario": name})
        if under_load_ns:
            return under_load_ns / 1e9
    return view.seconds
