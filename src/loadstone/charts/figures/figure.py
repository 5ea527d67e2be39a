"""Charts as data: lines, bands, heat and shapes, with the axis that they stand on; nothing of how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.stats.histogram import Histogram


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of values from `low` to `high`, in `unit`."""

    low: float
    high: float
    log: bool
    unit: str


@dataclass(frozen=True, slots=True)
class Line:
    """One value for each stretch of a run.

    xs:     seconds since the run's start
    ys:     None where there is no value: a gap, not zero
    beyond: where the value is longer than anything recorded
    lows, highs: least and greatest reading at each x, or empty
    colour: name of a colour of the palette
    """

    label: str
    colour: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    beyond: Sequence[float] = ()
    dash: str = "solid"
    lows: Sequence[float | None] = ()
    highs: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Heat:
    """How many values lie in each cell.

    xs, ys: edges of columns (s) and rows (shown values)
    rows:   for each row, log(1 + values a second) of each column; None where there are none
    """

    xs: Sequence[float]
    ys: Sequence[float]
    rows: Sequence[Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line that a gate judged."""

    xs: tuple[float, float]
    ys: tuple[float, float]
    text: str


@dataclass(frozen=True, slots=True)
class OverTime:
    """A chart over the run's time."""

    name: str
    title: str
    axis: Axis
    lines: Sequence[Line]
    heat: Heat | None = None
    slopes: Sequence[Slope] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """How the values of one step are spread; `xs` and `ys` as the kind of the chart says."""

    label: str
    histogram: Histogram
    xs: Sequence[float]
    ys: Sequence[float]


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread over the judged part.

    ridges: shares (%) between edges, a row for each curve; else the share (%) that takes at most x
    scale:  recorded value ÷ scale = shown value
    """

    name: str
    title: str
    axis: Axis
    curves: Sequence[Curve]
    ridges: bool
    scale: float


Figure = OverTime | Spread
