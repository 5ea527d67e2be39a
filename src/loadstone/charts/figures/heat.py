"""Times as a heat map over time, on a log axis, with lines of p50, p95 and p99 on it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from loadstone.charts.coarse import coarse, lower_end
from loadstone.charts.figures.figure import Axis, Heat
from loadstone.charts.figures.lines import Row
from loadstone.charts.figures.recorded import Recorded
from loadstone.stats.histogram import Histogram

WIDTH = 8  # coarse buckets in a row: each row is 9 % higher than the one below

# Tokens that came in one read have a gap of 0: without a floor, six empty powers of ten below a microsecond squeeze all others.
FLOOR_NS = 1000
FLOOR_ROW = next(row for row in itertools.count() if lower_end((row + 1) * WIDTH) > FLOOR_NS)


def quantile_rows(metric: str) -> list[Row]:
    """The lines on the map."""
    return [Row(metric, stat, stat, colour) for stat, colour in (("p50", "1"), ("p95", "5"), ("p99", "2"))]


def axis_of_times(histograms: Sequence[Histogram], scale: float, unit: str, room: float, floor: int = 1) -> Axis:
    """A log axis from the least value to the greatest, with room at both ends.

    floor: what is less stands there
    """
    filled = [each for each in histograms if each.count]
    if not filled:
        return Axis(1 / scale / room, 10 / scale * room, log=True, unit=unit)
    least, greatest = max(floor, min(each.min for each in filled)), max(each.max for each in filled)
    return Axis(least / scale / room, max(greatest, 2 * least) / scale * room, log=True, unit=unit)


def heat_of(recorded: Recorded, metric: str) -> tuple[Heat | None, Axis] | None:
    """The map and its axis; no map where all values lie beyond, None where there are no values."""
    histograms = [each.histogram(metric) for each in recorded.each]
    present = [each for each in histograms if each is not None and each.count + each.beyond]
    if not present:
        return None
    axis = axis_of_times(present, recorded.whole.scale(metric), recorded.unit(metric), 1.15, FLOOR_NS)
    return (_map(recorded, histograms, recorded.whole.scale(metric)) if any(each.count for each in present) else None), axis


def _map(recorded: Recorded, histograms: Sequence[Histogram | None], scale: float) -> Heat:
    """Columns are stretches, and empty ones where nothing was measured between two."""
    counted = [_rows(each) for each in histograms]
    first = min(row for each in counted for row in each)
    last = max(row for each in counted for row in each)
    xs: list[float] = []
    columns: list[list[float | None]] = []
    empty: list[float | None] = [None] * (last - first + 1)
    for stretch, counts in zip(recorded.stretches, counted, strict=True):
        if xs and stretch.start_s - xs[-1] > 0.75:
            columns.append(empty)
            xs.append(stretch.start_s)
        elif not xs:
            xs.append(stretch.start_s)
        seconds = stretch.end_s - stretch.start_s or 1.0
        columns.append([math.log1p(counts[row] / seconds) if row in counts else None for row in range(first, last + 1)])
        xs.append(max(stretch.end_s, xs[-1] + 1e-3))
    edges = [max(0.5, lower_end(row * WIDTH)) / scale for row in range(first, last + 2)]
    return Heat(xs, edges, [list(row) for row in zip(*columns, strict=True)])


def _rows(histogram: Histogram | None) -> dict[int, int]:
    """How many values lie in each row that has any."""
    if histogram is None or not histogram.count:
        return {}
    buckets, counts = coarse(histogram)
    rows, places = np.unique(np.maximum(buckets // WIDTH, FLOOR_ROW), return_inverse=True)
    return dict(zip(rows.tolist(), np.bincount(places, counts).astype(np.int64).tolist(), strict=True))
