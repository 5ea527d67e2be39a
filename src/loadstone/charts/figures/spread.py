"""How times are spread: shares per bucket on a log axis, and the share that is no longer than a time, a curve for each step."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from loadstone.charts.coarse import coarse, lower_end
from loadstone.charts.figures.figure import Axis, Curve
from loadstone.charts.figures.heat import WIDTH, axis_of_times
from loadstone.charts.figures.recorded import Recorded
from loadstone.stats.histogram import Histogram

MOST_CURVES = 6


def spread_of(recorded: Recorded, metric: str, *, ridges: bool) -> tuple[list[Curve], Axis] | None:
    """Curves, those with most values first, and the axis of times; None where nothing was recorded."""
    scale = recorded.whole.scale(metric)
    found = [(label, histogram) for label, histogram in _parts(recorded, metric)[:MOST_CURVES] if histogram.count]
    if not found:
        return None
    axis = axis_of_times([histogram for _, histogram in found], scale, recorded.unit(metric), 1.1)
    shape = _shares if ridges else _steps
    return [Curve(label, histogram, *shape(histogram, scale)) for label, histogram in found], axis


def _parts(recorded: Recorded, metric: str) -> list[tuple[str, Histogram]]:
    several = len(recorded.values("scenario", metric)) > 1
    keys: dict[tuple[str, str], None] = {}
    for series in recorded.series(metric):
        tags = dict(series.tags)
        keys.setdefault((tags.get("scenario", ""), tags.get("step", "")))
    found = []
    for scenario, step in keys:
        tags = {key: value for key, value in (("scenario", scenario), ("step", step)) if value}
        histogram = recorded.whole.histogram(metric, tags)
        label = f"{scenario} / {step}" if step and several else step or "all"
        if histogram is not None and histogram.count + histogram.beyond:
            found.append((label, histogram))
    return sorted(found, key=lambda one: -(one[1].count + one[1].beyond))


def _steps(histogram: Histogram, scale: float) -> tuple[list[float], list[float]]:
    """Those beyond count among all, so that a curve ends below 100 % by their share."""
    buckets, counts = coarse(histogram)
    middles = [min(max((lower_end(each) + lower_end(each + 1) - 1) / 2, histogram.min), histogram.max) for each in buckets.tolist()]
    samples = histogram.count + histogram.beyond
    xs = [max(1, histogram.min) / scale, *(max(1.0, each) / scale for each in middles)]
    return xs, [0.0, *(100.0 * seen / samples for seen in accumulate(counts.tolist()))]


def _shares(histogram: Histogram, scale: float) -> tuple[list[float], list[float]]:
    """Edges of rows, and the share between each and the next; the last edge has 0."""
    buckets, counts = coarse(histogram)
    rows = buckets // WIDTH
    first = int(rows[0])
    shares = 100.0 * np.bincount(rows - first, counts) / (histogram.count + histogram.beyond)
    edges = [max(0.5, lower_end((first + place) * WIDTH)) / scale for place in range(shares.size + 1)]
    return edges, [*shares.tolist(), 0.0]
