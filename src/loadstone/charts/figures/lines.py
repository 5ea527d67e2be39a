"""Lines over time out of what was recorded, and the axis that holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from loadstone.charts.figures.axes import plain, value_text
from loadstone.charts.figures.figure import Axis, Line, Slope
from loadstone.charts.figures.recorded import Recorded, Tags, Totals
from loadstone.measure.catalogue import Kind

MOST_LINES = 6
COLOURS = 6
MOMENT_S = 0.25  # as in lines.js: too short for a rate, a percentile beside whole seconds, or a reading


@dataclass(frozen=True, slots=True)
class Row:
    """A line to be drawn: a statistic of a metric.

    stat:   p50 … p99.9, mean, rate, share; of levels mean, last, least, greatest
    colour: of the palette; empty for the next of its numbers
    band:   between the least and the greatest reading
    """

    metric: str
    stat: str
    label: str
    colour: str = ""
    dash: str = "solid"
    band: bool = False
    times: float = 1.0
    tags: Tags = field(default_factory=dict)


def statistic(totals: Totals, row: Row) -> float | None:
    """The value of a line in one stretch; None where there is none, infinity where it is longer than anything recorded."""
    if row.stat[0] == "p" and row.stat[1:2].isdigit():
        return totals.quantile(row.metric, float(row.stat[1:]) / 100, row.tags)
    if row.stat == "rate":
        return totals.rate_of_part(row.metric, row.tags)
    if row.stat == "share":
        return totals.share(row.metric, row.tags)
    level = totals.level(row.metric, row.tags)
    if level is not None and level.count:
        return float(getattr(level, row.stat)) / totals.scale(row.metric)
    return totals.mean(row.metric, row.tags) if row.stat == "mean" else None


def lines_of(recorded: Recorded, rows: Sequence[Row]) -> list[Line]:
    """Those of the rows that have values, at most three times as many as can be told apart."""
    found = [_line(recorded, row, row.colour or str(index % COLOURS + 1)) for index, row in enumerate(rows[: 3 * MOST_LINES])]
    return [line for line in found if line.beyond or any(y is not None for y in line.ys)]


def by_tag(recorded: Recorded, row: Row, tag: str) -> list[Row]:
    """A line for each value of a tag, those with most samples first; one for all where there is one value or none."""
    values = recorded.values(tag, row.metric)
    if len(values) <= 1:
        return [replace(row, label=values[0] if values else row.stat)]
    values.sort(key=lambda value: -(recorded.whole.count(row.metric, {tag: value}) or 0))
    return [replace(row, label=value, colour="", tags={**row.tags, tag: value}) for value in values[:MOST_LINES]]


def _line(recorded: Recorded, row: Row, colour: str) -> Line:
    xs: list[float] = []
    ys: list[float | None] = []
    ends: list[tuple[float | None, float | None]] = []
    beyond: list[float] = []
    before_s, level_line = math.inf, recorded.kind(row.metric) is Kind.GAUGE
    for stretch, totals in zip(recorded.stretches, recorded.each, strict=True):
        if stretch.start_s - before_s > max(1.5, stretch.end_s - stretch.start_s):
            xs.append((before_s + stretch.start_s) / 2)
            ys.append(None)
            ends.append((None, None))
        before_s = stretch.end_s
        at = (stretch.start_s + stretch.end_s) / 2
        found = statistic(totals, row)
        moment = stretch.end_s - stretch.start_s < MOMENT_S and recorded.end_s > 4 * MOMENT_S
        if moment and (found is None or (math.isfinite(found) and not level_line)):
            continue
        if found is not None and math.isinf(found):
            beyond.append(at)
        xs.append(at)
        ys.append(found * row.times if found is not None and math.isfinite(found) else None)
        level = totals.level(row.metric, row.tags) if row.band else None
        times = row.times / totals.scale(row.metric)
        ends.append((level.least * times, level.greatest * times) if level is not None else (None, None))
    lows, highs = [low for low, _ in ends], [high for _, high in ends]
    moves = any(low is not None and high is not None and high > low for low, high in zip(lows, highs, strict=True))
    return Line(row.label, colour, xs, ys, beyond, row.dash, lows if moves else (), highs if moves else ())


def axis_of(lines: Sequence[Line], unit: str, *, log: bool, from_zero: bool) -> Axis:
    """An axis that holds every line and band."""
    every = [y for line in lines for y in (*line.ys, *line.highs) if y is not None and not (log and y <= 0)]
    if not every:
        return Axis(1, 10, log, unit) if log else Axis(0, 1, log, unit)
    low, high = min(every), max(every)
    if log:
        return Axis(low / 1.25, max(high * 1.25, low * 2), log, unit)
    # Levels far from zero that hardly move would be flat lines at the top.
    if not from_zero and high - low < 0.5 * high:
        least = 0.002 * abs(high)
        return Axis(low - max(0.15 * (high - low), least), high + max(0.05 * (high - low), least), log, unit)
    return Axis(min(0.0, low), high if high > 0 else 1.0, log, unit)


def leak_slopes(recorded: Recorded, metric: str) -> list[Slope]:
    """Where a leak gate judged a level: its slope through the middle of what was judged."""
    level = recorded.whole.level(metric)
    from_s, to_s = recorded.judged_from_s, recorded.judged_to_s
    if level is None or not level.count:
        return []
    found = []
    for gate in recorded.document.get("gates") or ():
        if gate["gate"].startswith(f"leak({metric}") and gate["value"] is not None and gate["unit"].endswith("/s"):
            mean, half = level.mean / recorded.whole.scale(metric), gate["value"] * (to_s - from_s) / 2
            rate = value_text(gate["value"] * 3600, recorded.unit(metric))
            text = plain(f"slope: {rate} an hour (leak gate: {gate['status']})")
            found.append(Slope((from_s, to_s), (mean - half, mean + half), text))
    return found
